"""Rows that are drawn again: what is stored of them, when, and what viewers see meanwhile."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtail.worker.inband import sequence
from runtail.worker.shipper.output.lines import Chunk, Lines, Redrawn
from runtail.worker.shipper.output.processor import Event, Output, Processor
from tests.support.log_lines import final_lines, split
from tests.unit.test_shipper_terminal import Writer, lines_of

UP = b"\x1b[A"
NONCE = "feedfacefeedface"


def texts(items: list[Chunk | Redrawn]) -> list[str | int]:
    """The lines, and how many of them were redrawn."""
    found: list[str | int] = []
    for item in items:
        found += [item.lines] if isinstance(item, Redrawn) else item.payload.decode().splitlines()
    return found


def frame(rows: list[str], *, first: bool) -> bytes:
    """As rich, indicatif and log-update draw: up to the first row, each one erased, no newline behind the last."""
    up = b"" if first else b"\r\x1b[2K" + (UP + b"\x1b[2K") * (len(rows) - 1)
    return up + "\n".join(rows).encode()


def test_rows_that_come_and_change_at_once_are_stored_once() -> None:
    lines = Lines()
    output = b"pull\n" + frame(["one 0", "two 0", "three 0"], first=True)
    output += b"".join(frame([f"one {n}", f"two {n}", f"three {n}"], first=False) for n in range(1, 9))
    assert texts(lines.feed(output + b"\n") + lines.finish()) == ["pull", "one 8", "two 8", "three 8"]


def test_rows_that_were_stored_come_again_and_the_log_says_so() -> None:
    lines = Lines()
    assert texts(lines.feed(b"head\n" + frame(["one 0", "two 0"], first=True))) == ["head", "one 0"]
    assert lines.feed(frame(["one 1", "two 1"], first=False)) == []
    assert lines.live(4096) == ["one 1", "two 1"]
    # What is out of the program's reach is final.
    assert texts(lines.feed(frame(["one 2", "two 2"], first=False) + b"\n")) == [1, "one 2"]
    assert texts(lines.feed(b"after\n" * 3)) == ["two 2", "after", "after", "after"]


def test_rows_that_look_as_before_are_not_stored_again() -> None:
    lines = Lines()
    assert texts(lines.feed(b"a\nb\nc\n")) == ["a", "b", "c"]
    assert texts(lines.feed(2 * UP + b"\rb\x1b[2B\r") + lines.settle()) == [2, "b", "c"]
    # Only moved, nothing written.
    assert texts(lines.feed(2 * UP + b"\x1b[2B") + lines.settle()) == []


def test_lines_printed_above_bars_are_stored_at_once() -> None:
    """As tqdm.write and rich's console do: they take the bars' place, and the bars come again below."""
    lines = Lines()
    lines.feed(frame(["bar 0", "bar 0"], first=True))
    stored: list[str | int] = []
    for n in range(50):
        rows = b"\r\x1b[2K" + UP + b"\x1b[2K" + b"message %d\n" % n + b"bar %d\nbar %d" % (n, n)
        stored += texts(lines.feed(rows))
    assert [line for line in stored if str(line).startswith("message")] == [f"message {n}" for n in range(50)]
    assert len(lines.live(4096)) == 2


def test_a_hidden_cursor_announces_that_rows_will_be_drawn_again() -> None:
    lines = Lines()
    assert lines.feed(b"\x1b[?25l" + frame(["x 0", "y 0"], first=True)) == []
    assert lines.live(4096) == ["x 0", "y 0"]
    items = lines.feed(frame(["x 1", "y 1"], first=False) + b"\n\x1b[?25h")
    assert texts(items + lines.finish()) == ["x 1", "y 1"]


def test_a_blank_row_below_everything_is_no_line() -> None:
    """As rich's Progress leaves it when it is not animated."""
    lines = Lines()
    items = lines.feed(b"\x1b[?25la 100 %\nb 100 %\n\n\x1b[?25h")
    assert texts(items + lines.finish()) == ["a 100 %", "b 100 %"]


def test_rows_may_become_more_while_the_cursor_is_hidden() -> None:
    """As listr2's: each frame erases the one before and has a row more, and a newline behind each row."""
    lines, items = Lines(), Lines().feed(b"")
    for rows in range(1, 9):
        erased = b"\x1b[2K" + (UP + b"\x1b[2K") * (rows - 1) + b"\x1b[G"
        items += lines.feed(b"\x1b[?25l" * (rows == 1) + erased + b"".join(b"task %d\n" % n for n in range(rows)))
    assert items == []
    assert texts(lines.feed(b"\x1b[?25h") + lines.finish()) == [f"task {n}" for n in range(8)]


def test_what_is_held_although_nothing_comes_back_is_given_out_when_asked_for() -> None:
    lines = Lines()
    assert lines.feed(b"\x1b[?25lno bar at all\n") == []
    assert texts(lines.settle() if lines.waits else []) == ["no bar at all"]
    assert texts(lines.settle() if lines.waits else []) == []
    # And plain text is plain again.
    assert lines.feed(b"next\n") == [Chunk(b"next\n")]


def test_a_row_that_is_being_written_is_not_given_out() -> None:
    lines = Lines()
    lines.feed(frame(["outer", "inner"], first=True) + UP)
    moves = lines.moves
    assert not lines.waits
    assert texts(lines.settle()) == []
    assert lines.live(4096) == ["outer", "inner"]
    lines.feed(b"\router 2")
    assert lines.moves == moves
    lines.feed(UP)
    assert lines.moves > moves


def test_what_a_cleared_screen_showed_is_kept() -> None:
    lines = Lines()
    items = lines.feed(b"step one\n\x1b[H\x1b[2Jstep two\nhalf\x1b[2J\x1b[Hstep three\n")
    assert texts(items + lines.finish()) == ["step one", "step two", "half", "step three"]


def test_what_another_screen_showed_is_kept() -> None:
    lines = Lines()
    output = b"$ dialog\n\x1b[?1049h\x1b[2;5Hwindow\x1b[3;5Hfailed\x1b[3;5Hsaved \x1b[?1049l$ done\n"
    assert texts(lines.feed(output) + lines.finish()) == ["$ dialog", "    window", "    saved", "$ done"]


def test_a_bar_below_a_scroll_region_is_no_part_of_the_lines() -> None:
    """As apt's, on a terminal of 40 rows."""
    bar = b"\x1b7\x1b[40;0f\x1b[30;42mProgress: [%3d%%]\x1b[0m\x1b8"
    output = b"\n\x1b7\x1b[0;39r\x1b8\x1b[1A" + bar % 0
    for n in range(60):
        output += b"Unpacking %d ...\n" % n + bar % n
    output += b"\x1b7\x1b[0;40r\x1b8\x1b[J" + b"Done\n"
    for sizes in ([len(output)], [100], [1]):
        lines = Lines()
        items = [item for part in split(output, sizes) for item in lines.feed(part)] + lines.finish()
        assert [line.decode() for line in final_lines(items)] == [f"Unpacking {n} ..." for n in range(60)] + ["Done"]


def test_at_most_a_hundred_rows_are_held_back() -> None:
    lines = Lines()
    given: list[str | int] = []
    for n in range(500):
        given += texts(lines.feed(b"\x1b[?25lrow %d\n" % n))
        assert len(given) >= n - 100
    assert len(lines.live(4096)) <= 100
    assert given + texts(lines.finish()) == [f"row {n}" for n in range(500)]


def test_rows_of_more_than_64_kib_are_not_held_back() -> None:
    lines, given = Lines(), 0
    for n in range(60):
        items = lines.feed(b"\x1b[?25l" + b"%d " % n * 1500 + b"\n")
        given += sum(len(item.payload) for item in items if isinstance(item, Chunk))
        state = lines.save()[0]["region"]
        assert not state or sum(len(row[0]) for row in state["rows"]) < 120_000
    assert given > 60 * 4000 - 120_000


@pytest.mark.parametrize("vertical", [False, True])
def test_a_successor_goes_on_with_any_screen(vertical: bool) -> None:
    """The state is saved and restored after every few bytes; what comes out is the same."""
    for seed in range(150):
        writer, dice = Writer(90_000 + seed, vertical=vertical), random.Random(seed)
        data = writer.data.encode()
        parts = split(data, [dice.randint(1, 30) for _ in range(7)])
        one, expected = lines_of(writer.rows), []
        for part in parts:
            expected += one.feed(part)
        items: list[Chunk | Redrawn] = []
        lines = lines_of(writer.rows)
        for part in parts:
            successor = lines_of(writer.rows)
            successor.restore(*lines.save())
            assert successor.live(4096) == lines.live(4096)
            lines = successor
            items += lines.feed(part)
        assert items == expected, (seed, writer.data)
        assert lines.rewritten_bytes == one.rewritten_bytes
        assert lines.finish() == one.finish(), (seed, writer.data)


def test_a_successor_knows_what_the_program_has_set() -> None:
    """A place that was saved, while nothing is drawn."""
    lines = Lines()
    lines.feed(b"one\n\x1b7two\nthree\nfour\n")
    lines.settle()
    successor = Lines()
    successor.restore(*lines.save())
    items = successor.feed(b"\x1b8TWO\n")
    assert texts(items + successor.finish()) == [3, "TWO", "three", "four"]


@given(
    st.lists(
        st.sampled_from([b"plain\n", b"text", b"\n", b"\x1b[31mred\x1b[0m\n", b"dos\r\n", b"\x1b[K", b"\t"]),
        max_size=30,
    )
)
def test_what_only_writes_leaves_as_it_came(parts: list[bytes]) -> None:
    lines = Lines()
    items = [item for part in parts for item in lines.feed(part)] + lines.finish()
    assert b"".join(item.payload for item in items if isinstance(item, Chunk)) == b"".join(parts)
    assert lines.rewritten_bytes == 0


def told(items: list[Output | Event]) -> list[Any]:
    return [item.chunk.payload.decode() if isinstance(item, Output) else item.fields["kind"] for item in items]


def test_what_is_no_output_comes_behind_the_rows_above_it() -> None:
    processor = Processor(NONCE)
    output = b"\x1b[?25la\nb\n" + sequence(NONCE, {"op": "group", "title": "G"}) + b"c\n"
    assert told(processor.feed(output)) == ["a\nb\n", "group"]
    assert told(processor.settle()) == ["c\n"]


def test_a_redrawn_line_is_named_by_how_far_back_it_stands() -> None:
    processor = Processor(NONCE)
    processor.feed(b"one\ntwo\nthree\n")
    items = processor.feed(2 * UP + b"TWO\n\n") + processor.settle()
    (event,) = [item for item in items if isinstance(item, Event)]
    assert (event.fields["kind"], event.lines_before) == ("redrawn", 2)
    assert told(items)[-1] == "TWO\nthree\n"


def test_a_secret_that_comes_together_on_the_screen_is_masked() -> None:
    processor = Processor(NONCE, [b"hunter2secret"])
    items = processor.feed(b"pass secretX\x1b[7D\x1b[7@hunter2\x1b[6CZ")
    assert processor.live(4096) == ["pass ***Z"]
    items += processor.feed(b"\n") + processor.finish()
    assert told(items) == ["pass ***Z\n", "masked"]


def test_text_that_is_carried_into_the_next_line_keeps_its_colour() -> None:
    lines = Lines()
    (chunk,) = lines.feed(b"\x1b[1;31mbusy\rdone\nstill red\x1b[0m\nplain\n")
    assert isinstance(chunk, Chunk)
    assert chunk.payload == b"\x1b[1;31mdone\nstill red\x1b[0m\nplain\n"
    (chunk,) = lines.feed(b"\x1b[32mgreen\x1b[0m\rGREEN\x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\\nplain\n")
    assert isinstance(chunk, Chunk)
    assert chunk.payload == b"GREEN\x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\\nplain\n"
