"""Bytes in, chunks of whole lines out. Pure: no I/O, no clock.

What a line becomes is what a terminal would show of it:

* Output in which the cursor does nothing but write and end lines leaves as it came, byte for byte: text, colours,
  ``\\r\\n``. No work is done per line.
* A line in which it does more is drawn (:mod:`runtail.shipper.region`) and leaves as the text that is left of it, with
  the codes of its colours. A ``\\r`` counts once a byte other than ``\\r`` and ``\\n`` follows it.
* Rows that are drawn again are held back while the program can still reach them.
* As soon as a line holds more than ``max_line_bytes`` its beginning leaves as a piece flagged ``continues``.
  Nothing is written over a piece.

The content does not depend on how the input was split, with one exception: lines that one :meth:`Lines.feed` has
given out stay, and if a later one goes back to them, they come again behind a :class:`Redrawn`. Whoever leaves out the
lines that were redrawn has the same lines for every split.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from runtail.shipper.history import Chunk, History, Past, Redrawn
from runtail.shipper.pieces import piece_end, tail_start
from runtail.shipper.region import Region
from runtail.shipper.style import PLAIN, Style, codes, style_after

__all__ = ["Chunk", "Lines", "Redrawn"]

DEFAULT_MAX_LINE_BYTES: Final = 65536
#: How much is shown of rows that are drawn again, for each byte of an unfinished line that is shown.
ROWS_FACTOR: Final = 4

#: Sequences after which text does not simply go on behind the text before it.
_MOVING: Final = re.compile(
    rb"\x1b(?:[78DEMc]"
    rb"|\[\??[0-9;:]{0,64}[@A-MPSTXZ`abdefrsu]"
    rb"|\[[0-9;]{0,64}4[hl]"
    rb"|\[\?[0-9;]{0,64}(?:25l|47[hl]|1047[hl]|1049[hl]))"
)
_OVERWRITING: Final = re.compile(rb"\r[^\r\n]")
#: No sequence that moves is longer.
_LONGEST_MOVE: Final = 80


class Lines:
    """Cuts one run's output into chunks of about ``max_line_bytes`` at most.

    :param cr: ``keep`` draws nothing and keeps every byte.
    :param mask: takes secrets out of the text of a row, in which they may have come together only now.
    """

    def __init__(
        self,
        *,
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        cr: str = "last",
        mask: Callable[[str], str] = str,
    ) -> None:
        self._max = max_line_bytes
        self._rewrites = cr != "keep"
        #: What has come of an unfinished line that is not drawn; at most ``max_line_bytes``.
        self.tail = b""
        self._history = History(max_line_bytes, codes_in_pieces=self._rewrites)
        self._region = Region(self._history, mask, max_line_bytes=max_line_bytes)
        self._drawing = False

    @property
    def rewritten_bytes(self) -> int:
        """Bytes that came and are not part of what is stored, because something was written over them or erased them."""
        return self._region.rewritten_bytes

    @rewritten_bytes.setter
    def rewritten_bytes(self, count: int) -> None:
        self._region.rewritten_bytes = count

    @property
    def moves(self) -> int:
        """Changes whenever the output goes back to rows above, or may be about to."""
        return self._region.moves

    @property
    def waits(self) -> bool:
        """Whether whole lines are held back that nothing may ever come back to: :meth:`settle` gives them out."""
        return self._drawing and self._region.waits

    def feed(self, data: bytes) -> list[Chunk | Redrawn]:
        """Take what came next; answer what is final now."""
        moves = self._rewrites and self._moves(data)
        while data:
            data = self._draw(data) if self._drawing else self._pass(data, moves)
        return self._history.take()

    def settle(self) -> list[Chunk | Redrawn]:
        """Give out the rows that are held back above the cursor: nothing came back to them for a while."""
        if self._drawing and self._region.close():
            self._drawn()
        return self._history.take()

    def interrupt(self) -> list[Chunk | Redrawn]:
        """As :meth:`settle`, because something that is no output comes behind them."""
        if self._drawing:
            self._region.settle()
        return self._history.take()

    def finish(self) -> list[Chunk | Redrawn]:
        """Give out everything as it stands; the next byte starts a new line."""
        if self._drawing:
            self._region.finish()
            self._drawing = False
        elif self.tail:
            self._history.give_piece(self.tail, continues=False)
        self.tail = b""
        self._history.forget()
        return self._history.take()

    def live(self, limit_bytes: int) -> list[str]:
        """What a terminal shows of what is not given out: the unfinished line, or several rows that are drawn again."""
        if self._drawing:
            rows = self._region.rows() or [b""]
            shown = [_shortened(row, PLAIN, limit_bytes) for row in rows]
            size, first = 0, len(shown)
            while first and (size := size + len(shown[first - 1])) <= (ROWS_FACTOR * limit_bytes):
                first -= 1
            return [row.decode(errors="replace") for row in shown[min(first, len(shown) - 1) :]]
        text = self.tail.rstrip(b"\r")
        before = self._history.style
        if not self._rewrites:
            start = text.rfind(b"\r") + 1
            before, text = style_after(text[:start], before), text[start:]
        return [_shortened(text, before, limit_bytes).decode(errors="replace")]

    def save(self) -> dict[str, Any]:
        """Everything needed to go on, as JSON values; bytes as latin-1."""
        history = self._history
        past = history.lines()
        return {
            "tail": self.tail.decode("latin-1"),
            "style": _codes(PLAIN, history.style).decode("latin-1"),
            "continued": history.continued,
            "past": b"\n".join(line.text for line in past).decode("latin-1") if past else None,
            "past_style": _codes(PLAIN, past[0].style).decode("latin-1") if past else "",
            "past_back": _numbers([line.back or 0 for line in past]),
            "region": self._region.save() if self._drawing else None,
            "rewritten_bytes": self.rewritten_bytes,
            "moves": self._region.moves,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Become what :meth:`save` saw."""
        history = self._history
        self.tail = saved["tail"].encode("latin-1")
        history.style = style_after(saved["style"].encode("latin-1"), PLAIN)
        history.continued = saved["continued"]
        if saved["past"] is not None:
            style = style_after(saved["past_style"].encode("latin-1"), PLAIN)
            texts = saved["past"].encode("latin-1").split(b"\n")
            backs = saved["past_back"] or range(len(texts), 0, -1)
            history.remember([Past(text, style, back) for text, back in zip(texts, backs, strict=True)])
        self._drawing = saved["region"] is not None
        self.rewritten_bytes = saved["rewritten_bytes"]
        if self._drawing:
            self._region.restore(saved["region"])
        self._region.moves = saved["moves"]

    def _moves(self, data: bytes) -> bool:
        """Whether the cursor may do more in *data*, and what is held of its line, than write and end lines."""
        # One-byte tests are some fifty times cheaper than others.
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
            return True
        if b"\x1b" in data and _MOVING.search(data):
            return True
        if b"\b" in data:
            return True
        # A sequence or a return that the end of the last block has cut off.
        tail = self.tail[-_LONGEST_MOVE:]
        return (b"\r" in tail or b"\x1b" in tail) and self._first_move(tail + data[:_LONGEST_MOVE], 0) is not None

    def _first_move(self, buffer: bytes, start: int) -> tuple[int, int] | None:
        """Where the first thing begins and ends that moves the cursor otherwise than by writing."""
        found = [(match.start(), match.end()) for match in (_OVERWRITING.search(buffer, start),) if match]
        if (back := buffer.find(b"\b", start)) >= 0:
            found.append((back, back + 1))
        if match := _MOVING.search(buffer, start):
            found.append((match.start(), match.end()))
        return min(found) if found else None

    def _pass(self, data: bytes, moves: bool) -> bytes:
        """Let output through up to the first line that has to be drawn; answer the rest."""
        buffer = self.tail + data if self.tail else data
        move = self._first_move(buffer, max(0, len(self.tail) - _LONGEST_MOVE)) if moves else None
        if move is None:
            end = buffer.rfind(b"\n") + 1
            if end:
                self._give(buffer[:end])
            self.tail = self._shrink(buffer[end:])
            return b""
        start = buffer.rfind(b"\n", 0, move[0]) + 1
        if start:
            self._give(buffer[:start])
        # What is a piece by the time that it moves cannot be written over.
        while move[1] - start > self._max:
            start = self._give_piece(buffer, start)
            if start >= move[1]:
                self.tail = b""
                return buffer[start:]
        self.tail = b""
        self._region.begin()
        self._drawing = True
        return buffer[start:]

    def _draw(self, data: bytes) -> bytes:
        """Draw output up to the end of a line; answer the rest."""
        end = data.find(b"\n")
        if end < 0:
            self._region.write(data)
            return b""
        self._region.write(data[:end])
        if self._region.newline():
            self._drawn()
        return data[end + 1 :]

    def _drawn(self) -> None:
        self._drawing = False
        # Where nothing was given out, the codes that were written are still to come.
        self.tail = _codes(self._history.style, self._region.style)

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
        """Cut pieces off an unfinished line, answer the rest."""
        start = 0
        while len(line) - start > self._max:
            start = self._give_piece(line, start)
        return line[start:] if start else line

    def _give_piece(self, line: bytes, start: int) -> int:
        end = piece_end(line, start, self._max)
        self._history.give_piece(line[start:end])
        return end


def _shortened(text: bytes, before: Style, limit_bytes: int) -> bytes:
    start = tail_start(text, limit_bytes)
    return _codes(PLAIN, style_after(text[:start], before)) + text[start:]


def _codes(before: Style, after: Style) -> bytes:
    return codes(before, after).encode("utf-8", "surrogateescape")


def _numbers(backs: list[int]) -> list[int] | None:
    """None where the lines stand one after the other, as they nearly always do."""
    return None if backs == list(range(len(backs), 0, -1)) else backs
