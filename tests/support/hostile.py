"""Texts that want to be more than text: markup, links, escape sequences, directions, very long words.

They are in ``hostile.json``, by kind. A kind that is a list is shown as it is; one that is an object says of each text
what a reader must see. In it ``directions`` are those that would put other text out of order, ``controls`` have
pictures, and ``sequences`` are what terminals obey: colours and web links are kept, and the rest goes. What follows a
pattern is made here.
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


#: Runs and leaves a trace.
_RUN = "window.owned=1;alert(1)"
#: What ends the place that a text was put into, and elements that run without anybody's doing.
_ENDS = (
    *('">', "'>", "`>", "</title>", "</script>", "</style>", "</textarea>", "</noscript>", "</template>", "</select>"),
    *("</svg>", "</math>", "--!>", "]]>", "?>", "</option></select>"),
)
_ELEMENTS = (
    *(f"<script>{_RUN}</script>", f"<img src=x onerror={_RUN}>", f"<svg onload={_RUN}>"),
    *(f"<iframe srcdoc='<script>{_RUN}</script>'></iframe>", f"<input autofocus onfocus={_RUN}>"),
)
_EVENTS = (
    *("afterscriptexecute", "animationend", "animationstart", "auxclick", "beforeinput", "beforematch", "beforetoggle"),
    *(
        "blur",
        "cancel",
        "canplay",
        "change",
        "click",
        "close",
        "contentvisibilityautostatechange",
        "contextmenu",
        "copy",
    ),
    *(
        "cut",
        "dblclick",
        "drag",
        "drop",
        "durationchange",
        "ended",
        "error",
        "focus",
        "focusin",
        "focusout",
        "formdata",
    ),
    *("gotpointercapture", "hashchange", "input", "invalid", "keydown", "load", "loadeddata", "loadstart", "message"),
    *("mouseenter", "mouseover", "pageshow", "paste", "play", "pointerenter", "pointerover", "popstate", "progress"),
    *("reset", "resize", "scroll", "scrollend", "scrollsnapchange", "search", "securitypolicyviolation", "select"),
    *("selectionchange", "slotchange", "submit", "toggle", "touchstart", "transitionend", "transitionrun", "unload"),
    *("unhandledrejection", "webkitanimationend", "wheel"),
)
#: Characters of a tag in the words of other layers: should one of them decode it, a tag it becomes.
_SPELLED: tuple[dict[str, int | str | None], ...] = (
    {"<": "&lt;", ">": "&gt;"},
    {"<": "&amp;lt;", ">": "&amp;gt;"},
    {"<": "&#60;", ">": "&#62;"},
    {"<": "&#x3c;", ">": "&#x3E;"},
    {"<": "&#0000060", ">": "&#0000062"},
    {"<": "%3C", ">": "%3E"},
    {"<": "%253C", ">": "%253E"},
    {"<": "%u003C", ">": "%u003E"},
    {"<": "\\u003c", ">": "\\u003e"},
    {"<": "\\u{3c}", ">": "\\u{3e}"},
    {"<": "\\x3c", ">": "\\x3e"},
    {"<": "\\74", ">": "\\76"},
    {"<": "+ADw-", ">": "+AD4-"},
    {"<": "\uff1c", ">": "\uff1e"},
    {"<": "\ufe64", ">": "\ufe65"},
    {"<": "\u2039", ">": "\u203a"},
)
#: Schemes that a browser may read as one that runs.
_SCHEMES = (
    *("jav&Tab;ascript:", "java&NewLine;script:", "&#106;avascript:", "&#x6A;avascript:", "javascript&colon;"),
    *("\\x6aavascript:", "%6Aavascript:", "java\u00adscript:", "\u3000javascript:", "livescript:", "mocha:"),
    *("view-source:javascript:", "feed:javascript:", "jar:javascript:", "filesystem:javascript:", "about:javascript:"),
)
_BY_PATTERN = [
    *(f"{end}{element}" for end in _ENDS for element in _ELEMENTS),
    *(f"<b tabindex=1 style=display:block on{event}={_RUN}>x</b>" for event in _EVENTS),
    *(element.translate(str.maketrans(spelled)) for spelled in _SPELLED for element in _ELEMENTS[:3]),
    *(f"<a href='{scheme}{_RUN}'>x</a>" for scheme in _SCHEMES),
]


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
    *(Hostile(text, text) for text in (*_LONG, *_BY_PATTERN)),
]
#: All of them.
CORPUS = [
    *NAMES,
    *_of("sequences"),
    *(Hostile(f"\x1b]8;;{scheme}{_RUN}\x07click\x1b]8;;\x07", "click") for scheme in _SCHEMES),
    *(Hostile(text, seen) for text, seen in _LONG_SEQUENCES.items()),
]

_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f]")
_OTHERS = re.compile("[\x80-\x9f\u2028\u2029]")


def seen_as_name(text: str) -> str:
    """Return how a name or sentence is shown: nothing in it is obeyed, and it cannot reorder what is beside it."""
    text = _CONTROLS.sub(lambda found: chr(0x2400 + ord(found[0])), text).replace("\x7f", "\u2421")
    return _OTHERS.sub("\ufffd", _DIRECTIONS.sub("\ufffd", text))
