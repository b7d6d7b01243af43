"""A request that is still arriving, and when it is complete. Pure: bytes in."""

from __future__ import annotations

import re

#: The request line and the headers together. gunicorn would take 800 KiB; ours are a few hundred bytes.
MAX_HEAD_BYTES = 65536

#: gunicorn reads more of a chunked body than it needs at the time, at least 1 KiB. If that is not there, it reports an
#: error of its own (400) before we can say that the body is too large (413).
READ_AHEAD_BYTES = 8192

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*(\d{1,18})[ \t]*\r\n", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.I)


class TooLarge(Exception):
    """The request line and the headers are longer than :data:`MAX_HEAD_BYTES`."""


class PartialRequest:
    """The part of a request that has arrived. It finds only the end; gunicorn judges whether the request is valid.

    :param max_body_bytes: the part of a longer body to wait for: enough to see that it is too long.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self.data = bytearray()
        self._max_body_bytes = max_body_bytes
        self._seen = 0
        #: Where the body begins, once known.
        self._body_at: int | None = None
        #: The body's length; None if it comes in chunks.
        self._length: int | None = 0
        #: Where the next chunk's size is.
        self._chunk_at = 0
        #: The sizes of the chunks before it.
        self._chunks_bytes = 0

    def feed(self, data: bytes) -> bool:
        """Add the data that arrived, and tell whether the request is complete.

        :raises TooLarge: if the request line and the headers are too long.
        """
        self.data += data
        if self._body_at is None and not self._find_body():
            return False
        assert self._body_at is not None
        came = len(self.data) - self._body_at
        if self._length is not None:
            return came >= self._length or came > self._max_body_bytes
        # The bytes around chunks are not part of the body, but limited as well.
        return self._chunks_ended() or came > 2 * (self._max_body_bytes + READ_AHEAD_BYTES)

    def _find_body(self) -> bool:
        end = self.data.find(b"\r\n\r\n", max(0, self._seen - 3))
        self._seen = len(self.data)
        if (end if end >= 0 else self._seen) > MAX_HEAD_BYTES:
            raise TooLarge
        if end < 0:
            return False
        head = bytes(self.data[: end + 4])
        length, chunked = _LENGTH.search(head), _CHUNKED.search(head)
        self._body_at = self._chunk_at = end + 4
        # A request with both headers is refused, whatever comes.
        self._length = None if chunked and not length else int(length[1]) if length and not chunked else 0
        return True

    def _chunks_ended(self) -> bool:
        while (line_end := self.data.find(b"\r\n", self._chunk_at)) >= 0:
            size = bytes(self.data[self._chunk_at : line_end]).partition(b";")[0].strip()
            if not re.fullmatch(rb"0*[0-9a-fA-F]{1,8}", size):
                # Not a chunk; gunicorn will say so.
                return True
            if int(size, 16) == 0:
                return self.data.find(b"\r\n\r\n", line_end) >= 0
            self._chunk_at = line_end + 2 + int(size, 16) + 2
            self._chunks_bytes += int(size, 16)
            if self._chunk_at - 2 > len(self.data):
                break
        missing = max(0, self._chunk_at - 2 - len(self.data))
        return self._chunks_bytes - missing > self._max_body_bytes + READ_AHEAD_BYTES
