"""A relay in a few lines, on the real reader: what the relay does with pull, locate, reset, without its sockets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runtail.errors import ProtocolError, RunNotFound
from runtail.log import reader
from runtail.log.reader import Head
from runtail.protocol import Cursor, Cut, Entry
from runtail.protocol import event as events
from runtail.store import Store

_END_FIELDS = ("state", "lines", "bytes", "chain", "exit_status", "signal")


class Follower:
    """One subscriber and the relay behind it; writes down what it receives.

    :param first_line: where it begins whenever it has no position.
    """

    def __init__(self, store: Store, run_id: str, name: str, first_line: int = 1) -> None:
        self._store, self._run_id, self.name, self._first_line = store, run_id, name, first_line
        self.cursor: Cursor | None = None
        self.connected = False
        self.ended = False
        self.records: list[dict[str, Any]] = []

    def _note(self, **what: Any) -> None:
        self.records.append({"subscriber": self.name, "run": self._run_id, **what})

    def leave(self) -> None:
        """The connection is gone; the subscriber remembers its position."""
        self.connected = False

    def look(self, *, count: int = 3, patience: bool = False) -> int:
        """Take what comes next; return how many items came.

        :param patience: the grace for a store that is behind is over.
        """
        if not self.connected and not self._subscribe(patience=patience):
            return 0
        cursor = self.cursor
        assert cursor is not None
        head, entries = reader.pull(self._store, [(self._run_id, cursor.last)], count=count)[0]
        if head is None:
            self._reset(0, "store-lost")
            return 0
        if head.epoch != cursor.epoch:
            self._reset(head.epoch, "store-lost")
            return 0
        if head.last < cursor.last:
            if patience:
                self._raise(cursor, certain=False)
            return 0
        trial = replace(cursor)
        try:
            items = trial.advance(entries, head.cut)
            whole = trial.last == head.last and trial.chain != head.chain
        except ProtocolError:
            self._raise(cursor, certain=True)
            return 0
        if whole:
            self._raise(cursor, certain=True)
            return 0
        self._deliver(head, items)
        self.cursor = trial
        return len(items)

    def _deliver(self, head: Head, items: list[Entry | Cut]) -> None:
        if not items:
            return
        message = {"v": 1, "run": self._run_id, "epoch": head.epoch, "entries": [item.wire() for item in items]}
        self._note(message=message)
        last = items[-1]
        if isinstance(last, Entry) and last.type == "e":
            event = events.decode(last)
            if event["kind"] == events.END:
                self.ended = True
                self._note(end={name: event[name] for name in _END_FIELDS})

    def _subscribe(self, *, patience: bool) -> bool:
        known = self.cursor
        asked: dict[str, Any] = {"from": self._first_line}
        if known is not None:
            asked = {"epoch": known.epoch, "from": known.line, "chain": known.chain.hex()}
        try:
            found = reader.locate(self._store, self._run_id, asked["from"], known.chain if known else None)
        except RunNotFound:
            return False
        self._note(asked=asked)
        beyond = found.beyond and known is not None
        if beyond and found.head.epoch == asked["epoch"] and not patience:
            return False  # waits for a store that may get these lines again
        if known is not None and (found.head.epoch != known.epoch or not found.matched or beyond):
            self._note(ack={"ok": True, "reset": True, "epoch": found.head.epoch})
            self.cursor, self.ended = None, False
            return self._subscribe(patience=patience)
        self.cursor, self.connected = found.cursor, True
        chain = found.chain.hex()
        self._note(ack={"ok": True, "epoch": found.head.epoch, "from": found.line, "chain": chain})
        return True

    def _raise(self, cursor: Cursor, *, certain: bool) -> None:
        epoch = reader.raise_epoch(self._store, self._run_id, cursor, certain=certain)
        if epoch != cursor.epoch:
            self._reset(epoch, "ahead")

    def _reset(self, epoch: int, reason: str) -> None:
        self._note(reset={"v": 1, "run": self._run_id, "epoch": epoch, "reason": reason, "why": "It went back."})
        self.cursor, self.connected, self.ended = None, False, False
