"""One run's output, batch by batch, into the store.

That output is stored exactly once, even if this process dies, rests on one rule:
one batch at a time. A batch consists of some entries, the state of the processor
after them (kept in the run's journal under a generation), and one append that
stores the entries together with that generation. The generation in the store
tells a successor from which state to continue.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from runtail.protocol import EVENT, OUTPUT
from runtail.protocol import event as events
from runtail.worker.shipper.output.live_line import HeldRows, LiveLine
from runtail.worker.shipper.output.look_ahead_echo import LookAheadEcho
from runtail.worker.shipper.output.processor import Event, Output

if TYPE_CHECKING:
    from runtail.log.writer import Answer, LogWriter
    from runtail.worker.shipper.context import Context
    from runtail.worker.shipper.run import ShippedRun

#: Raw bytes per batch. A whole batch must fit into one call to the store.
_BATCH_BYTES: Final = 512 << 10
#: How long the end of a run waits for room in a full store before the rest of its output is dropped.
_FULL_SECONDS: Final = 2.0
#: How often a run whose output is held back is checked.
_FULL_POLL_SECONDS: Final = 0.1


class Batches:
    """:meth:`fill` a batch, :meth:`keep_state`, and :meth:`store` it; if the store is away, store it again."""

    def __init__(self, run: ShippedRun, context: Context) -> None:
        self._run = run
        self._context = context
        self._settings = context.settings
        self.echo = LookAheadEcho(run, context.echo)
        self._live = LiveLine(run, context.settings)
        self._held_rows = HeldRows(run)
        #: Monotonic: when the store last answered.
        self._stored_at = 0.0
        #: Where the batch ends: an offset in the spool, and totals for the record.
        self._ends_at = 0
        self.counters: dict[str, int] = {}
        #: The store is full: output stays in the spool.
        self._held = False

    def hold_back(self, now: float) -> None:
        """Hold output back while the store is full, but not without limit: an end must come in time."""
        run = self._run
        self._held = run.backlog_bytes > 0 and not self._context.has_room()
        if not self._held:
            return
        self.echo.go_ahead()
        if run.end and now - run.end_seen >= _FULL_SECONDS and self.echo.echoed_to >= run.limit:
            self._context.counts.unstored_bytes += run.drop(run.backlog_bytes)
            self._held = False

    def are_due(self, now: float) -> bool:
        """Whether something is to be stored now, even if only to renew the lease."""
        backlog, settings = 0 if self._held else self._run.backlog_bytes, self._settings
        since = now - self._stored_at
        if backlog:
            full = self._run.end is not None or backlog >= settings.flush_bytes
            return full or since >= settings.flush_seconds
        return min(self._live.due(now), self._held_rows.due(now)) <= now or since >= settings.beat_seconds

    def next_at(self, writer: LogWriter, now: float) -> float:
        """Return when to check again (monotonic)."""
        backlog, settings = self._run.backlog_bytes, self._settings
        if self._held:
            return now + (_FULL_POLL_SECONDS if self.echo.echoed_to >= self._run.limit else 0.0)
        if writer.pending or self._run.end or backlog >= settings.flush_bytes:
            return now
        if backlog:
            return self._stored_at + settings.flush_seconds
        return min(self._live.due(now), self._held_rows.due(now), self._stored_at + settings.beat_seconds)

    def fill(self, writer: LogWriter, now: float) -> None:
        """Make entries from the spool's output, up to the size of a batch."""
        run, processor = self._run, self._run.processor
        size = 0
        with run.lock:
            while size < _BATCH_BYTES and not self._held:
                offset = processor.consumed
                stop = min(run.limit, self.echo.next_stop(offset))
                data = run.spool.read(offset, min(self._settings.flush_bytes, stop - offset))
                if not data:
                    break
                written = self._context.now_ms(run.written_ms(offset))
                self._add(writer, processor.feed(data), written)
                size += len(data)
            if self._held_rows.due(now) <= now:
                self._add(writer, processor.settle(), self._context.now_ms())

    def add_rest(self, writer: LogWriter, written_ms: int) -> None:
        """Add everything that the processor still holds: all output becomes entries."""
        with self._run.lock:
            self._add(writer, self._run.processor.finish(), written_ms)

    def keep_state(self, totals: Mapping[str, int]) -> None:
        """Keep the state after the batch for a successor.

        :param totals: for the record, in addition to the processor's own.
        """
        run = self._run
        with run.lock:
            generation = run.journal.write("state", run.processor.save())
            self.counters = {**run.processor.counters(), **totals, "journal": generation}
            self._ends_at = run.processor.consumed
        self.echo.settle()

    def store(self, writer: LogWriter, now: float) -> Answer:
        """Store the batch.

        :raises StoreUnavailable: call again.
        """
        run, ends_at = self._run, self._ends_at
        live = self._live.take(writer.line, now)
        asked_at = time.monotonic()
        answer = writer.flush(live=live, counters=self.counters)
        self._stored_at = time.monotonic()
        self._context.counts.store_seconds.observe(self._stored_at - asked_at)
        run.stored_to = ends_at
        run.spool.release(ends_at)
        return answer

    def _add(self, writer: LogWriter, items: list[Output | Event], written_ms: int) -> None:
        for item in items:
            add_item(writer, item, written_ms)
            if isinstance(item, Output):
                self._context.counts.entries += 1
                self._context.counts.output_bytes += len(item.chunk.payload)
                self.echo.write(item.chunk.payload)


def add_item(writer: LogWriter, item: Output | Event, written_ms: int) -> None:
    """Queue what a processor gave as entries of a log.

    :param written_ms: when it was written, by the store's clock.
    """
    if isinstance(item, Event):
        fields = item.fields
        if item.lines_before:
            fields = {**fields, "from": writer.line - item.lines_before, "to": writer.line - 1}
        writer.add(EVENT, events.encode_fields(fields), written_ms)
        return
    entry = writer.add(OUTPUT, item.chunk.payload, written_ms, continues=item.chunk.continues)
    for index, fields in item.events:
        writer.add(EVENT, events.encode_fields({**fields, "line": entry.from_line + index}), written_ms)
