"""Echoing while the store is away.

Normally output is echoed when it becomes entries. While the store is away no
entries are made, but whoever reads the worker's log should see output all the
same. A second processor then runs ahead over the spool; what it has echoed is
not echoed again when the entries are made.
"""

from runtail.worker.shipper.output.echo import Echo
from runtail.worker.shipper.output.processor import Output, Processor
from runtail.worker.shipper.run import ShippedRun

_BLOCK_BYTES = 65536
#: Per call: the sending thread has other runs, too.
_MOST_BYTES = 1 << 20


class EchoAhead:
    """The echo of one run."""

    def __init__(self, run: ShippedRun, echo: Echo) -> None:
        self._run = run
        self._echo = echo
        self._scout: Processor | None = None
        #: Of the run's secrets, how many the scout knows.
        self._known = 0

    @property
    def echoed_to(self) -> int:
        """Offset up to which output was echoed, or would have been if that is off."""
        if not self._echo.open:
            return self._run.limit
        return self._scout.consumed if self._scout else self._run.processor.consumed

    def next_stop(self, offset: int) -> int:
        """Up to where output from *offset* on may become entries at once: either all of it was echoed, or none."""
        scout = self._scout
        return scout.consumed if scout and scout.consumed > offset else self._run.limit

    def write(self, payload: bytes) -> None:
        """Echo output that became an entry, unless it was echoed before."""
        scout = self._scout
        if scout is None or self._run.processor.consumed > scout.consumed:
            self._echo.write(payload)

    def settle(self) -> None:
        """A batch is made: the scout is not needed any more once it is overtaken."""
        if self._scout and self._run.processor.consumed >= self._scout.consumed:
            self._scout = None

    def go_ahead(self) -> None:
        """The store is away: echo what the spool holds."""
        run = self._run
        if not self._echo.open:
            return
        with run.lock:
            scout = self._scout
            if scout is None or scout.consumed < run.processor.consumed:
                scout = self._scout = run.new_processor()
                scout.restore(run.processor.save())
                self._known = len(run.secrets)
            scout.masker.add(run.secrets[self._known :])
            self._known = len(run.secrets)
            stop = min(run.limit, scout.consumed + _MOST_BYTES)
            while scout.consumed < stop:
                size = min(_BLOCK_BYTES, stop - scout.consumed)
                for item in scout.feed(run.spool.read(scout.consumed, size)):
                    if isinstance(item, Output):
                        self._echo.write(item.chunk.payload)
