"""Masks secrets in a stream of bytes, wherever it is split. Pure: no I/O.

All occurrences of all secrets are marked, overlapping ones are merged, and each
merged stretch becomes one ``***``. The end of the data may be the beginning of
a secret: the longest such end is held back until that is decided. The result
therefore does not depend on how the input was split, and no more than the
longest secret is ever held.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from runtail.masking.encodings import MAX_ENCODED_SECRETS, needles
from runtail.masking.needles import Needles

MASK: Final = b"***"
_NONE: Final = Needles()
#: A run's further secrets are searched for together with this many needles of its first ones: one search takes about as
#: long as each of two.
_COPIED_NEEDLES: Final = 2_000


@lru_cache(maxsize=8)
def _shared(secrets: frozenset[bytes]) -> Needles:
    found = Needles()
    for number, secret in enumerate(sorted(secrets)):
        found.add(needles(secret, encoded=number < MAX_ENCODED_SECRETS))
    return found


class Masker:
    """Masks one run's output; secrets may be added at any time."""

    def __init__(self, secrets: Iterable[bytes] = ()) -> None:
        #: Bytes that are held back because they may be the beginning of a secret.
        self.held = b""
        #: How many of the held bytes belong to a stretch that was already masked.
        self.covered = 0
        #: Stretches masked so far.
        self.count = 0
        # The first secrets are usually the same for all runs of a worker.
        self._first = _NONE
        self._more = Needles()
        self._known = 0
        self.add(secrets)

    def __bool__(self) -> bool:
        return bool(self._first or self._more)

    def add(self, secrets: Iterable[bytes]) -> None:
        """Mask these from here on, held bytes included, except those that ``encodings`` refuses."""
        new = frozenset(secrets)
        if not self:
            self._first = _shared(new)
        else:
            if not self._more and len(self._first) <= _COPIED_NEEDLES:
                self._first, self._more = _NONE, self._first.copy()
            for number, secret in enumerate(new, self._known):
                found = needles(secret, encoded=number < MAX_ENCODED_SECRETS)
                self._more.add(needle for needle in found if needle not in self._first)
        self._known += len(new)

    def fresh(self) -> "Masker":
        """Return a fresh masker with the same secrets."""
        other = Masker()
        other._first, other._more = self._first, self._more
        return other

    def feed(self, data: bytes) -> bytes:
        """Take the next data; return what is decided, masked."""
        if not self:
            return data
        buffer = self.held + data if self.held else data
        return self._mask(buffer, self._undecided(buffer))

    def finish(self) -> bytes:
        """Return the held bytes: no data follows."""
        return self._mask(self.held, len(self.held)) if self.held else b""

    def whole(self, text: str, *, cut: bool = False) -> str:
        """Mask a self-contained text, such as a title or a reason.

        :param cut: the text's end is missing: omit what may be the beginning of a secret there.
        """
        data = text.encode(errors="surrogatepass")
        masked = self.whole_bytes(data, cut=cut)
        return text if masked == data else masked.decode(errors="replace")

    def whole_bytes(self, data: bytes, *, cut: bool = False) -> bytes:
        """Mask output as :meth:`whole` masks text."""
        if not self:
            return data
        other = self.fresh()
        masked = other._mask(data, self._undecided(data) if cut else len(data))
        self.count += other.count
        return masked

    def _undecided(self, buffer: bytes) -> int:
        return min(self._first.undecided(buffer), self._more.undecided(buffer))

    def _mask(self, buffer: bytes, end: int) -> bytes:
        """Return ``buffer[:end]`` masked, hold the rest."""
        spans = sorted(self._first.spans(buffer) | self._more.spans(buffer))
        covered, self.covered = self.covered, 0
        if not spans and not covered:
            self.held = buffer[end:]
            return buffer if end >= len(buffer) else buffer[:end]
        out: list[bytes] = []
        # `done` is the end of the stretch that is being masked; its mark was already given out.
        done = covered
        written = min(covered, end)
        for start, stop in spans:
            if start >= end:
                break
            if start >= done:
                out += (buffer[written:start], MASK)
                self.count += 1
            done = max(done, stop)
            written = min(done, end)
        out.append(buffer[written:end])
        self.held = buffer[end:]
        self.covered = max(0, done - end)
        return b"".join(out)
