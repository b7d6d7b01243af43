"""Output that processes write to a run's pipe after the run has ended.

Pools kept by a module, daemons and an open ``/dev/stdout`` hold the pipe of the
run that started them for as long as they live, and they must never find it
broken. While the task's process executes another run, their output belongs to
that run: whole lines of it are put into that run's stream, inside a sequence of
our own that names the run they come from. Otherwise the output is counted and
echoed.

Nothing is lost or doubled if this process is killed: output is taken into the
spool first, and the journal says how far it was passed on. Each sequence says
this too, so that the processor recognizes a repeated one.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from runtail.worker import announcing
from runtail.worker.inband import sequence
from runtail.worker.shipper.output.markers import Markers

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtail.worker.shipper.holders import Holders
    from runtail.worker.shipper.run import ShippedRun

log = logging.getLogger(__name__)

#: The most that goes into one sequence (``MAX_SEQUENCE_BYTES``, base64 twice); longer lines are cut.
_BLOCK_BYTES: Final = 60 << 10


class LateOutput:
    """The output of the processes that one run left behind, on its way from the spool to its destination."""

    def __init__(self, run: ShippedRun, holders: Holders, taken: Callable[[ShippedRun], None]) -> None:
        """Continue where another shipper stopped, if one had the run.

        :param taken: called with a run after something was added to its stream.
        """
        self._run = run
        self._holders = holders
        self._taken = taken
        #: Offset in the spool up to which output was passed on.
        self._at = 0
        self._dropped = 0
        self._told_uncounted = False
        self.spoke = False
        #: Monotonic: when output last came.
        self.came_at = time.monotonic()
        #: How often secrets had been added when they were last kept.
        self._noted = 0
        self._holders.served.add(run.pid, run.secrets)
        if run.again:
            self._go_on()
        self.keep_secrets()

    def _go_on(self) -> None:
        """Continue a run that another shipper had."""
        run = self._run
        kept: dict[str, Any] = next(map(json.loads, run.journal.read("late")), {})
        self._at = int(kept.get("at", 0))
        for secrets in run.journal.read("served")[:1]:
            self._holders.served.add(run.pid, announcing.unpack(secrets))
        if run.end:
            # The keeper dropped output that came while there was no shipper and no room.
            self._dropped = run.dropped_outside
            run.late_bytes = int(kept.get("bytes", 0)) + self._dropped - int(kept.get("dropped", run.end.dropped))
            self.keep()

    def begin(self) -> None:
        """Note that the run has ended."""
        self._dropped = self._run.dropped_outside
        self.keep_secrets()

    def keep(self) -> None:
        """Note for a successor how far output was passed on."""
        state = {"at": self._at, "bytes": self._run.late_bytes, "dropped": self._dropped}
        self._run.journal.write("late", json.dumps(state).encode())

    def keep_secrets(self) -> None:
        """Note for a successor what to mask."""
        served, pid = self._holders.served, self._run.pid
        if served.changes(pid) != self._noted:
            self._noted = served.changes(pid)
            self._run.journal.write("served", announcing.pack(served.of(pid)))

    def pass_on(self, *, rest: bool = False) -> None:
        """Pass on the whole lines that were taken. ``rest``: also an unfinished line, since its end will not come."""
        run = self._run
        if run.end is None:
            return
        self._at = max(self._at, run.end.at)
        while block := self._next_block(rest):
            target = self._holders.executing(run)
            if target is not None and target.run.in_sequence:
                if not rest:
                    return
                target = None
            self.came_at, self.spoke = time.monotonic(), True
            self._holders.speaking.add(run.pid)
            text = self._masked(block)
            self._at += len(block)
            if target is None:
                self._count(len(block), text)
            elif text:
                self._give(target.run, text if text.endswith(b"\n") else text + b"\n")
            self.keep()
            if run.over:
                run.spool.release(self._at)

    def _next_block(self, rest: bool) -> bytes:
        data = self._run.spool.read(self._at, _BLOCK_BYTES)
        whole = data[: data.rfind(b"\n") + 1]
        return whole if whole or not (rest or len(data) == _BLOCK_BYTES) else data

    def _masked(self, block: bytes) -> bytes:
        """Return a block without the run's own sequences and without secrets."""
        self._holders.gather(self._run.pid)
        self.keep_secrets()
        markers = Markers(self._run.nonce)
        parts = [*markers.feed(block), markers.finish()]
        return self._holders.served.mask(self._run.pid, b"".join(part for part in parts if isinstance(part, bytes)))

    def _give(self, target: ShippedRun, text: bytes) -> None:
        run = self._run
        operation = {"op": "earlier-run", "run": run.id, "key": run.key, "to": self._at}
        operation["data"] = base64.b64encode(text).decode("ascii")
        target.spool.append(sequence(target.nonce, operation))
        target.mark(int(time.time() * 1000))
        self._taken(target)

    def _count(self, size: int, text: bytes) -> None:
        run = self._run
        assert run.end is not None
        self._holders.echo(size, text)
        if time.time() - run.end.at_ms / 1000 <= self._holders.late_seconds:
            run.late_bytes += size
        elif not self._told_uncounted:
            self._told_uncounted = True
            log.warning("run %s: a process that it left behind still writes, outside of any run: it is no longer "
                        "counted in the run's record", run.id)  # fmt: skip
