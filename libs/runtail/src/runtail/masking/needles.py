"""Searches for many byte strings at once. Pure: no I/O.

One ``find`` for each of several hundred needles takes longer than everything else
that a shipper does. A needle of at least ``stride + 3`` bytes covers, wherever it
begins, four bytes whose offset in the block is a multiple of the stride. A block's
four-byte words at these offsets are therefore compared with the needles' words, in
one step of the interpreter, and needles are looked for only around the words that
both have. That takes as long for one needle as for a thousand, and less the longer
the stride is; needles that are too short for the stride are looked for one by one.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress, count
from typing import Final

_WORD_BYTES: Final = 4
#: The time that it takes to compare a block's words is this divided by the stride, in units of the time that ``find``
#: takes for a needle of one byte; for one of n bytes it takes 1/n. (64 KiB: 1.7 ms and 0.2 ms.)
_COMPARE_COST: Final = 8.5
#: The longest stride for so many needles: each needle has as many words as the stride. Those at a stride of one are in
#: the index of beginnings already.
_MOST_STRIDES: Final = ((1_000, 32), (10_000, 16), (100_000, 4), (sys.maxsize, 1))
_STRIDES: Final = (1, 2, *range(4, 33, 4))
#: With more words than this in common, all words of the block are looked at one by one.
_FEW_WORDS: Final = 24
#: Needles are told apart by so many bytes before they are compared in whole.
_PREFIX_BYTES: Final = 16
#: So many needles are added in one step.
_BATCH: Final = 1_000
#: So many places are looked at in the time of one ``find``.
_PLACES: Final = 64
#: How far from a block's end the beginning of a needle is looked for byte by byte.
_NEAR_BYTES: Final = 1024


def best_stride(sizes: Iterable[int]) -> int:
    """Return the stride that takes least time for needles of these sizes; 0 to look for each needle by itself."""
    counts = Counter(sizes)
    most = next(stride for limit, stride in _MOST_STRIDES if counts.total() <= limit)
    best, least = 0, sum(number / size for size, number in counts.items())
    for stride in _STRIDES:
        single = sum(number / size for size, number in counts.items() if size < _shortest(stride))
        cost = _COMPARE_COST / stride + single
        if stride <= most and cost < least:
            best, least = stride, cost
    return best


def _shortest(stride: int) -> int:
    """Return the size of the shortest needle that covers a word wherever it begins."""
    return stride + _WORD_BYTES - 1


def _every(needle: bytes, block: bytes) -> Iterator[tuple[int, int]]:
    at = block.find(needle)
    while at >= 0:
        yield at, at + len(needle)
        at = block.find(needle, at + 1)


class _Words:
    """The words of the needles that are long enough for one stride.

    :param first: the index of the needles' first words.
    """

    def __init__(self, stride: int, first: dict[int, bytes | list[bytes]]) -> None:
        self.stride = stride
        self._needles = first if stride == 1 else {}
        #: Of words that a block had: by where they are in their needles, and the size of a prefix, the needles that
        #: have it.
        self._around: dict[int, dict[tuple[int, int], dict[bytes, list[bytes]]]] = {}

    def add(self, needles: Sequence[bytes]) -> None:
        offsets = range(self.stride)
        for some in _batches(needles) if self.stride > 1 else ():
            _put(self._needles, offsets, some)
        self._around.clear()

    def spans(self, block: bytes) -> set[tuple[int, int]]:
        found: set[tuple[int, int]] = set()
        step = max(self.stride, _WORD_BYTES)
        # (A stride of two bytes is two of four, one of one byte is four.)
        for shift in range(0, _WORD_BYTES, self.stride):
            whole = (len(block) - shift) & -_WORD_BYTES
            words = memoryview(block)[shift : shift + whole].cast("I")[:: step // _WORD_BYTES]
            common = self._needles.keys() & words
            for word, places in self._places(common, words) if common else ():
                found.update(self._spans_around(word, [shift + place * step for place in places], block))
        return found

    def _places(self, common: set[int], words: memoryview) -> Iterable[tuple[int, list[int]]]:
        """Return where in *words* these are."""
        if len(common) > _FEW_WORDS:
            found: dict[int, list[int]] = {word: [] for word in common}
            for place in compress(count(), map(common.__contains__, words)):
                found[words[place]].append(place)
            return found.items()
        packed = words.tobytes()
        return [(word, list(_aligned(word.to_bytes(_WORD_BYTES, sys.byteorder), packed))) for word in common]

    def _spans_around(self, word: int, places: list[int], block: bytes) -> Iterator[tuple[int, int]]:
        """Return where the needles with this word are that cover it at one of *places*."""
        needles = _got(self._needles, word)
        around = self._around.get(word)
        if around is None:
            around = self._around[word] = self._prefixes(word, needles)
        if len(places) * len(around) > _PLACES * len(needles):
            for needle in needles:
                yield from _every(needle, block)
            return
        for place in places:
            for (offset, size), prefixes in around.items():
                start = place - offset
                if start >= 0:
                    for needle in prefixes.get(block[start : start + size], ()):
                        if block.startswith(needle, start):
                            yield start, start + len(needle)

    def _prefixes(self, word: int, needles: Sequence[bytes]) -> dict[tuple[int, int], dict[bytes, list[bytes]]]:
        found: dict[tuple[int, int], dict[bytes, list[bytes]]] = {}
        text = word.to_bytes(_WORD_BYTES, sys.byteorder)
        for needle in needles:
            prefix = needle[:_PREFIX_BYTES]
            for offset in range(self.stride):
                if needle.startswith(text, offset):
                    found.setdefault((offset, len(prefix)), {}).setdefault(prefix, []).append(needle)
        return found


def _batches(needles: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield a few needles at a time. A loop for each takes longer, and one list for all of them takes much memory."""
    for first in range(0, len(needles), _BATCH):
        yield needles[first : first + _BATCH]


def _put(index: dict[int, bytes | list[bytes]], offsets: range, needles: Sequence[bytes]) -> None:
    """Note needles by their words at these offsets.

    Most words belong to one needle only, and there may be a million of them: a list for each would take more memory
    than all else.
    """
    packed = b"".join([needle[offset : offset + _WORD_BYTES] for needle in needles for offset in offsets])
    owners = (needle for needle in needles for _ in offsets) if len(offsets) > 1 else needles
    for word, needle in zip(memoryview(packed).cast("I"), owners, strict=True):
        known = index.setdefault(word, needle)
        if known is needle:
            continue
        if isinstance(known, list):
            if known[-1] is not needle:
                known.append(needle)
        else:
            index[word] = [known, needle]


def _got(index: Mapping[int, bytes | list[bytes]], word: int) -> Sequence[bytes]:
    """Return the needles with a word."""
    known = index.get(word, ())
    return [known] if isinstance(known, bytes) else known


def _aligned(text: bytes, packed: bytes) -> Iterator[int]:
    at = packed.find(text)
    while at >= 0:
        if not at % _WORD_BYTES:
            yield at // _WORD_BYTES
        at = packed.find(text, at + 1)


class Needles:
    """A set of byte strings to search for; it only grows."""

    def __init__(self) -> None:
        self._all: set[bytes] = set()
        #: Needles that are looked for one by one, and the words of the others.
        self._single: list[bytes] = []
        self._words: _Words | None = None
        #: Needles that are in neither yet, and how many were in one of both when the stride was chosen.
        self._new: list[bytes] = []
        self._planned = 0
        #: By their first word: needles whose beginning may be a block's end.
        self._first: dict[int, bytes | list[bytes]] = {}
        self._beginnings: set[bytes] = set()
        #: Bytes that occur in a needle before its last byte.
        self._inner = b""
        self._long: list[bytes] = []
        self._longest = 0

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, needle: bytes) -> bool:
        return needle in self._all

    def copy(self) -> "Needles":
        """Return a set of the same needles; what is added to one is not added to the other."""
        other = Needles()
        other.add(self._all)
        return other

    def add(self, needles: Iterable[bytes]) -> None:
        """Search for these too."""
        new = []
        for needle in needles:
            if needle not in self._all:
                self._all.add(needle)
                new.append(needle)
        self._new += new
        inner = set(self._inner)
        for some in _batches(new):
            self._longest = max(self._longest, *map(len, some))
            inner.update(b"".join([needle[:-1] for needle in some]))
            for size in range(1, _WORD_BYTES):
                self._beginnings.update([needle[:size] for needle in some if len(needle) > size])
            _put(self._first, range(1), [needle for needle in some if len(needle) >= _WORD_BYTES])
            self._long += [needle for needle in some if len(needle) > _NEAR_BYTES]
        self._inner = bytes(inner)

    def spans(self, block: bytes) -> set[tuple[int, int]]:
        """Return where needles are in *block*, as (first byte, byte after the last); they may overlap."""
        if self._new:
            self._index()
        found = self._words.spans(block) if self._words else set()
        for needle in self._single:
            found.update(_every(needle, block))
        return found

    def undecided(self, block: bytes) -> int:
        """Return the start of the longest end of *block* with which a needle may begin; its length if there is none."""
        size = len(block)
        near = max(0, size - min(self._longest - 1, _NEAR_BYTES))
        # Such an end has none but inner bytes: few secrets have spaces, and most blocks end with a newline.
        outer = len(block[near:].rstrip(self._inner))
        near += outer
        if near >= size:
            return size
        if not outer:
            far = min((self._far(needle, block, near) for needle in self._long), default=near)
            if far < near:
                return far
        for at in range(near, size - _WORD_BYTES + 1):
            for needle in _got(self._first, int.from_bytes(block[at : at + _WORD_BYTES], sys.byteorder)):
                if len(needle) > size - at and needle.startswith(block[at:]):
                    return at
        for at in range(max(near, size - _WORD_BYTES + 1), size):
            if block[at:] in self._beginnings:
                return at
        return size

    def _index(self) -> None:
        """Index the new needles; all of them with another stride if there are many more than when it was chosen."""
        if len(self._all) > 1.25 * self._planned:
            self._planned = len(self._all)
            stride = best_stride(map(len, self._all))
            if stride != (self._words.stride if self._words else 0):
                self._words = _Words(stride, self._first) if stride else None
                self._single, self._new = [], list(self._all)
        # None is shorter than nothing.
        shortest = _shortest(self._words.stride) if self._words else sys.maxsize
        self._single += (needle for needle in self._new if len(needle) < shortest)
        if self._words:
            self._words.add([needle for needle in self._new if len(needle) >= shortest])
        self._new = []

    def _far(self, needle: bytes, block: bytes, near: int) -> int:
        """Return the same for one long needle, before *near*."""
        at = block.find(needle[:_NEAR_BYTES], max(0, len(block) - len(needle) + 1))
        while 0 <= at < near:
            if needle.startswith(block[at:]):
                return at
            at = block.find(needle[:_NEAR_BYTES], at + 1)
        return near
