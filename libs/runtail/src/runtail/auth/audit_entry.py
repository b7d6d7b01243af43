"""An entry of the audit log: its fields, and texts from anywhere made safe for one line of JSON. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

Event = Literal[
    "login", "logout", "session-ended", "denied",
    "run-start", "run-cancel", "run-retry", "run-delete",
    "token-made", "token-used", "token-revoked", "user-locked", "user-unlocked",
    "share-made", "share-opened", "share-revoked",
    "policy", "service-start", "audit-read", "log-read",
]  # fmt: skip
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
Outcome = Literal["ok", "failed"]

VERSION: Final = 1
#: How every line begins, and no other line of a service's output.
MARK: Final = b'{"log": "audit", '

#: The most of a text that is kept: characters, and bytes of its JSON. All texts together stay below PIPE_BUF (4096),
#: so that the lines of several processes on one pipe do not mix.
MAX_CHARS: Final = 200
MAX_BYTES: Final = 320
#: Of a run's id: the longest that somebody can choose, with the suffix of an earlier execution.
MAX_RUN_CHARS: Final = 270
MAX_RUN_BYTES: Final = 1040

#: Longer texts are shortened to this before anything else: they come from clients.
_MAX_LOOKED_AT: Final = 4096
#: A token or the secret of a share link, as far as its id.
_TOKEN: Final = re.compile(r"(rt[a-z]?[0-9]_(?:[A-Za-z0-9]{10}_)?)[A-Za-z0-9_-]{16,}")
_UNPRINTABLE: Final = "\N{REPLACEMENT CHARACTER}"


def cleaned(value: object, max_chars: int = MAX_CHARS, max_bytes: int = MAX_BYTES) -> str:
    """Return a text from elsewhere without secrets of tokens and without characters that act instead of being seen.

    Each such character (line ends, escapes, marks that change the direction, and whatever else is not printable) is
    replaced rather than removed, so that a name cannot pass for another one.

    :param max_chars: a longer text is cut, and ends in ``…``.
    :param max_bytes: the same for the text as JSON.
    """
    text = str(value)[:_MAX_LOOKED_AT]
    text = "".join(c if c.isprintable() else _UNPRINTABLE for c in text)
    text = _TOKEN.sub(r"\1***", text)
    size = 0
    for index, char in enumerate(text):
        size += 2 if char in '"\\' else len(char.encode())
        if index >= max_chars or size > max_bytes:
            # The mark takes the place of the last character that fits, and at most 3 bytes more than that.
            return text[: max(0, index - 1)] + "…"
    return text


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log. All texts are clean.

    :param t_ms: the time, in milliseconds since 1970, by the clock of the process that writes it.
    :param count: how often this happened; entries that repeat within a time are written once for all.
    """

    t_ms: int
    event: Event
    outcome: Outcome
    who_id: str = ""
    who: str = ""
    address: str = ""
    agent: str = ""
    run: str = ""
    task: str = ""
    right: str = ""
    why: str = ""
    request: str = ""
    count: int = 1

    def fields(self) -> dict[str, Any]:
        """Return what is written, by name."""
        return {
            "v": VERSION,
            "t_ms": self.t_ms,
            "event": self.event,
            "outcome": self.outcome,
            "who_id": self.who_id,
            "who": self.who,
            "address": self.address,
            "agent": self.agent,
            "run": self.run,
            "task": self.task,
            "right": self.right,
            "why": self.why,
            "request": self.request,
            "count": self.count,
        }

    def line(self) -> bytes:
        """Return the line for standard output."""
        return MARK + encoded(self.fields())[1:] + b"\n"


def encoded(fields: Mapping[str, Any]) -> bytes:
    """Return fields as one line of JSON, without its end."""
    return json.dumps(fields, ensure_ascii=False).encode()
