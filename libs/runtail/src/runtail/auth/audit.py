"""The audit log: who did what, and who was refused what.

Standard output comes first, always: one JSON line for each entry, for a collector, whose copy no user of the store
can change. The store has a copy for the page and the API, as far as it takes it (:mod:`.audit_stream`).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from runtail.access.principal import Principal
from runtail.auth.audit_entry import MAX_RUN_BYTES, MAX_RUN_CHARS, Entry, Event, Outcome, cleaned
from runtail.auth.audit_stream import AuditStream
from runtail.auth.repeats import Repeats
from runtail.store import Store

log = logging.getLogger(__name__)

STDOUT: Final = 1
#: Time between looks for repetitions that are due.
TICK_SECONDS: Final = 5.0


def write_stdout(line: bytes) -> None:
    """Write a whole line to standard output, past Python's buffers.

    :raises OSError: if it cannot be written.
    """
    view = memoryview(line)
    while view:
        view = view[os.write(STDOUT, view) :]


class Audit:
    """Writes the audit log. Threads and greenlets may use it at once.

    :param store: gets a copy; None: standard output only.
    :param write: writes a line for the collector.
    """

    def __init__(self, store: Store | None, *, write: Callable[[bytes], object] = write_stdout) -> None:
        self._write = write
        self._stream = AuditStream(store) if store is not None else None
        self._repeats = Repeats()
        self._lock = threading.Lock()
        #: Entries that standard output did not take.
        self.unwritten = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def record(
        self,
        event: Event,
        outcome: Outcome = "ok",
        *,
        principal: Principal | None,
        address: str = "",
        agent: str = "",
        run: str = "",
        task: str = "",
        right: str = "",
        why: str = "",
        request: str = "",
    ) -> None:
        """Write an entry. Texts may come from anywhere: they are cleaned and cut.

        Never give arguments of a task, nor a message that may quote them.

        :param outcome: of the event ``denied``, always ``failed``.
        :param principal: the one who did it; None if that is not known.
        :param address: of the client.
        :param agent: the client's description of itself.
        :param run: the id of the run that it is about.
        :param task: the name of the task that it is about.
        :param right: the right that was missing, or those that were given.
        :param why: a reason, or a code.
        :param request: method and path; what follows a ``?`` is left out.
        """
        entry = Entry(
            t_ms=int(time.time() * 1000),
            event=event,
            outcome="failed" if event == "denied" else outcome,
            who_id=cleaned(principal.id if principal else ""),
            who=cleaned(principal.name if principal else ""),
            address=cleaned(address),
            agent=cleaned(agent),
            run=cleaned(run, MAX_RUN_CHARS, MAX_RUN_BYTES),
            task=cleaned(task),
            right=cleaned(right),
            why=cleaned(why),
            request=cleaned(request.partition("?")[0]),
        )
        with self._lock:
            held_back = self._repeats.holds_back(entry, time.monotonic())
        if not held_back:
            self._put(entry)

    def start(self) -> None:
        """Let a thread call :meth:`tick` from now on."""
        self._thread.start()

    def tick(self) -> None:
        """Write the numbers of repetitions that are due; call this every few seconds."""
        self._tell_repetitions(all_of_them=False)

    def stop(self) -> None:
        """Write what is left; call this when the process ends."""
        self._ending.set()
        self._tell_repetitions(all_of_them=True)
        if self._stream is not None:
            self._stream.stop()

    def lost(self) -> dict[tuple[str, ...], float]:
        """Return the number of entries that could not be written, by where: ``stdout``, ``store``."""
        in_store = self._stream.lost if self._stream is not None else 0
        return {("stdout",): float(self.unwritten), ("store",): float(in_store)}

    def _run(self) -> None:
        while not self._ending.wait(TICK_SECONDS):
            self.tick()

    def _tell_repetitions(self, *, all_of_them: bool) -> None:
        with self._lock:
            due = self._repeats.due(time.monotonic(), all_of_them=all_of_them)
        for entry in due:
            self._put(replace(entry, t_ms=int(time.time() * 1000)))

    def _put(self, entry: Entry) -> None:
        try:
            with self._lock:
                self._write(entry.line())
        except OSError as error:
            self.unwritten += 1
            if self.unwritten == 1:
                log.error("standard output takes no entries of the audit log: %s", error)
        if self._stream is not None:
            self._stream.add(entry)
