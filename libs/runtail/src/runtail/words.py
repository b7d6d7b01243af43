"""Sentences for events and cuts, and text that is safe on a terminal. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from runtail.protocol.cursor import Cut

#: CSI and OSC sequences, sequences that choose a character set, and the short ones.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]|[@-Z\\-_])")

NOTE, WARNING, ERROR = "note", "warning", "error"


def clean(value: object) -> str:
    """Return text from elsewhere as one line without control sequences that a terminal would obey."""
    text = "" if value is None else str(value)
    text = _ESCAPES.sub("", text).replace("\t", " ").replace("\n", " ")
    return "".join(c for c in text if c.isprintable())


def clock(ms: int) -> str:
    """Return the local time of day.

    :param ms: milliseconds since 1970.
    """
    return time.strftime("%H:%M:%S", time.localtime(ms / 1000))


def _because(text: object) -> str:
    return f": {clean(text)}" if text else ""


def _seconds(ms: object) -> str:
    return f"{float(str(ms)) / 1000:.0f} s"


def _redrawn(e: Mapping[str, Any]) -> str:
    if e["from"] == e["to"]:
        return f"Line {e['from']:,} was redrawn; what it shows now follows"
    return f"Lines {e['from']:,}-{e['to']:,} were redrawn; what they show now follows"


def _start(e: Mapping[str, Any]) -> str:
    return f"Attempt {e.get('attempt')} started on {clean(e.get('worker')) or 'a worker'}{_because(e.get('why'))}"


def _retry(e: Mapping[str, Any]) -> str:
    when = f" at {clock(int(e['eta_ms']))}" if e.get("eta_ms") else ""
    most = f" of {e['max']}" if e.get("max") is not None else ""
    return f"Retry {e.get('retries')}{most}{when}{_because(e.get('reason'))}"


def _end(e: Mapping[str, Any]) -> str:
    state, why = clean(e.get("state")), clean(e.get("why"))
    # "cancelled by ana" has the state in it.
    text = why if why.startswith(state) else f"{state}{_because(why)}"
    return text[:1].upper() + text[1:]


def _worker_lost(e: Mapping[str, Any]) -> str:
    silent = f" for {_seconds(e['silent_ms'])}" if e.get("silent_ms") else ""
    bound = _seconds(e["unflushed_ms"]) if e.get("unflushed_ms") else "moments"
    return f"The worker stopped answering{silent}; what it wrote in its last {bound} may be missing"


def _overlap(e: Mapping[str, Any]) -> str:
    count = e.get("count")
    what = "Another task with this id was" if count == 1 else f"{count} other tasks with this id were"
    return f"{what} executed at the same time and not recorded"


def _secrets(count: object) -> str:
    return "1 secret was" if count == 1 else f"{count} secrets were"


def _cancel(e: Mapping[str, Any]) -> str:
    number = f" (signal {e['signal']})" if e.get("signal") else ""
    return f"Cancelled by {clean(e.get('who')) or 'somebody'}{number}"


_SPEAKERS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "start": (NOTE, _start),
    "group": (NOTE, lambda e: f"▸ {clean(e.get('title'))}"),
    "endgroup": (NOTE, lambda _: "◂ end of section"),
    "warning": (WARNING, lambda e: f"Warning: {clean(e.get('text'))}"),
    "error": (ERROR, lambda e: f"Error: {clean(e.get('text'))}"),
    "masked": (NOTE, lambda e: f"{_secrets(e.get('count'))} masked up to here"),
    "earlier-run": (
        NOTE,
        lambda e: f"From here on, a process that an earlier run left behind writes here as well: {clean(e.get('run'))}",
    ),
    "overflow": (
        ERROR,
        lambda e: f"{e.get('bytes'):,} bytes of output were dropped here: the store did not answer for too long",
    ),
    "retry": (WARNING, _retry),
    "replaced": (NOTE, lambda e: f"Replaced by {clean(e.get('task'))}"),
    "overlap": (WARNING, _overlap),
    "cancel-requested": (
        WARNING,
        lambda e: f"{clean(e.get('who')) or 'Somebody'} asked to cancel{_because(e.get('why'))}",
    ),
    "cancel": (WARNING, _cancel),
    "interrupted": (WARNING, lambda e: f"Interrupted: {clean(e.get('reason')) or 'the worker was shut down'}"),
    "worker-lost": (ERROR, _worker_lost),
    "store-lost": (ERROR, lambda e: f"Lines {e['from']:,}-{e['to']:,} were lost{_because(e.get('reason'))}"),
    "redrawn": (NOTE, _redrawn),
    "markers-capped": (
        WARNING,
        lambda e: f"{e.get('count')} more sections, warnings and errors were not recorded",
    ),
    "end": (NOTE, _end),
}


def event_words(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return an event's level and one sentence for it; an unknown kind is shown, never hidden."""
    kind = str(event["kind"])
    if kind not in _SPEAKERS:
        return NOTE, clean(kind)
    level, speak = _SPEAKERS[kind]
    if kind == "end":
        level = {"succeeded": NOTE, "cancelled": WARNING}.get(str(event.get("state")), ERROR)
    return level, speak(event)


def cut_words(cut: Cut) -> str:
    """Return one sentence that describes a cut."""
    lines, size = f"{cut.from_line:,}-{cut.to_line:,}", f"{cut.size_bytes:,} bytes cut in all"
    return f"Lines {lines} were cut: the run's log passed its quota ({size})"
