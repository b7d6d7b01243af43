"""Texts that want to be more than text: markup, links, escape sequences, directions, very long words.

They are in ``hostile.json``, by kind. A kind that is a list is shown as it is; one that is an object says of each text
what a reader must see. In it ``directions`` are those that would put other text out of order, ``controls`` have
pictures, and ``sequences`` are what terminals obey: colours and web links are kept, and the rest goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_KINDS: dict[str, Any] = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
#: Too long for a data file.
_LONG = [
    *(letter * 3_000 for letter in ("A", "\u202f", "<b>", "a&", "\u0301", "\U0001f4a9")),
    "https://evil.test/" + "a" * 3_000,
]
_LONG_SEQUENCES = {
    f"\x1b]8;;https://{'e' * 5_000}\x07click\x1b]8;;\x07": "click",
    f"\x1b[{'1;' * 20_000}mmany\x1b[0m": "many",
    f"\x1b[{'9' * 20_000}mlarge\x1b[0m": "large",
}


@dataclass(frozen=True, slots=True)
class Hostile:
    """A text, and how it is shown in a log."""

    text: str
    seen: str


def _of(kind: str) -> list[Hostile]:
    texts = _KINDS[kind]
    return [Hostile(*pair) for pair in (texts.items() if isinstance(texts, dict) else zip(texts, texts, strict=True))]


#: What needs no terminal to be bad.
NAMES = [
    *(one for kind in _KINDS if kind != "sequences" for one in _of(kind)),
    *(Hostile(text, text) for text in _LONG),
]
#: All of them.
CORPUS = [*NAMES, *_of("sequences"), *(Hostile(text, seen) for text, seen in _LONG_SEQUENCES.items())]

_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f]")
_OTHERS = re.compile("[\x80-\x9f\u2028\u2029]")


def seen_as_name(text: str) -> str:
    """Return how a name or sentence is shown: nothing in it is obeyed, and it cannot reorder what is beside it."""
    text = _CONTROLS.sub(lambda found: chr(0x2400 + ord(found[0])), text).replace("\x7f", "\u2421")
    return _OTHERS.sub("\ufffd", _DIRECTIONS.sub("\ufffd", text))
