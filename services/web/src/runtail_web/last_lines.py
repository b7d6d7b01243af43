"""The last line of runs that are going on, for lists of them: many people look at the same runs, so it is read once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from runtail.access.principal import Thing
from runtail.labels import DECLARED, declared_in
from runtail.protocol import RunState
from runtail.store import Store, store_errors
from runtail_web.plain import plain, plain_text

#: A text is cut to this.
MAX_CHARS: Final = 300
#: How much is read of the output of one run. Colours and the like are a part of it.
READ_BYTES: Final = 4096
#: How many runs one call reads: the store does nothing else meanwhile, up to 0.1 ms for each.
READ_AT_ONCE: Final = 10
#: What was read is good for this long.
FRESH_SECONDS: Final = 1.0
#: How many runs are remembered: those asked for last.
MAX_KEPT: Final = 2000

_FIELDS: Final = ("state", "task", "queue", DECLARED, "who_id", "line", "live")


@dataclass(frozen=True, slots=True)
class LastLine:
    """What a running run wrote last."""

    #: The run as grants see it, read together with the text.
    thing: Thing
    text: str
    #: What the task says of its progress, from 0 to 1; None if it says nothing.
    progress: float | None


class LastLines:
    """The last lines of running runs, each read once a second at most.

    :param clock: monotonic seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        #: When each was read, and what; None for a run that is not running.
        self._kept: OrderedDict[str, tuple[float, LastLine | None]] = OrderedDict()

    def read(self, run_ids: Sequence[str]) -> dict[str, LastLine]:
        """Return the last lines of those runs that are running.

        :raises StoreUnavailable: if the server did not answer.
        """
        now = self._clock()
        with self._lock:
            known = {run_id: self._kept[run_id] for run_id in run_ids if run_id in self._kept}
        found = {run_id: line for run_id, (at, line) in known.items() if now - at < FRESH_SECONDS}
        missing = [run_id for run_id in dict.fromkeys(run_ids) if run_id not in found]
        if missing:
            # Two who ask at the same moment may both read: that costs less than to wait for each other.
            for first in range(0, len(missing), READ_AT_ONCE):
                found |= self._read(missing[first : first + READ_AT_ONCE])
            with self._lock:
                for run_id in missing:
                    self._kept[run_id] = (now, found[run_id])
                    self._kept.move_to_end(run_id)
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
        return {run_id: line for run_id, line in found.items() if line is not None}

    def _read(self, run_ids: Sequence[str]) -> dict[str, LastLine | None]:
        with store_errors():
            read = self._store.scripts.tails(run_ids, READ_BYTES, _FIELDS)
        return {
            run_id: _line(dict(zip(_FIELDS, values, strict=True)), output)
            for run_id, (values, output) in zip(run_ids, read, strict=True)
        }


def _line(record: Mapping[str, bytes | None], output: bytes) -> LastLine | None:
    if record["state"] != RunState.RUNNING.value.encode():
        return None
    texts = {name: (value or b"").decode("utf-8", "replace") for name, value in record.items()}
    thing = Thing(texts["task"], texts["queue"], declared_in(texts[DECLARED]), texts["who_id"] or None)
    rows, progress, said = _live(record["live"], record["line"])
    lines = map(plain, reversed(output.split(b"\n")))
    text = next((text for text in (*rows, *lines, said) if text and not text.isspace()), "")
    return LastLine(thing, text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…", progress)


def _live(stored: bytes | None, next_line: bytes | None) -> tuple[list[str], float | None, str]:
    """Return the unfinished rows, the last one first, and the progress with its text."""
    try:
        live: dict[str, Any] = orjson.loads(stored) if stored else {"line": 0}
        unfinished = int(live["line"]) >= int(next_line or 1)
        rows = [plain_text(str(row)) for row in reversed(live.get("rows") or [live["text"]])] if unfinished else []
        progress = live.get("progress") or {"value": None, "text": ""}
        value = progress["value"]
        return rows, None if value is None else min(1.0, max(0.0, float(value))), plain_text(str(progress["text"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        # Any client of the store may have written it. What is stored in the log is shown instead.
        return [], None, ""
