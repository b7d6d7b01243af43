"""The part of a run's output that was given out, as far as later output may come back to it. Pure."""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from runtail.worker.shipper.output.pieces import control_string
from runtail.worker.shipper.output.style import PLAIN, Style, codes_of, style_after

#: How many lines back a cursor can go.
MOST_LINES: Final = 99
MOST_BYTES: Final = 65536


class Chunk(NamedTuple):
    """Whole lines, a piece of a long line, or the unfinished last line."""

    payload: bytes
    #: The next chunk continues the same line.
    continues: bool = False


class Redrawn(NamedTuple):
    """The last lines given out were redrawn: their new content follows."""

    lines: int


class _Fixed(bytes):
    """The end of a line whose beginning has left as a piece: nothing comes back to it."""


@dataclass(frozen=True, slots=True)
class Past:
    """A line that was given out."""

    text: bytes
    #: The style in which it begins.
    style: Style
    #: How many lines before the end of the log this line is (1: the last one); None: it was taken back.
    back: int | None


@dataclass(slots=True)
class _Block:
    style: Style
    lines: bytes
    #: For each line, how many lines before the end of the log it was; None: the lines were consecutive.
    back: tuple[int, ...] | None = None


class History:
    """Collects what is given out, and remembers the end of what was given out.

    :param codes_in_pieces: a piece that continues a line begins with the codes of the style in force.
    """

    def __init__(self, max_chunk_bytes: int, *, codes_in_pieces: bool) -> None:
        #: The style in force after everything that was given out.
        self.style = PLAIN
        #: The last thing given out was a piece: the next output continues its line.
        self.continued = False
        #: The beginning that reopens the control string in which the last piece was cut; empty if it was in none.
        self.inside = b""
        self._max_chunk_bytes = max_chunk_bytes
        self._codes_in_pieces = codes_in_pieces
        self._out: list[bytes | Chunk | Redrawn] = []
        self._blocks: deque[_Block] = deque()
        self._kept_bytes = 0

    def take(self) -> list[Chunk | Redrawn]:
        """Return what was given out since the last call; it cannot be taken back any more."""
        out, self._out = self._out, []
        if len(out) == 1 and isinstance(out[0], bytes):
            return [Chunk(out[0])]
        items: list[Chunk | Redrawn] = []
        lines: list[bytes] = []
        size = 0
        for item in (*out, None):
            if lines and (not isinstance(item, bytes) or size + len(item) > self._max_chunk_bytes):
                items.append(Chunk(b"".join(lines)))
                lines, size = [], 0
            if isinstance(item, bytes):
                lines.append(item)
                size += len(item)
            elif item is not None:
                items.append(item)
        return items

    def give(self, lines: bytes, *, remember: bool = True) -> int:
        """Give out whole lines, which fit one chunk; return how many bytes they are."""
        rest = lines
        if self.continued:
            lines = self._begin(lines)
            end = lines.index(b"\n") + 1
            rest = lines[end:]
            self._out.append(_Fixed(lines[:end]))
        if rest:
            self._out.append(rest)
        if remember and rest:
            self._remember(_Block(style_after(lines[: len(lines) - len(rest)], self.style), rest))
        self.style = style_after(lines, self.style)
        self.continued, self.inside = False, b""
        return len(lines)

    def _remember(self, block: _Block) -> None:
        self._blocks.append(block)
        self._kept_bytes += len(block.lines)
        while self._kept_bytes - len(self._blocks[0].lines) >= MOST_BYTES:
            self._kept_bytes -= len(self._blocks.popleft().lines)

    def give_piece(self, piece: bytes, *, continues: bool = True) -> int:
        """Give out a piece of a line; nothing can come back to anything before its end."""
        piece = self._begin(piece)
        self.inside = control_string(piece, begun=bool(self.inside)) if continues and self._codes_in_pieces else b""
        if self.inside:
            piece += b"\x1b\\"
        self._out.append(Chunk(piece, continues))
        self.forget()
        self.style = style_after(piece, self.style)
        self.continued = continues
        return len(piece)

    def tell_redrawn(self, lines: int) -> None:
        """Note that the last *lines* lines were redrawn."""
        self._out.append(Redrawn(lines))

    def forget(self) -> None:
        """Note that nothing can come back to what was given out so far."""
        self._blocks.clear()
        self._kept_bytes = 0

    def remember(self, lines: bytes, style: Style, back: Sequence[int]) -> None:
        """Note that something can come back only to these lines; they begin in *style*."""
        self.forget()
        if lines:
            in_order = back[0] == len(back) and back[-1] == 1
            self._blocks.append(_Block(style, lines, None if in_order else tuple(back)))
            self._kept_bytes = len(lines)

    def lines(self, most: int = MOST_LINES) -> list[Past]:
        """Return the last lines, at most *most*, as far as later output can still change them."""
        text, style, backs = self.end(most)
        found: list[Past] = []
        for back, line in zip(backs, text.split(b"\n"), strict=False):
            found.append(Past(line, style, back))
            style = style_after(line, style)
        return found

    def end(self, most: int = MOST_LINES) -> tuple[bytes, Style, Sequence[int]]:
        """Return the text of :meth:`lines`, its initial style, and how far before the end of the log each line is."""
        if not self._blocks:
            return b"", PLAIN, ()
        # From the last block on, until there are enough lines. (Counting lines costs more than finding the last ones.)
        first, wanted, cut = len(self._blocks), most, 0
        while first and wanted:
            first -= 1
            parts = self._blocks[first].lines.rsplit(b"\n", wanted + 1)
            cut = len(parts[0]) + 1 if len(parts) > wanted + 1 else 0
            wanted -= min(wanted, len(parts) - 1)
        block = self._blocks[first]
        later = b"".join(block.lines for block in itertools.islice(self._blocks, first + 1, None))
        text = block.lines + later if later else block.lines
        exact = len(text) - cut <= MOST_BYTES
        if not exact:
            cut = text.index(b"\n", len(text) - MOST_BYTES - 1) + 1
        style = style_after(text[:cut], block.style) if b"\x1b" in text else block.style
        size = most - wanted if exact else text.count(b"\n", cut)
        if block.back is None:
            return text[cut:], style, range(size, 0, -1)
        behind = text.count(b"\n", len(block.lines))
        backs = (*(back + behind for back in block.back), *range(behind, 0, -1))
        return text[cut:], style, backs[len(backs) - size :]

    def take_back(self, most: int) -> list[Past]:
        """Return :meth:`lines`, and take back those of them that :meth:`take` has not returned yet."""
        found = self.lines(most)
        taken = 0
        while taken < len(found) and self._out:
            block = self._out[-1]
            if not isinstance(block, bytes) or isinstance(block, _Fixed):
                break
            self._out.pop()
            end = len(block)
            while end and taken < len(found):
                end = block.rfind(b"\n", 0, end - 1) + 1
                taken += 1
            if end:
                self._out.append(block[:end])
        if taken:
            first = len(found) - taken
            self.style = found[first].style
            found = [
                Past(line.text, line.style, line.back - taken if line.back and index < first else None)
                for index, line in enumerate(found)
            ]
        return found

    def _begin(self, output: bytes) -> bytes:
        if self.continued and self._codes_in_pieces:
            return codes_of(PLAIN, self.style) + self.inside + output
        return output
