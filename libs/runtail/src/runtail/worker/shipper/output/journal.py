"""The state that a successor needs, kept inside the run's spool, far after its output.

The spool is a memfd that the keeper holds too, so it outlives a killed shipper
and never leaves the machine's memory. Secrets may be kept here; they may not be
kept in the store.

Each cell has two slots that are written in turn, each with a generation and a
checksum: a shipper killed in the middle of writing leaves the older slot whole.
The secrets, which are only ever added to, follow the cells, one record after another.
"""

import os
import secrets
import struct
import zlib
from typing import Final

from runtail.worker.spool_layout import JOURNAL

_SLOT_BYTES: Final = 64 << 20
#: Magic, generation, length, checksum of the payload.
_HEADER: Final = struct.Struct("<4sQII")
_MAGIC: Final = b"RTJ1"
_CELLS: Final = ("state", "end", "drop", "late", "served")
_RECORDS: Final = JOURNAL + 2 * len(_CELLS) * _SLOT_BYTES


class Journal:
    """The cells of one run. Errors of the memfd surface as OSError."""

    def __init__(self, memfd: int) -> None:
        self._memfd = memfd
        self._generation = {cell: self._newest(cell) for cell in _CELLS}
        #: The records that were added, oldest first.
        self.records: list[bytes] = []
        self._records_end = _RECORDS
        while (found := self._payload(self._records_end)) is not None:
            self._count_record(found[1])

    def write(self, cell: str, payload: bytes) -> int:
        """Keep ``payload`` and return its generation.

        The previous value stays readable until the next write.
        """
        generation = self._generation[cell] + 1
        header = _HEADER.pack(_MAGIC, generation, len(payload), zlib.crc32(payload))
        os.pwrite(self._memfd, header + payload, self.slot_offset(cell))
        self._generation[cell] = generation
        return generation

    def add(self, payload: bytes) -> None:
        """Keep one more record permanently; a record that was written only in part counts as not written."""
        header = _HEADER.pack(_MAGIC, len(self.records), len(payload), zlib.crc32(payload))
        os.pwrite(self._memfd, header + payload, self._records_end)
        self._count_record(payload)

    def _count_record(self, payload: bytes) -> None:
        self.records.append(payload)
        self._records_end += _HEADER.size + len(payload)

    def read(self, cell: str) -> list[bytes]:
        """Return the complete values of ``cell``, newest first: none, one or two."""
        found = [slot for slot in (self._slot(cell, 0), self._slot(cell, 1)) if slot]
        return [payload for _, payload in sorted(found, reverse=True)]

    def value(self, cell: str, generation: int) -> bytes | None:
        """Return the value to which :meth:`write` gave ``generation``, if it is still there."""
        slot = self._slot(cell, generation % 2)
        return slot[1] if slot and slot[0] == generation else None

    def go_on_from(self, cell: str, generation: int) -> None:
        """Keep the value of ``generation`` through the next write; newer values are given up.

        A shipper may die after each write and before the store hears of it, and so
        may the next one: the value that the store names must outlive them all.
        """
        self._generation[cell] = generation

    def slot_offset(self, cell: str) -> int:
        """Return where the next value of ``cell`` will be written."""
        return _offset(cell, self._generation[cell] + 1)

    def _newest(self, cell: str) -> int:
        slots = (self._slot(cell, 0), self._slot(cell, 1))
        # A number that no other run's journal uses: the generation that the store's
        # record names may have been written by another execution.
        first = secrets.randbits(48)
        return max((slot[0] for slot in slots if slot), default=first)

    def _slot(self, cell: str, parity: int) -> tuple[int, bytes] | None:
        return self._payload(_offset(cell, parity))

    def _payload(self, offset: int) -> tuple[int, bytes] | None:
        raw = os.pread(self._memfd, _HEADER.size, offset)
        if len(raw) < _HEADER.size:
            return None
        magic, generation, length, checksum = _HEADER.unpack(raw)
        if magic != _MAGIC or length > _SLOT_BYTES:
            return None
        payload = os.pread(self._memfd, length, offset + _HEADER.size)
        return (generation, payload) if zlib.crc32(payload) == checksum else None


def _offset(cell: str, generation: int) -> int:
    return JOURNAL + (2 * _CELLS.index(cell) + generation % 2) * _SLOT_BYTES
