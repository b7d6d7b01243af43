"""One run's raw bytes in, its log's entries out. Pure: no I/O.

Sequences are removed first, then secrets are masked, then lines are cut: a secret
that a sequence or a piece's end would split is still found whole. A secret whose
parts come together only on the screen is masked there.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runtail.masking.encodings import MIN_SECRET_BYTES
from runtail.masking.mask import Masker
from runtail.protocol.event import EARLIER_RUN, MARKERS_CAPPED, MASKED, OVERFLOW, REDRAWN
from runtail.titles import cleaned
from runtail.worker.shipper.output.labels import AddedLabels
from runtail.worker.shipper.output.lines import DEFAULT_MAX_LINE_BYTES, Chunk, Lines, Redrawn
from runtail.worker.shipper.output.markers import MAX_TEXT_CHARS, Markers, marker_lines

DEFAULT_MAX_MARKERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Output:
    """A chunk of output, and its marker lines: (index of the line, event)."""

    chunk: Chunk
    events: tuple[tuple[int, dict[str, Any]], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something about the output that is not output."""

    fields: dict[str, Any]
    #: The event is about this many lines before it.
    lines_before: int = 0


@dataclass(slots=True)
class _Gap:
    """Output that was dropped but not reported yet."""

    size_bytes: int = 0
    lines: int = 0
    #: Items that came before the gap and must be given out first.
    before: list["Output | Event"] = field(default_factory=list)


class Processor:
    """Turns one run's raw output into entries; its state can be saved and restored.

    ``consumed`` is the offset in the raw stream up to which everything is either
    given out or part of the state.
    """

    def __init__(
        self,
        nonce: str,
        secrets: Iterable[bytes] = (),
        *,
        cr: str = "last",
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        max_markers: int = DEFAULT_MAX_MARKERS,
        masker: Masker | None = None,
        declared: Mapping[str, str] | None = None,
    ) -> None:
        self.consumed = 0
        self.overflow_bytes = 0
        #: The part of these that the keeper dropped; it never got into the raw stream.
        self.outside_bytes = 0
        #: Marker events given out, and those above the limit, which were not given out.
        self.markers = 0
        self.capped_markers = 0
        self.progress: dict[str, Any] | None = None
        self.labels = AddedLabels(declared or {})
        #: The title that the task has set; empty: none.
        self.title = ""
        self._max_markers = max_markers
        self._form: dict[str, Any] = {"cr": cr, "max_line_bytes": max_line_bytes}
        #: Earlier executions whose processes wrote into this one, and how far their output was taken.
        self._earlier: dict[str, int] = {}
        #: Their output that came between two pieces of one line.
        self._postponed: list[dict[str, Any]] = []
        self._continued = False
        self._gap = _Gap()
        #: The result of :meth:`live` until something changes.
        self._shown: list[str] | None = None
        self._markers = Markers(nonce)
        self.masker = Masker(secrets) if masker is None else masker
        self._lines = Lines(max_line_bytes=max_line_bytes, cr=cr, mask=self.masker.whole_bytes)

    def feed(self, data: bytes) -> list[Output | Event]:
        """Take the next output; return what is final now."""
        items = self._tell_gap()
        self._shown = None
        self.consumed += len(data)
        for part in self._markers.feed(data):
            if isinstance(part, bytes):
                escapes = self._markers.escapes or bool(self.masker.held)
                self._give(self._lines.feed(self.masker.feed(part), escapes=escapes), items)
            else:
                self._operate(part, items)
        return items

    def skip(self, data: bytes) -> None:
        """Drop the next output and count it.

        The next :meth:`feed` or :meth:`finish` reports what is missing.
        """
        gap = self._gap
        self._shown = None
        if not gap.size_bytes:
            # Held bytes may be the first half of a secret whose second half is
            # dropped here: they are dropped too.
            gap.size_bytes += len(self.masker.held)
            self.masker.held, self.masker.covered = b"", 0
            self._give(self._lines.finish(), gap.before)
        self.consumed += len(data)
        self.overflow_bytes += len(data)
        for part in self._markers.feed(data):
            if isinstance(part, bytes):
                gap.size_bytes += len(part)
                gap.lines += part.count(b"\n")
            elif part["op"] == "earlier-run":
                data = self._take_earlier(part)
                gap.size_bytes += len(data)
                gap.lines += data.count(b"\n")
            else:
                self._operate(part, gap.before)

    def skip_lost(self, size_bytes: int) -> None:
        """Drop, as :meth:`skip` does, bytes that cannot be read any more."""
        self.skip(b"")
        self._markers.finish()
        self._gap.size_bytes += size_bytes
        self.consumed += size_bytes
        self.overflow_bytes += size_bytes

    def tell_lost(self, size_bytes: int) -> None:
        """Note that the store lost output before this point."""
        if size_bytes:
            self.skip(b"")
            self._gap.size_bytes += size_bytes
            self.overflow_bytes += size_bytes

    def drop_outside(self, total_bytes: int) -> None:
        """Note that the keeper itself has dropped ``total_bytes`` of output since the run began."""
        new, self.outside_bytes = total_bytes - self.outside_bytes, total_bytes
        if new > 0:
            self.tell_lost(new)

    def finish(self) -> list[Output | Event]:
        """Return everything that was held, then the summaries: no output follows."""
        items = self._tell_gap()
        self._shown = None
        rest = self.masker.feed(self._markers.finish()) + self.masker.finish()
        self._give(self._lines.feed(rest) + self._lines.finish(), items)
        self._continued = False
        self._give_postponed(items)
        if self.capped_markers:
            items.append(Event({"kind": MARKERS_CAPPED, "count": self.capped_markers}))
        if self.masker.count:
            items.append(Event({"kind": MASKED, "count": self.masker.count}))
        return items

    def settle(self) -> list[Output | Event]:
        """Give out the rows that are held back, because the output did not go back to them for a while."""
        items = self._tell_gap()
        self._shown = None
        self._give(self._lines.settle(), items)
        return items

    @property
    def moves(self) -> int:
        """A number that changes whenever the output goes back to earlier rows."""
        return self._lines.moves

    @property
    def waits(self) -> bool:
        """Whether whole lines are held back only because the output may go back to them."""
        return self._lines.waits

    def live(self, limit_bytes: int) -> list[str]:
        """Return what a terminal shows of output that is not given out yet, masked: unfinished or redrawn lines.

        :param limit_bytes: the most of one row; of several rows, the last ones that fit into four times as much.
        """
        if self._shown is None:
            # Text that is only shown is not counted.
            count = self.masker.count
            held = self.masker.held
            if len(held) >= MIN_SECRET_BYTES or self.masker.covered:
                # Nearly every letter begins some form of some secret; so short a beginning does not count.
                held = b""
            self._shown = self._lines.live(limit_bytes, held)
            self.masker.count = count
        return self._shown

    def counters(self) -> dict[str, int]:
        """Return the figures of the run's record that belong to ``consumed``."""
        return {
            "consumed": self.consumed,
            "masked": self.masker.count,
            "rewritten_bytes": self._lines.rewritten_bytes,
            "overflow_bytes": self.overflow_bytes,
        }

    def resume(self, counters: dict[str, int]) -> None:
        """Take over the totals of a record (of an earlier attempt, or without a saved state)."""
        self.consumed = counters.get("consumed", 0)
        self.masker.count = counters.get("masked", 0)
        self._lines.rewritten_bytes = counters.get("rewritten_bytes", 0)
        self.overflow_bytes = counters.get("overflow_bytes", 0)

    def save(self) -> bytes:
        """Return everything needed to continue from ``consumed``, except the secrets. Part of a secret may be in it."""
        lines, past = self._lines.save()
        state = {
            **self.counters(),
            "outside": self.outside_bytes,
            "markers": self.markers,
            "capped": self.capped_markers,
            "progress": self.progress,
            "labels": self.labels.values,
            "title": self.title,
            "continued": self._continued,
            "earlier": self._earlier,
            "postponed": self._postponed,
            "covered": self.masker.covered,
            "gap": [self._gap.size_bytes, self._gap.lines],
            "gap_before": [_pack(item) for item in self._gap.before],
            # latin-1 maps each byte to one character and back.
            "sequence": self._markers.held.decode("latin-1"),
            "held": self.masker.held.decode("latin-1"),
            "lines": lines,
        }
        return json.dumps(state, ensure_ascii=False).encode() + b"\0" + past

    def restore(self, saved: bytes) -> None:
        """Restore the state that :meth:`save` returned."""
        # (JSON has no NUL.)
        values, _, past = saved.partition(b"\0")
        state = json.loads(values)
        self.resume(state)
        self.outside_bytes = state["outside"]
        self.markers, self.capped_markers = state["markers"], state["capped"]
        self.progress, self._continued = state["progress"], state["continued"]
        # (A shipper of release 0.1.0 kept none.)
        self.labels.values, self.title = state.get("labels", {}), state.get("title", "")
        self._earlier, self._postponed = state["earlier"], state["postponed"]
        size_bytes, lines = state["gap"]
        self._gap = _Gap(size_bytes, lines, [_unpack(item) for item in state["gap_before"]])
        self._markers.held = state["sequence"].encode("latin-1")
        self._lines.restore(state["lines"], past)
        self._shown = None
        self.masker.held = state["held"].encode("latin-1")
        self.masker.covered = state["covered"]

    def _tell_gap(self) -> list[Output | Event]:
        if not self._gap.size_bytes:
            return []
        gap, self._gap = self._gap, _Gap()
        told = {"kind": OVERFLOW, "bytes": gap.size_bytes, "lines": gap.lines}
        return [*gap.before, Event(told)]

    def _give(self, chunks: list[Chunk | Redrawn], items: list[Output | Event]) -> None:
        redrawn = any(isinstance(chunk, Redrawn) for chunk in chunks)
        for chunk in chunks:
            if isinstance(chunk, Redrawn):
                items.append(Event({"kind": REDRAWN}, chunk.lines))
                continue
            end = chunk.payload.find(b"\n") + 1
            if self._postponed and not redrawn and end:
                # Give it right after the line that it waits for, however the input was split.
                self._give_one(Chunk(chunk.payload[:end]), items)
                self._give_postponed(items)
                if end == len(chunk.payload):
                    continue
                chunk = Chunk(chunk.payload[end:], chunk.continues)
            self._give_one(chunk, items)
        self._give_postponed(items)

    def _give_one(self, chunk: Chunk, items: list[Output | Event]) -> None:
        events: list[tuple[int, dict[str, Any]]] = []
        for index, event in marker_lines(chunk.payload, at_line_start=not self._continued):
            if self._admit():
                events.append((index, event))
        self._continued = chunk.continues
        items.append(Output(chunk, tuple(events)))

    def _give_postponed(self, items: list[Output | Event]) -> None:
        if self._postponed and not self._continued:
            postponed, self._postponed = self._postponed, []
            for operation in postponed:
                self._give_earlier(operation, items)

    def _give_earlier(self, operation: dict[str, Any], items: list[Output | Event]) -> None:
        """Put whole lines of an earlier run's left-behind processes between lines of this run; report each run once."""
        told = str(operation.get("key")) in self._earlier
        data = self._take_earlier(operation)
        if not data:
            return
        if not told:
            items.append(Event({"kind": EARLIER_RUN, "run": str(operation.get("run"))}))
        # This run's later redrawing must not reach across these lines.
        self._lines.part()
        other = Processor("", max_markers=0, masker=self.masker.fresh(), **self._form)
        given = other.feed(data) + other.finish()
        items += [item if isinstance(item, Event) else Output(item.chunk) for item in given if _is_shown(item)]
        self.masker.count += other.masker.count
        self._lines.rewritten_bytes += other._lines.rewritten_bytes

    def _take_earlier(self, operation: dict[str, Any]) -> bytes:
        """Return the output of an ``earlier-run``; nothing if it came before (a shipper died before it noted that)."""
        key, upto = str(operation.get("key")), operation.get("to")
        try:
            data = base64.b64decode(str(operation.get("data")), validate=True)
        except (binascii.Error, ValueError):
            return b""
        if not isinstance(upto, int) or upto <= self._earlier.get(key, 0):
            return b""
        self._earlier[key] = upto
        return data

    def _operate(self, operation: dict[str, Any], items: list[Output | Event]) -> None:
        kind = operation["op"]
        if kind == "earlier-run":
            if self._continued:
                self._postponed.append(operation)
            else:
                self._give_earlier(operation, items)
        elif kind == "own-line":
            # The held bytes may turn out not to be a secret, and then they are text.
            end = self._lines.line_end() or (b"\n" if self.masker.held else b"")
            self._give(self._lines.feed(self.masker.feed(end)), items)
        elif kind == "progress":
            value = operation.get("value")
            number = float(value) if isinstance(value, int | float) else None
            self.progress = {"value": number, "text": self._text(operation, "text")}
        elif kind == "title":
            self.title = cleaned(self._text(operation, "text")) or self.title
        elif kind == "label":
            flaw = self.labels.set(self._text(operation, "key"), self._text(operation, "value"))
            if flaw and self._admit():
                self._give(self._lines.interrupt(), items)
                items.append(Event({"kind": "warning", "text": flaw}))
        elif self._admit():
            self._give(self._lines.interrupt(), items)
            event: dict[str, Any] = {"kind": kind}
            if kind == "group":
                event["title"] = self._text(operation, "title")
            elif kind != "endgroup":
                event["text"] = self._text(operation, "text")
            items.append(Event(event))

    def _admit(self) -> bool:
        """Return whether one more marker event fits under the limit."""
        if self.markers < self._max_markers:
            self.markers += 1
            return True
        self.capped_markers += 1
        return False

    def _text(self, operation: dict[str, Any], name: str) -> str:
        text = str(operation.get(name) or "")
        return self.masker.whole(text, cut=bool(operation.get("cut")))[:MAX_TEXT_CHARS]


def _is_shown(item: Output | Event) -> bool:
    return isinstance(item, Output) or item.fields["kind"] == REDRAWN


def _pack(item: Output | Event) -> dict[str, Any]:
    if isinstance(item, Event):
        return {"event": item.fields, "lines_before": item.lines_before}
    payload = item.chunk.payload.decode("latin-1")
    return {"payload": payload, "continues": item.chunk.continues, "events": item.events}


def _unpack(item: dict[str, Any]) -> Output | Event:
    if "event" in item:
        return Event(item["event"], item["lines_before"])
    chunk = Chunk(item["payload"].encode("latin-1"), item["continues"])
    return Output(chunk, tuple((index, event) for index, event in item["events"]))
