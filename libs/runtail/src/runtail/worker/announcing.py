"""Tells the shipper what to mask: over the run's private socket, beside its output.

No answer is needed. The reader of the pipe checks this socket after it has taken
output and before it looks at that output (``shipper/source.py``). A secret that
was sent before it was written is therefore known before it is read, no matter
which process writes it through which pipe, and whether a shipper lives at that moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Sequence

from runtail.worker import channel, messages

#: The size of all secrets of one announcement together; far more than any key.
MAX_BYTES = 32 * 1024 * 1024
#: A larger announcement may not fit into a record of the socket, where it is quoted once more: it travels as a memfd.
_MAX_INLINE_BYTES = 16 * 1024
#: How long a socket may have no room: a shipper that hangs is replaced after 10 s.
ROOM_SECONDS = 30.0


def announce(private: socket.socket, secrets: Sequence[bytes]) -> bool:
    """Have *secrets* masked in everything that is written from now on; return False if nobody can be told.

    Safe in any thread, and in processes that were forked from the task's.
    """
    payload = pack(secrets)
    if len(payload) > MAX_BYTES:
        return False
    with contextlib.ExitStack() as stack:
        try:
            if len(payload) <= _MAX_INLINE_BYTES:
                message = messages.Mask(op="mask", secrets=payload.decode("ascii"))
                return channel.send(private, message, seconds=ROOM_SECONDS)
            fd = os.memfd_create("runtail-secrets", os.MFD_CLOEXEC)
            stack.callback(os.close, fd)
            os.write(fd, payload)
            return channel.send(private, messages.Mask(op="mask"), [fd], seconds=ROOM_SECONDS)
        except OSError:
            return False


def read(record: bytes, fds: Sequence[int]) -> bytes:
    """Return the bytes that :func:`pack` made, from a record of the socket; the descriptors are closed.

    :raises ValueError: if the record holds no such bytes.
    """
    try:
        inline = channel.unpack(record).get("secrets")
        if inline is not None:
            return str(inline).encode("ascii")
        if not fds:
            raise ValueError("no secrets, and no descriptor")
        return os.pread(fds[0], MAX_BYTES, 0)
    finally:
        channel.close_all(fds)


def pack(secrets: Sequence[bytes]) -> bytes:
    """Return secrets of any bytes as one ASCII text."""
    # latin-1 maps each byte to one character and back.
    return json.dumps([secret.decode("latin-1") for secret in secrets]).encode("ascii")


def unpack(payload: bytes) -> list[bytes]:
    """Return the secrets that :func:`pack` packed.

    :raises ValueError: if *payload* is something else.
    """
    return [str(secret).encode("latin-1") for secret in json.loads(payload)]
