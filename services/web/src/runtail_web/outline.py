"""A log's outline: its sections and marks, from event entries."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from runtail.errors import ProtocolError
from runtail.log.reader import Head, head
from runtail.log.scan import forwards
from runtail.protocol import BEGINNING, EVENT, Entry, EntryId, event
from runtail.store import Store
from runtail_web.plain import plain_text

#: The most sections and marks that an answer holds; further ones are only counted.
MAX_GROUPS = 10_000
MAX_MARKS = 10_000
MAX_TITLE_CHARS = 200
#: How much of a log one request reads, beyond what was read before.
MAX_READ_BYTES = 128 * 1024 * 1024
#: How many outlines are kept: those asked for last.
MAX_KEPT = 16
ENTRIES = 64

#: Events that become marks, apart from sections.
_MARKS = frozenset(
    {
        event.START, event.WARNING, event.ERROR, event.MASKED, event.OVERFLOW, event.RETRY, event.CANCEL_REQUESTED,
        event.CANCEL, event.INTERRUPTED, event.WORKER_LOST, event.STORE_LOST, event.MARKERS_CAPPED, event.END,
    }
)  # fmt: skip


@dataclass(slots=True)
class Group:
    """A section, from its title to its end."""

    id: str
    #: The stored line that is its title; None if only the event has the title.
    title_line: int | None
    first: int
    title: str
    depth: int
    began_ms: int
    last: int | None = None
    ended_ms: int | None = None
    #: ``open``, ``closed``, or ``unclosed``: its attempt ended first.
    state: str = "open"
    errors: int = 0
    warnings: int = 0

    def close(self, last: int, ended_ms: int, state: str) -> None:
        """Note the section's end."""
        # A section without lines ends before it begins.
        self.last, self.ended_ms, self.state = max(last, self.first - 1), ended_ms, state

    def wire(self) -> dict[str, Any]:
        """Return the section as the API shows it."""
        seconds = None if self.ended_ms is None else max(0, self.ended_ms - self.began_ms) / 1000
        return {
            "id": self.id,
            "title_line": self.title_line,
            "first": self.first,
            "last": self.last,
            "title": self.title,
            "depth": self.depth,
            "state": self.state,
            "seconds": seconds,
            "errors": self.errors,
            "warnings": self.warnings,
        }


@dataclass(slots=True)
class Outline:
    """The outline of one history of a log, as far as it has been read."""

    epoch: int
    last: EntryId = BEGINNING
    line: int = 1
    groups: list[Group] = field(default_factory=list)
    marks: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    open: list[Group] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, entry: Entry) -> None:
        """Add the next entry."""
        if entry.type == EVENT:
            try:
                self._event(entry, event.decode(entry))
            except ProtocolError:
                # One event that cannot be read must not hide all others.
                self._mark(entry.from_line, "unreadable", entry.t_ms)
        self.last, self.line = entry.id, entry.next_line

    def _event(self, entry: Entry, told: dict[str, Any]) -> None:
        kind = told["kind"]
        caused = told.get("line")
        line = caused if isinstance(caused, int) and caused > 0 else None
        if kind == event.GROUP:
            self._count(kind)
            title = plain_text(str(told.get("title") or ""))[:MAX_TITLE_CHARS]
            first = entry.from_line if line is None else line + 1
            group = Group(str(entry.id), line, first, title, len(self.open), entry.t_ms)
            self.open.append(group)
            if len(self.groups) < MAX_GROUPS:
                self.groups.append(group)
        elif kind == event.ENDGROUP:
            if self.open:
                self.open.pop().close(line or entry.from_line - 1, entry.t_ms, "closed")
        elif kind in _MARKS:
            if kind in (event.START, event.END):
                while self.open:
                    self.open.pop().close(entry.from_line - 1, entry.t_ms, "unclosed")
            for group in self.open:
                group.errors += kind == event.ERROR
                group.warnings += kind == event.WARNING
            attempt = told.get("attempt") if kind == event.START else None
            self._mark(line or entry.from_line, kind, entry.t_ms, attempt if isinstance(attempt, int) else 0)

    def _count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def _mark(self, line: int, kind: str, t_ms: int, attempt: int = 0) -> None:
        self._count(kind)
        if len(self.marks) < MAX_MARKS:
            mark = {"line": line, "kind": kind, "t_ms": t_ms}
            self.marks.append({**mark, "attempt": attempt} if attempt else mark)

    def wire(self, found: Head) -> dict[str, Any]:
        """Return the outline as the API shows it."""
        marks = self.marks
        if found.cut is not None:
            cut = {"line": found.cut.from_line, "to": found.cut.to_line, "kind": "cut", "t_ms": 0}
            marks = [cut, *marks]
        return {
            "v": 1,
            "run": found.run_id,
            "epoch": self.epoch,
            "lines": self.line - 1,
            "complete": self.last >= found.last,
            "groups": [group.wire() for group in self.groups],
            "marks": marks,
            "counts": self.counts,
        }


class Outlines:
    """The outlines asked for last: each request reads only the entries that came since."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Outline] = OrderedDict()

    def read(self, run_id: str) -> dict[str, Any]:
        """Return a run's outline; for a very long log that was not asked for before, that of its beginning.

        :raises RunNotFound: if there is no such run.
        :raises StoreUnavailable: if the server did not answer.
        """
        found = head(self._store, run_id)
        outline = self._of(run_id, found.epoch)
        with outline.lock:
            size = 0
            for group in forwards(self._store, run_id, outline.last, found.last, count=ENTRIES):
                for entry in group:
                    outline.take(entry)
                    size += len(entry.payload)
                if size >= MAX_READ_BYTES:
                    break
            return outline.wire(found)

    def _of(self, run_id: str, epoch: int) -> Outline:
        with self._lock:
            kept = self._kept.get(run_id)
            if kept is None or kept.epoch != epoch:
                kept = self._kept[run_id] = Outline(epoch)
            self._kept.move_to_end(run_id)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return kept
