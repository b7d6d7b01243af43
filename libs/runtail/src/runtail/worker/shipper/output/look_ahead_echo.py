"""Echoes output while the store is away.

Normally output is echoed when it becomes entries. While the store is away no
entries are made, but readers of the worker's log should still see output. A
second processor then runs ahead over the spool; the output that it has echoed
is not echoed again when the entries are made.
"""

from runtail.worker.shipper.output.echo import Echo
from runtail.worker.shipper.output.processor import Output, Processor
from runtail.worker.shipper.run import ShippedRun

_BLOCK_BYTES = 65536
#: Per call: the sending thread has other runs, too.
_MOST_BYTES = 1 << 20


class LookAheadEcho:
    """The echo of one run."""

    def __init__(self, run: ShippedRun, echo: Echo) -> None:
        self._run = run
        self._echo = echo
        self._look_ahead: Processor | None = None
        #: How many of the run's secrets the look-ahead knows.
        self._known = 0

    @property
    def echoed_to(self) -> int:
        """Offset up to which output was echoed, or would have been if echoing were on."""
        if not self._echo.open:
            return self._run.limit
        return self._look_ahead.consumed if self._look_ahead else self._run.processor.consumed

    def next_stop(self, offset: int) -> int:
        """Return how far output from *offset* on may become entries at once: all of it was echoed, or none of it."""
        look_ahead = self._look_ahead
        return look_ahead.consumed if look_ahead and look_ahead.consumed > offset else self._run.limit

    def write(self, payload: bytes) -> None:
        """Echo output that became an entry, unless it was echoed before."""
        look_ahead = self._look_ahead
        if look_ahead is None or self._run.processor.consumed > look_ahead.consumed:
            self._echo.write(payload)

    def settle(self) -> None:
        """Drop the look-ahead once the batches have overtaken it."""
        if self._look_ahead and self._run.processor.consumed >= self._look_ahead.consumed:
            self._look_ahead = None

    def go_ahead(self) -> None:
        """Echo what the spool holds, while the store is away."""
        run = self._run
        if not self._echo.open:
            return
        with run.lock:
            look_ahead = self._look_ahead
            if look_ahead is None or look_ahead.consumed < run.processor.consumed:
                look_ahead = self._look_ahead = run.new_processor()
                look_ahead.restore(run.processor.save())
                self._known = len(run.secrets)
            look_ahead.masker.add(run.secrets[self._known :])
            self._known = len(run.secrets)
            stop = min(run.limit, look_ahead.consumed + _MOST_BYTES)
            while look_ahead.consumed < stop:
                size = min(_BLOCK_BYTES, stop - look_ahead.consumed)
                for item in look_ahead.feed(run.spool.read(look_ahead.consumed, size)):
                    if isinstance(item, Output):
                        self._echo.write(item.chunk.payload)
