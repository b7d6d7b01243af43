"""Bytes in, chunks of whole lines out. Pure: no I/O, no clock.

The content that comes out does not depend on how the input was split: it is
what feeding byte by byte would give. (Where one chunk ends and the next begins
may differ; pieces of long lines do not.)

Two rules decide what a line becomes:

* **Pieces.** As soon as a line holds more than ``max_line_bytes``, its first
  ``max_line_bytes`` leave as a piece flagged ``continues``.
* **Bare carriage returns** (``cr="last"``). A ``\\r`` counts as bare once a byte
  other than ``\\r`` and ``\\n`` follows it; then everything of the line up to
  it that has not left as a piece is dropped and counted. So ``50%\\r`` waits to be
  overwritten, and ``text\\r\\r\\n``, as terminals write it, keeps its text.

No work is done per line unless a chunk holds a bare ``\\r``.
"""

from typing import Final, NamedTuple

DEFAULT_MAX_LINE_BYTES: Final = 65536


class Chunk(NamedTuple):
    """Whole lines, a piece of a long line, or the unfinished last line."""

    payload: bytes
    #: The next chunk goes on with the same line.
    continues: bool = False


class Lines:
    """Cuts one run's output into chunks of at most ``max_line_bytes`` + 1 bytes."""

    def __init__(self, *, max_line_bytes: int = DEFAULT_MAX_LINE_BYTES, cr: str = "last") -> None:
        self._max = max_line_bytes
        self._rewrites = cr != "keep"
        #: What has come of the line that is not finished; at most ``max_line_bytes``.
        self.tail = b""
        #: Bytes dropped because a bare carriage return overwrote them.
        self.rewritten_bytes = 0

    def feed(self, data: bytes) -> list[Chunk]:
        """Take what came next; answer the chunks that are final now."""
        buffer = self.tail + data if self.tail else data
        end = buffer.rfind(b"\n") + 1
        chunks: list[Chunk] = []
        if end:
            self._finished(buffer[:end], chunks)
        self.tail = self._shrink(buffer[end:], chunks)
        return chunks

    def finish(self) -> list[Chunk]:
        """Give out the unfinished line as it stands; the next byte starts a new one."""
        tail, self.tail = self.tail, b""
        return [Chunk(tail)] if tail else []

    def live(self) -> bytes:
        """The unfinished line as a terminal would show it."""
        text = self.tail.rstrip(b"\r")
        return text if self._rewrites else text[text.rfind(b"\r") + 1 :]

    def _finished(self, block: bytes, chunks: list[Chunk]) -> None:
        """Add the chunks of ``block``, which ends with a newline."""
        # One-byte tests are some fifty times cheaper than two-byte ones.
        bare = self._rewrites and b"\r" in block and block.count(b"\r") != block.count(b"\r\n")
        if bare:
            self._rewritten(block, chunks)
        else:
            self._cut(block, chunks)

    def _cut(self, block: bytes, chunks: list[Chunk]) -> None:
        """Cut at the last newline that fits; where none fits, cut a piece off."""
        position, size, limit = 0, len(block), self._max + 1
        while size - position > limit:
            end = block.rfind(b"\n", position, position + limit) + 1
            if end:
                chunks.append(Chunk(block[position:end]))
                position = end
            else:
                chunks.append(Chunk(block[position : position + self._max], continues=True))
                position += self._max
        chunks.append(Chunk(block[position:]) if position else Chunk(block))

    def _rewritten(self, block: bytes, chunks: list[Chunk]) -> None:
        """Like :meth:`_cut`, for lines of which some hold bare carriage returns."""
        kept: list[bytes] = []
        for line in block[:-1].split(b"\n"):
            if b"\r" not in line and len(line) <= self._max:
                kept.append(line)
                continue
            pieces: list[Chunk] = []
            rest = self._shrink(line, pieces)
            if pieces:
                if kept:
                    self._cut(b"\n".join(kept) + b"\n", chunks)
                    kept = []
                chunks.extend(pieces)
            kept.append(rest)
        self._cut(b"\n".join(kept) + b"\n", chunks)

    def _shrink(self, line: bytes, chunks: list[Chunk]) -> bytes:
        """Drop what a bare carriage return overwrote, cut pieces off, return the rest."""
        start, limit = 0, self._max + 1
        rewrites = self._rewrites and b"\r" in line
        while True:
            window = line[start : start + limit] if start or len(line) > limit else line
            if rewrites:
                overwritten = window.rstrip(b"\r").rfind(b"\r") + 1
                if overwritten:
                    self.rewritten_bytes += overwritten
                    start += overwritten
                    continue
            if len(window) < limit:
                return window
            chunks.append(Chunk(window[: self._max], continues=True))
            start += self._max
