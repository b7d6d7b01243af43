r"""Bytes in, chunks of whole lines out. Pure: no I/O, no clock.

A line becomes what a terminal would show of it:

* Output in which the cursor only writes and ends lines leaves unchanged, byte for byte: text, colours,
  ``\r\n``. It costs no work per line.
* A line in which the cursor does more is drawn (``region.py``) and leaves as the text that remains of it, with
  the codes of its colours. A ``\r`` counts once a byte other than ``\r`` and ``\n`` follows it.
* Rows that are redrawn are held back while the program can still reach them.
* As soon as a line holds more than ``max_line_bytes``, its beginning leaves as a piece flagged ``continues``.
  A piece is never overwritten.

The content does not depend on how the input was split, with one exception: lines that one :meth:`Lines.feed` has
given out stay, and if a later call goes back to them, they come again after a :class:`Redrawn`. Without the lines that
were redrawn, the result is the same for every split.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from runtail.worker.shipper.output.history import Chunk, History, Redrawn
from runtail.worker.shipper.output.pieces import piece_end, tail_start
from runtail.worker.shipper.output.region import Region
from runtail.worker.shipper.output.screen import MOST_ROWS, SCREEN_ROWS
from runtail.worker.shipper.output.style import PLAIN, Style, codes_of, style_after

__all__ = ["Chunk", "Lines", "Redrawn"]

DEFAULT_MAX_LINE_BYTES: Final = 65536
#: How many bytes of redrawn rows are shown, for each byte of an unfinished line that is shown.
ROWS_FACTOR: Final = 4

#: Sequences after which text does not simply follow the text before it. (Compilers write ``CSI K`` with every
#: colour. Where nothing moved back, there is nothing to erase.)
_MOVING: Final = re.compile(
    rb"\x1b(?:[78DEMc]|\[!p"
    rb"|\[(?!0?K)\??[0-9;:]{0,64}[@A-MPSTXZ`abdefrsu]"
    rb"|\[[0-9;]{0,64}4[hl]"
    rb"|\[\?[0-9;]{0,64}(?:25l|47[hl]|1047[hl]|1049[hl]))"
)
_OVERWRITING: Final = re.compile(rb"\r[^\r\n]")
_BACK: Final = re.compile(rb"\x08")
#: Text that shows nothing and does not count as a line.
_COLOURS: Final = re.compile(rb"(?:\x1b\[[0-9;:]*+m)*+")
#: No sequence that moves is longer.
_LONGEST_MOVE: Final = 80


class Lines:
    """Cuts one run's output into chunks of about ``max_line_bytes`` at most.

    :param cr: ``keep`` draws nothing and keeps every byte.
    :param screen_rows: of the terminal on which output is drawn; it goes back at most *most_rows* above the last row.
    :param mask: removes secrets from the text of a row, where their parts may only now have come together.
    """

    def __init__(
        self,
        *,
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        cr: str = "last",
        mask: Callable[[bytes], bytes] = bytes,
        screen_rows: int = SCREEN_ROWS,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._max = max_line_bytes
        self._rewrites = cr != "keep"
        #: The part of an undrawn, unfinished line that has come so far; at most ``max_line_bytes``.
        self.tail = b""
        self._history = History(max_line_bytes + 1, codes_in_pieces=self._rewrites)
        self._region = Region(
            self._history, mask, max_line_bytes=max_line_bytes, screen_rows=screen_rows, most_rows=most_rows
        )
        self._drawing = False
        #: The tail, if it is only the codes of the colours that were on after the last drawn line.
        self._colours = b""

    @property
    def rewritten_bytes(self) -> int:
        """How many bytes fewer are stored than came, because something was written over them or erased them."""
        return self._region.rewritten_bytes

    @rewritten_bytes.setter
    def rewritten_bytes(self, count: int) -> None:
        self._region.rewritten_bytes = count

    @property
    def moves(self) -> int:
        """A number that changes whenever the output goes back to rows above, or may be about to."""
        return self._region.moves

    @property
    def waits(self) -> bool:
        """Whether whole lines are held back although perhaps nothing comes back to them; see :meth:`settle`."""
        return self._drawing and self._region.waits

    def feed(self, data: bytes, *, escapes: bool = True) -> list[Chunk | Redrawn]:
        """Take the next output; return what is final now.

        :param escapes: False if *data* is known to contain no escape character.
        """
        if not data:
            return []
        moves = _Moves.among(self.tail, data, escapes=escapes) if self._rewrites else None
        buffer = self.tail + data if self.tail else data
        self.tail, self._colours, at = b"", b"", 0
        while at < len(buffer):
            if self._drawing:
                at = self._draw(buffer, at)
                if self.tail:
                    # If nothing was given out, the codes that were written are still to come.
                    rest, buffer, at = buffer[at:], self.tail + buffer[at:], 0
                    moves, self.tail = _Moves.among(self.tail, rest), b""
                    if rest:
                        self._colours = b""
            else:
                at = self._pass(buffer, at, moves)
        return self._history.take()

    def settle(self) -> list[Chunk | Redrawn]:
        """Give out the rows held back above the cursor: nothing came back to them for a while."""
        if self._drawing and self._region.close():
            self._drawn()
        return self._history.take()

    def interrupt(self) -> list[Chunk | Redrawn]:
        """Give out rows as :meth:`settle` does, because something that is not output follows them."""
        if self._drawing:
            self._region.settle()
        return self._history.take()

    def line_end(self) -> bytes:
        """Return what must come for the next byte to begin a line of its own, below all that a terminal shows."""
        if self._drawing:
            return self._region.line_end()
        return b"\n" if self._history.continued or not _COLOURS.fullmatch(self.tail) else b""

    def part(self) -> None:
        """Note that lines from elsewhere come now: nothing comes back to what was given out before them."""
        self._region.part()

    def finish(self) -> list[Chunk | Redrawn]:
        """Give out everything as it is; the next byte starts a new line."""
        if self._drawing:
            self._region.finish()
            self._drawing = False
        elif self.tail and self.tail != self._colours:
            self._history.give_piece(self.tail, continues=False)
        self.tail = b""
        self._history.forget()
        return self._history.take()

    def live(self, limit_bytes: int, more: bytes = b"") -> list[str]:
        """Return what a terminal shows of output that is not given out yet: an unfinished line, or redrawn rows.

        :param more: text that may come next, to be shown too.
        """
        if self._drawing:
            rows = self._region.rows(more) or [b""]
            shown = [_shortened(row, PLAIN, limit_bytes) for row in rows]
            size, first = 0, len(shown)
            while first and (size := size + len(shown[first - 1])) <= (ROWS_FACTOR * limit_bytes):
                first -= 1
            return [row.decode(errors="replace") for row in shown[min(first, len(shown) - 1) :]]
        text = (self.tail + more).rstrip(b"\r")
        before = self._history.style
        if not self._rewrites:
            start = text.rfind(b"\r") + 1
            before, text = style_after(text[:start], before), text[start:]
        return [_shortened(text, before, limit_bytes).decode(errors="replace")]

    def save(self) -> tuple[dict[str, Any], bytes]:
        """Return everything needed to continue: JSON values, with bytes as latin-1, and the bulk of the bytes."""
        history = self._history
        past, past_style, back = history.end()
        state = {
            "tail": self.tail.decode("latin-1"),
            "colours": self._colours.decode("latin-1"),
            "style": codes_of(PLAIN, history.style).decode("latin-1"),
            "continued": history.continued,
            "inside": history.inside.decode("latin-1"),
            "past_style": codes_of(PLAIN, past_style).decode("latin-1"),
            "past_back": len(back) if isinstance(back, range) else back,
            "drawing": self._drawing,
            # What a program has set (its saved place, its modes) outlives the lines that are drawn.
            "region": self._region.save() if self._region.begun else None,
            "rewritten_bytes": self.rewritten_bytes,
            "moves": self._region.moves,
        }
        return state, past

    def restore(self, saved: dict[str, Any], past: bytes) -> None:
        """Restore the state that :meth:`save` returned."""
        history = self._history
        self.tail, self._colours = saved["tail"].encode("latin-1"), saved["colours"].encode("latin-1")
        history.style = style_after(saved["style"].encode("latin-1"), PLAIN)
        history.continued = saved["continued"]
        # (An older shipper did not save this.)
        history.inside = saved.get("inside", "").encode("latin-1")
        back = saved["past_back"]
        past_style = style_after(saved["past_style"].encode("latin-1"), PLAIN)
        in_order = range(back, 0, -1) if isinstance(back, int) else back
        history.remember(past, past_style, in_order)
        self._drawing = saved["drawing"]
        self.rewritten_bytes = saved["rewritten_bytes"]
        if saved["region"] is not None:
            self._region.restore(saved["region"])
        self._region.moves = saved["moves"]

    def _pass(self, buffer: bytes, at: int, moves: "_Moves | None") -> int:
        """Let output through up to the first line that must be drawn; return where that line begins."""
        move = moves.first(buffer, at) if moves else None
        if move is None:
            end = buffer.rfind(b"\n", at) + 1
            if end:
                self._give(buffer[at:end])
            self.tail = self._shrink(buffer[end or at :])
            return len(buffer)
        start = buffer.rfind(b"\n", at, move[0]) + 1
        if start:
            self._give(buffer[at:start])
        start = start or at
        # Text that has become a piece by the time of the move cannot be overwritten.
        while move[1] - start > self._max:
            start = self._give_piece(buffer, start)
            if start >= move[1]:
                return start
        self._region.begin()
        self._drawing = True
        return start

    def _draw(self, buffer: bytes, at: int) -> int:
        """Draw output up to the end of a line; return where the line ends."""
        end = buffer.find(b"\n", at)
        if end < 0:
            self._region.write(buffer[at:])
            return len(buffer)
        self._region.write(buffer[at:end])
        if self._region.newline():
            self._drawn()
        return end + 1

    def _drawn(self) -> None:
        self._drawing = False
        self._colours = self.tail = codes_of(self._history.style, self._region.style)

    def _give(self, block: bytes) -> None:
        """Give out whole lines, in chunks; where no newline fits, cut a piece off."""
        position, size, limit = 0, len(block), self._max + 1
        while size - position > limit:
            end = block.rfind(b"\n", position, position + limit) + 1
            if end:
                self._history.give(block[position:end])
                position = end
            else:
                position = self._give_piece(block, position)
        self._history.give(block[position:] if position else block)

    def _shrink(self, line: bytes) -> bytes:
        """Cut pieces off an unfinished line; return the rest."""
        start = 0
        while len(line) - start > self._max:
            start = self._give_piece(line, start)
        return line[start:] if start else line

    def _give_piece(self, line: bytes, start: int) -> int:
        end = piece_end(line, start, self._max)
        self._history.give_piece(line[start:end])
        return end


class _Moves:
    """The places in one block where the cursor moves other than by writing."""

    def __init__(self, patterns: list[re.Pattern[bytes]]) -> None:
        #: For each kind that occurs, where the next one begins and ends; None: not looked for yet.
        self._next: dict[re.Pattern[bytes], tuple[int, int] | None] = dict.fromkeys(patterns)

    @classmethod
    def among(cls, tail: bytes, data: bytes, *, escapes: bool = True) -> "_Moves | None":
        """Return the moves in *data*, after a line that began with *tail*; None if nothing can move the cursor."""
        # One-byte tests are some fifty times cheaper than others. The end of the last block may have cut a sequence.
        patterns = []
        if (b"\r" in data and data.count(b"\r") != data.count(b"\r\n")) or tail.endswith(b"\r"):
            patterns.append(_OVERWRITING)
        if (escapes and b"\x1b" in data) or (tail and b"\x1b" in tail[-_LONGEST_MOVE:]):
            patterns.append(_MOVING)
        if b"\b" in data:
            patterns.append(_BACK)
        return cls(patterns) if patterns else None

    def first(self, buffer: bytes, at: int) -> tuple[int, int] | None:
        """Return where the first move at or after *at* begins and ends."""
        first = None
        for pattern, known in list(self._next.items()):
            if known is None or known[0] < at:
                match = pattern.search(buffer, at)
                if match is None:
                    del self._next[pattern]
                    continue
                known = self._next[pattern] = match.span()
            if first is None or known < first:
                first = known
        return first


def _shortened(text: bytes, before: Style, limit_bytes: int) -> bytes:
    start = tail_start(text, limit_bytes)
    return codes_of(PLAIN, style_after(text[:start], before)) + text[start:]
