"""What output leaves on a terminal's screen: pyte is the judge."""

import random
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcwidth

from runtail import author
from runtail.worker.shipper.output.cells import width
from runtail.worker.shipper.output.lines import Chunk, Lines, Redrawn
from runtail.worker.shipper.output.screen import COLUMNS, SCREEN_ROWS
from runtail.worker.shipper.output.terminal import Terminal
from tests.support.log_lines import final_lines, split
from tests.support.terminal_judge import Judge, seen

SCREENS = 5_000
#: In as many tests, so that several workers share them.
SHARES = 10
WORDS = ["a", "bc", "123", "Über", " ", "- ", "done", "漢", "é", "e\u0301", "字ab", "50%", "━━", "👍", "한국"]


class Writer:
    """A program that moves about on a screen of *rows* rows, at random."""

    def __init__(self, seed: int, *, vertical: bool) -> None:
        self.dice = random.Random(seed)
        self.rows = self.dice.randint(3, 10)
        steps = [self.text] * 8 + [self.control] * 5 + [self.horizontal] * 5 + [self.colour]
        if vertical:
            steps += [self.up_or_down] * 3 + [self.place, self.region]
        self.data = "".join(self.dice.choice(steps)() for _ in range(self.dice.randint(1, 45)))

    def text(self) -> str:
        return self.dice.choice(WORDS) * self.dice.randint(1, 2)

    def control(self) -> str:
        return self.dice.choice(["\n", "\n", "\n", "\r\n", "\r", "\b" * self.dice.randint(1, 3), "\t"])

    def horizontal(self) -> str:
        final = self.dice.choice("GCDPX@Ka")
        numbers = ["", "0", "1", "2", "00"] if final == "K" else ["", "0", "1", "2", "3", "05"]
        return f"\x1b[{self.dice.choice(numbers)}{final}"

    def colour(self) -> str:
        return f"\x1b[{self.dice.choice(['31', '0', '1;32', '', '7', '38;5;3', '48;2;1;2;3'])}m"

    def up_or_down(self) -> str:
        return f"\x1b[{self.dice.choice(['', 1, 2, 3])}{self.dice.choice('AAABEFd')}"

    def place(self) -> str:
        row, column = self.dice.randint(1, self.rows), self.dice.randint(1, 30)
        places = [
            f"\x1b[{row};{column}H",
            f"\x1b[{row};{column}f",
            "\x1b[H",
            "\x1b7",
            "\x1b8",
            "\x1bM",
            "\x1bD",
            "\x1bE",
        ]
        return self.dice.choice(places)

    def region(self) -> str:
        top = self.dice.randint(1, self.rows - 1)
        count = self.dice.randint(1, 3)
        margins = [f"\x1b[{top};{self.dice.randint(top + 1, self.rows)}r", "\x1b[r"]
        erasures = ["\x1b[J", "\x1b[0J", "\x1b[1J", "\x1b[2J"]
        return self.dice.choice([*margins, *erasures, f"\x1b[{count}L", f"\x1b[{count}M", "\x1b[?25l", "\x1b[?25h"])


def lines_of(rows: int) -> Lines:
    """What cuts the lines, with a screen as high as the judge's."""
    return Lines(screen_rows=rows, most_rows=rows)


def stored(data: bytes, sizes: list[int], lines: Lines) -> list[Chunk | Redrawn]:
    return [item for part in split(data, sizes) for item in lines.feed(part)] + lines.finish()


def drawn(line: bytes) -> str:
    """What is seen of a line: output that only writes may hold controls, and rows that come again hold none."""
    terminal = Terminal()
    terminal.write(line.decode("utf-8", "surrogateescape"))
    return "".join(terminal.row.characters).rstrip()


@pytest.mark.parametrize("share", range(SHARES))
def test_what_remains_visible_is_what_a_terminal_shows(share: int) -> None:
    """5,000 screens; each at once, byte by byte, and in blocks."""
    for seed in range(share, SCREENS, SHARES):
        writer = Writer(seed, vertical=seed % 4 != 0)
        data, right = writer.data.encode(), Judge(writer.rows).take(writer.data).shown()
        for sizes in ([len(data)], [1], [7, 1, 30]):
            lines = [line.decode() for line in final_lines(stored(data, sizes, lines_of(writer.rows)))]
            assert seen(lines) == [unicodedata.normalize("NFC", row) for row in right], (seed, sizes, writer.data)


def test_colours_are_those_of_the_screen() -> None:
    """What is stored, shown by itself, has the colours of the output it was made of."""
    for seed in range(400):
        writer = Writer(seed, vertical=seed % 3 == 0)
        items = stored(writer.data.encode(), [len(writer.data) * 4], lines_of(writer.rows))
        if any(isinstance(item, Redrawn) for item in items):
            continue
        left = b"\r\n".join(final_lines(items)).decode()
        first, second = Judge(writer.rows).take(writer.data), Judge(500).take(left)

        def looks(judge: Judge) -> list[list[Any]]:
            rows = [[cell for _, cell in sorted(row.items()) if cell.data.strip()] for row in judge.rows()]
            return [[(c.data, c.fg, c.bg, c.bold, c.reverse) for c in row] for row in rows if row]

        assert looks(second) == looks(first), (seed, writer.data, left)


@given(st.binary(max_size=400), st.lists(st.integers(1, 40), min_size=1), st.booleans())
def test_any_bytes_are_taken(data: bytes, sizes: list[int], keep: bool) -> None:
    lines = Lines(max_line_bytes=60, cr="keep" if keep else "last")
    items: list[Chunk | Redrawn] = stored(data, sizes, lines)
    assert lines.live(20) is not None
    if keep:
        assert b"".join(item.payload for item in items if isinstance(item, Chunk)) == data


def test_noise_of_sequences_is_taken() -> None:
    """Bytes of which many are parts of sequences; a successor goes on anywhere."""
    dice = random.Random(11)
    alphabet = [
        b"\x1b[",
        b"\x1b]8;;http://x/\x07",
        b"\x1b",
        b"[",
        b"?",
        b";",
        b"9",
        b"99999",
        b"\r",
        b"\n",
        b"\b",
        b"\t",
    ]
    alphabet += [bytes([c]) for c in b"ABCDEFGHJKLMPSTXZ@`abdefhlmrsu78c()0\x0e\x0f"] + [
        "漢".encode(),
        b"\xe6",
        b"\xff",
        b"text",
    ]
    for _ in range(300):
        data = b"".join(dice.choices(alphabet, k=200))
        most = dice.choice([30, 50, 65536])
        lines, items = Lines(max_line_bytes=most), []
        for part in split(data, [17]):
            items += lines.feed(part)
            lines.live(30)
            successor = Lines(max_line_bytes=most)
            successor.restore(*lines.save())
            assert successor.save() == lines.save()
            lines = successor
        items += lines.finish()
        whole = final_lines(stored(data, [len(data)], Lines(max_line_bytes=most)))
        assert list(filter(None, map(drawn, final_lines(items)))) == list(filter(None, map(drawn, whole)))
        assert len(b"".join(item.payload for item in items if isinstance(item, Chunk))) < 100 * len(data)


HOSTILE = {
    "far to the right": b"\x1b[999999Cx",
    "inserted cells": b"\x1b[99999999@",
    "inserted into a long row": b"\x1b[@",
    "saved again and again": b"\x1b7",
    "restored again and again": b"\x1b8",
    "blank rows": b"\x1b[99999L",
    "scrolled": b"\x1b[9999S",
    "to the bottom": b"\x1b[9999;9999Hx",
    "marks on one character": "\u0301".encode(),
    "a repeated character": b"x\x1b[9999b",
    "tabs": b"\t",
    "erased to the left": b"\x1b[1K",
    "cleared": b"\x1b[2J",
    "up and down": b"\x1b[A\n",
    "wide characters": "漢".encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_costs_bounded_time_and_memory(name: str) -> None:
    unit = HOSTILE[name]
    data = b"y" * 60_000 + unit * ((1 << 20) // len(unit))
    lines, stored_bytes = Lines(), 0
    started = time.process_time()
    for at in range(0, len(data), 65536):
        stored_bytes += sum(len(i.payload) for i in lines.feed(data[at : at + 65536]) if isinstance(i, Chunk))
        assert len(lines.save()[1]) <= 65536
        assert sum(len(row) for row in lines.live(4096)) <= 5 * 4096
    stored_bytes += sum(len(i.payload) for i in lines.finish() if isinstance(i, Chunk))
    assert time.process_time() - started < 30
    assert stored_bytes <= 4 * len(data)


def test_the_screen_is_the_one_that_commands_are_given() -> None:
    assert author.TTY_SIZE == (SCREEN_ROWS, COLUMNS)


def test_the_cursor_stops_at_the_edge_of_a_terminal() -> None:
    lines = Lines()
    (chunk,) = lines.feed(b"left\x1b[999Cright\n")
    assert isinstance(chunk, Chunk)
    assert chunk.payload == b"left" + b" " * 115 + b"right\n"


def test_a_row_that_is_longer_has_its_edge_at_its_end() -> None:
    assert Lines().feed(b"z" * 300 + b"\x1b[999C!\n") == [Chunk(b"z" * 300 + b"!\n")]


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        # xterm's control sequences that pyte does not know.
        ("abc\x1b[1Gx\x1b[2Gy\x1b[3`z", "xyz"),
        ("a\x1b[3bb", "aaaab"),
        ("a\x1b[2Ib\x1b[2ZX", "a       X       b"),
        ("one\x1b[stwo\x1b[uTWO", "oneTWO"),
        ("abcd\x1b[2D\x1b[4hXY\x1b[4l", "abXYcd"),
        ("\x1b(0lqqk\x1b(B|\rl\x1b[B", "l──┐|"),
        ("tape\r\x1b[?0Knew", "new"),
        ("title\x1b]0;my\rtitle", "title0;my"),
        ("x\x1b[:3Cy\x1b[>4m\x1b[=1c\rz", "z y"),
    ],
)
def test_sequences_that_the_judge_does_not_know(output: str, shown: str) -> None:
    (line,) = final_lines([*(lines := Lines()).feed(output.encode()), *lines.finish()])
    assert line.decode() == shown


#: The letters that only fill a cell of a Korean syllable.
FILLERS = "\u3164\uffa0"


def test_widths_are_those_of_the_east_asian_tables() -> None:
    """wcwidth is newer (Unicode 16 made some symbols wide), and has rules of its own for marks that take room."""

    def differs_on_purpose(character: str) -> bool:
        category = unicodedata.category(character)
        wide_since = category in ("So", "No") and wcwidth(character) == 2
        # As xterm: a mark that takes room (Mc) has a cell, a sign that encloses the digits behind it has none.
        return category == "Mc" or (category == "Cf" and wcwidth(character) == 1) or wide_since or character in FILLERS

    characters = [chr(code) for code in range(0x20, 0x20000)]
    known = [c for c in characters if unicodedata.category(c) not in ("Cn", "Cs", "Co", "Cc")]
    wrong = [c for c in known if width(c) != max(0, wcwidth(c)) and not differs_on_purpose(c)]
    assert not wrong, [(hex(ord(c)), width(c), wcwidth(c)) for c in wrong[:40]]
    for character in "漢字한あＡ👍":
        assert width(character) == 2
    for character in "aé━█░⠋αя":
        assert width(character) == 1
