"""Echoing while the store is away.

Normally output is echoed when it becomes entries. While the store is away no
entries are made, but whoever reads the worker's log should see output all the
same. A second processor then runs ahead over the spool; what it has echoed is
not echoed again when the entries are made.
"""

from runtail.shipper.echo import Echo
from runtail.shipper.processor import Output, Processor
from runtail.shipper.run import Run

_BLOCK_BYTES = 65536
#: Per call: the sending thread has other runs, too.
_MOST_BYTES = 1 << 20


class EchoAhead:
    """The echo of one run."""

    def __init__(self, run: Run, echo: Echo) -> None:
        self._run = run
        self._echo = echo
        self._scout: Processor | None = None
        #: Output bytes that the scout has echoed and that are not entries yet.
        self._ahead_bytes = 0
        self._from = 0
        #: Of the run's secrets, how many the scout knows.
        self._known = 0

    @property
    def echoed_to(self) -> int:
        """Offset up to which output was echoed, or would have been if that is off."""
        if not self._echo.open:
            return self._run.limit
        return self._scout.consumed if self._scout else self._run.processor.consumed

    def write(self, payload: bytes) -> None:
        """Echo output that became an entry, unless it was echoed before."""
        seen = min(self._ahead_bytes, len(payload))
        self._ahead_bytes -= seen
        self._echo.write(payload[seen:] if seen else payload)

    def settle(self) -> None:
        """A batch is made: the scout is not needed any more once it is overtaken."""
        if self._scout and self._run.processor.consumed >= self._scout.consumed:
            self._scout, self._ahead_bytes = None, 0

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
                self._ahead_bytes = 0
            elif run.processor.consumed > self._from:
                # Output was dropped meanwhile: it will never be an entry.
                dropped = run.processor.consumed - self._from
                self._ahead_bytes = max(0, self._ahead_bytes - dropped)
            scout.masker.add(run.secrets[self._known :])
            self._known = len(run.secrets)
            self._from = run.processor.consumed
            stop = min(run.limit, scout.consumed + _MOST_BYTES)
            while scout.consumed < stop:
                size = min(_BLOCK_BYTES, stop - scout.consumed)
                for item in scout.feed(run.spool.read(scout.consumed, size)):
                    if isinstance(item, Output):
                        self._ahead_bytes += len(item.chunk.payload)
                        self._echo.write(item.chunk.payload)
