"""Makes ``line_vectors.json``: ``python -m tests.support.line_vectors`` prints it.

It says of stored lines what their text is, and which style is in force behind them. The first ones are written by hand,
from ECMA-48 and xterm's document; of the others, made by chance, the Python side says it and the page has to agree.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from runtail_web.plain import plain_text
from runtail_web.style import carried

FILE = Path(__file__).with_suffix(".json")
GENERATED = 1200
E = "\x1b"

#: Lines, and what a terminal is left with.
TEXTS = {
    # Ends of lines.
    "windows\r": "windows",
    "a terminal's\r\r": "a terminal's",
    "\r": "",
    # Written over.
    "10 %\r20 %\r30 %": "30 %",
    "longer\rab": "abnger",
    f"longer\rab{E}[K": "ab",
    f"longer\r{E}[2Kab": "ab",
    "ab\bc": "ac",
    "\b\b\bx": "x",
    f"status: running{E}[7Ddone   ": "status: done   ",
    f"one{E}[1Gtwo": "two",
    f"one{E}[Gtwo": "two",
    f"one{E}[0Gtwo": "two",
    f"x{E}[5Cy": "x     y",
    f"x{E}[9Gy": "x       y",
    f"abc{E}[99Dx": "xbc",
    f"a{E}[5C": "a",
    # Taken away and put between.
    f"abc{E}[00K": "abc",
    f"abc{E}[2D{E}[00K": "a",
    f"abc{E}[2D{E}[0;7K": "a",
    f"abc{E}[2D{E}[?K": "a",
    f"abc{E}[2D{E}[>K": "abc",
    f"abc{E}[2D{E}[0:1K": "abc",
    f"abc{E}[2D{E}[1K": "  c",
    f"abc{E}[02K": "",
    f"abc{E}[3K": "abc",
    f"abc{E}[1K": "",
    f"abcdef{E}[3G{E}[2P": "abef",
    f"abcdef{E}[3G{E}[P": "abdef",
    f"abcdef{E}[3G{E}[99P": "ab",
    f"abcdef{E}[3G{E}[2X": "ab  ef",
    f"abcdef{E}[3G{E}[99X": "ab",
    f"abc{E}[2G{E}[@X": "aXbc",
    f"abc{E}[2G{E}[2@X": "aX bc",
    f"abc\r{E}[J": "",
    f"abc\r{E}[2J": "abc",
    f"abc{E}[2J{E}[Hdef": "abcdef",
    # The cursor's place, kept.
    f"ab{E}7cd{E}8X": "abXd",
    f"ab{E}[scd{E}[uX": "abXd",
    f"ab{E}[ucd": "cd",
    f"ab{E}[5scd{E}[3u": "abcd",
    # Tabs.
    "tab\tstays": "tab\tstays",
    "a\tb\rX": "X\tb",
    "a\tb\r1234": "1234    b",
    "abcdefghij\r\tX": "abcdefghXj",
    # Wide and joined characters.
    "\u65e5\u672c\rX": "X \u672c",
    "\u65e5\u672c\bX": "\u65e5 X",
    "\u65e5\u672c\r\u8a9e": "\u8a9e\u672c",
    f"\u65e5\u672c\u8a9e{E}[2G{E}[K": "",
    f"ab\U0001f680cd{E}[4G{E}[P": "ab cd",
    "e\u0301\bx": "x",
    "e\u0301x\b\bE": "Ex",
    "ab\r\u0301": "a\u0301b",
    f"a{E}[3C\u0301": "a   \u0301",
    # Moves to other lines are none within this one.
    f"ab{E}[Acd{E}[2Bef": "abcdef",
    f"ab{E}[5;1Hcd": "abcd",
    f"ab{E}Mcd{E}Dc": "abcdc",
    f"ab{E}[3Ecd{E}[2Fc": "abcdc",
    # Colours, titles, character sets, modes: no text.
    f"{E}[31mred{E}[0m": "red",
    f"{E}[38:2::1:2:3mx{E}[m": "x",
    f"{E}[?25lx{E}[?25h": "x",
    f"{E}[>4;1mx{E}[!px{E}cx": "xxx",
    f"{E}[1 @x{E}[4 qy": "xy",
    f"{E}]0;title\x07text": "text",
    f"{E}]0;title{E}\\text": "text",
    f"{E}]8;;http://a.b\x07link{E}]8;;\x07": "link",
    f"{E}Pq#0{E}\\x{E}_hidden{E}\\y{E}^p{E}\\{E}Xs{E}\\": "xy",
    f"plain{E}(B{E}[m\x0f text\x0e\x0f": "plain text",
    f"{E}(0lqqk{E}(B": "lqqk",
    f"{E})0\x0elqk\x0f{E}#8{E}%G": "lqk",
    f"{E}\x0e[31mx": "x",
    f"{E}=x{E}>{E}Hy": "xy",
    # What is no sequence is text; what is left of controls is seen.
    E: "\u241b",
    f"a{E}[": "a\u241b[",
    f"a{E}[12": "a\u241b[12",
    f"{E}]0;a{E}[31mb": "\u241b]0;ab",
    f"{E}{E}[31m[Kx": "\u241b[Kx",
    f"{E}[3{E}[0m1m": "\u241b[31m",
    f"{E}]8;;http://x": "\u241b]8;;http://x",
    f"{E}[1\x7fm": "\u241b[1\u2421m",
    f"{E}\u00e9": "\u241b\u00e9",
    "bell\x07 nul\x00 del\x7f": "bell\u2407 nul\u2400 del\u2421",
    "vt\x0bff\x0c": "vt\u240bff\u240c",
    "c1\x9b31m \x85 \x9d0;t\x9c": "c1\ufffd31m \ufffd \ufffd0;t\ufffd",
    "\u202egnp.exe": "\ufffdgnp.exe",
    "a\u2066b\u200fc\u061cd\u2028e": "a\ufffdb\ufffdc\ufffdd\ufffde",
    "bell\x07\bx": "bellx",
    # Nobody means that.
    f"{E}[999999999Cx": " " * 1000 + "x",
    f"{E}[{'9' * 400}Gx": " " * 1000 + "x",
    f"a\r{E}[99999@b": "b" + " " * 999 + "a",
}

#: Lines that begin plain, and fg, bg, flags and link behind them.
STYLES: dict[str, list[int | str]] = {
    f"{E}[31m": [1, -1, 0, ""],
    f"{E}[97;104m": [15, 12, 0, ""],
    f"{E}[38;5;208mx": [208, -1, 0, ""],
    f"{E}[48:5:17mx": [-1, 17, 0, ""],
    f"{E}[38;2;1;2;3m": [0x1010203, -1, 0, ""],
    f"{E}[38:2:1:2:3m": [0x1010203, -1, 0, ""],
    f"{E}[38:2::1:2:3m": [0x1010203, -1, 0, ""],
    f"{E}[38:2:0:1:2:3:0:0m": [0x1010203, -1, 0, ""],
    f"{E}[48;2;999;2;3m": [-1, 0x1FF0203, 0, ""],
    f"{E}[038;005;0009m": [9, -1, 0, ""],
    f"{E}[38;5m": [-1, -1, 0, ""],
    f"{E}[38;5;;1m": [0, -1, 1, ""],
    f"{E}[38;2;1;2m": [-1, -1, 0, ""],
    f"{E}[38;7;1m": [-1, -1, 33, ""],
    f"{E}[58;5;1;3m": [-1, -1, 4, ""],
    f"{E}[58:2::1:2:3;1m": [-1, -1, 1, ""],
    f"{E}[1;2;3;4;7;8;9m": [-1, -1, 127, ""],
    f"{E}[1;2;3;4;7;8;9m{E}[22;23;24;27;28;29m": [-1, -1, 0, ""],
    f"{E}[21m": [-1, -1, 8, ""],
    f"{E}[4:3m": [-1, -1, 8, ""],
    f"{E}[4m{E}[4:0m": [-1, -1, 0, ""],
    f"{E}[1;31;44m{E}[39;49m": [-1, -1, 1, ""],
    f"{E}[31m{E}[m": [-1, -1, 0, ""],
    f"{E}[31m{E}[;m": [-1, -1, 0, ""],
    f"{E}[31m{E}[00m": [-1, -1, 0, ""],
    f"{E}[31m{E}[?0m{E}[>4m{E}[1 m": [1, -1, 0, ""],
    f"{E}[31m{E}[0": [1, -1, 0, ""],
    f"{E}[31;1m{E}c": [-1, -1, 0, ""],
    f"{E}[31;1m{E}[!p": [-1, -1, 0, ""],
    f"{E}]8;;https://a.b/c\x07{E}[31m{E}[!p": [-1, -1, 0, "https://a.b/c"],
    f"{E}]8;;https://a.b/c\x07{E}c": [-1, -1, 0, ""],
    f"{E}]8;id=1;http://a.b/;d{E}\\": [-1, -1, 0, "http://a.b/;d"],
    f"{E}]8;;HTTPS://a.b\x07{E}[1m": [-1, -1, 1, "HTTPS://a.b"],
    f"{E}]8;;http://a.b\x07{E}]8;;\x07": [-1, -1, 0, ""],
    f"{E}]8;;http://a.b\x07{E}]8;\x07": [-1, -1, 0, ""],
    f"{E}]8;;javascript:alert(1)\x07": [-1, -1, 0, ""],
    f"{E}]8;;https://a.b/ c\x07": [-1, -1, 0, ""],
    f"{E}]8;;https://a.b/\u202e\x07": [-1, -1, 0, ""],
    f"{E}]8;;https://\x07": [-1, -1, 0, ""],
    f"{E}]8;;https://{'a' * 2040}\x07": [-1, -1, 0, "https://" + "a" * 2040],
    f"{E}]8;;https://{'a' * 2041}\x07": [-1, -1, 0, ""],
    f"{E}[{'1;' * 70}31m": [-1, -1, 1, ""],
    f"{E}[{'9' * 5000}mx": [-1, -1, 0, ""],
}

_PIECES = [
    *("a", "bc", "def ", "0", ";", "[", "m", "K", "\\"),
    *("\u65e5", "\uac00", "\uff21", "\U0001f680", "\u2705", "\U0001f1e9", "e\u0301", "\u200d", "\ufe0f", "\u00e9"),
    *("\t", "\r", "\b", "\x07", "\x00", "\x0e", "\x0f", "\x9b", "\u202e", E),
    *(
        f"{E}[K",
        f"{E}[1K",
        f"{E}[2K",
        f"{E}[0J",
        f"{E}[1J",
        f"{E}[?1K",
        f"{E}[P",
        f"{E}[X",
        f"{E}[@",
        f"{E}[s",
        f"{E}[u",
    ),
    *(f"{E}7", f"{E}8", f"{E}c", f"{E}[!p", f"{E}(B", f"{E}[A", f"{E}[3;1H", f"{E}[?25l", f"{E}[", f"{E}]", f"{E}\\"),
    *(f"{E}[0m", f"{E}[1;31m", f"{E}[22m", f"{E}[4:3m", f"{E}[38;5;9m", f"{E}[48:2::1:2:3m", f"{E}[38;2;1m", f"{E}[7m"),
    *(f"{E}]8;;http://x.y/\x07", f"{E}]8;;{E}\\", f"{E}]0;t\x07", f"{E}Pq{E}\\"),
]


def generated(seed: int = 9) -> list[str]:
    """Return lines made by chance, the same every time."""
    chance = random.Random(seed)
    lines = []
    for _ in range(GENERATED):
        parts = chance.choices(_PIECES, k=chance.randint(2, 14))
        parts += [f"{E}[{chance.choice(['', '0', '00'])}{chance.randint(0, 12)}{chance.choice('GCDPX@')}" for _ in "xx"]
        chance.shuffle(parts)
        lines.append("".join(parts))
    return lines


def style(line: str) -> list[int | str]:
    """Return the style behind a line that begins plain."""
    found = carried(line)
    return [found.fg, found.bg, found.flags, found.href]


def vectors() -> dict[str, list[list[object]]]:
    """Return all of them."""
    return {
        "texts": [[line, text] for line, text in TEXTS.items()],
        "styles": [[line, behind] for line, behind in STYLES.items()],
        "generated": [[line, plain_text(line), style(line)] for line in generated()],
    }


def written() -> str:
    """Return the file: one line for each."""
    parts = [
        f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(one)}" for one in cases) + "\n ]"
        for name, cases in vectors().items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    print(written(), end="")
