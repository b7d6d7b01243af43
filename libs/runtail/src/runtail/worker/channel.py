"""Messages with file descriptors between the processes of one worker; :mod:`~runtail.worker.messages` lists them.

Every message is one JSON object in one SOCK_SEQPACKET record, so that many
writers can share a socket and no message is ever split. The keeper imports this
module too: standard library only.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from runtail.worker.messages import VERSION, Message, flaw

#: The largest record. A sender must shorten anything larger itself.
MAX_BYTES = 64 * 1024
#: The keeper adds a few fields to records that may already be of full size.
MAX_FORWARDED_BYTES = MAX_BYTES + 4096
#: The longest reason that is sent: even written in escapes, and twice, it fits.
MAX_REASON_CHARS = 2000
#: The most descriptors a record carries: two pipes, private socket, pidfd, board, spool.
MAX_FDS = 8


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected ends, both closed on exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, message: Mapping[str, object], fds: Sequence[int] = (), *, seconds: float = 5.0) -> bool:
    """Send one record; return False if there was no room within *seconds*.

    The socket's flags stay as they are (other processes share it).

    :raises OSError: if the other end is gone.
    :raises ValueError: if the record is larger than :data:`MAX_BYTES`.
    """
    data = pack(message)
    if len(data) > MAX_BYTES:
        raise ValueError(f"a record of {len(data)} bytes does not fit")
    deadline = time.monotonic() + seconds
    while True:
        try:
            # Not socket.send_fds and recv_fds: they ignore their flags argument.
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
            sock.sendmsg([data], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            return True
        except BlockingIOError:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            poller = select.poll()
            poller.register(sock, select.POLLOUT)
            poller.poll(left * 1000)


def receive(sock: socket.socket, seconds: float) -> tuple[Message, list[int]] | None:
    """Return the next record and its descriptors (closed on exec), or None after *seconds*.

    :raises EOFError: if the other end is gone.
    :raises ValueError: if the record is not a message, or has another version.
    """
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    if not poller.poll(max(0.0, seconds) * 1000):
        return None
    try:
        data, fds = take(sock)
    except BlockingIOError:
        return None
    except ConnectionError:
        raise EOFError from None
    if not data:
        raise EOFError
    try:
        return unpack(data), fds
    except ValueError:
        close_all(fds)
        raise


def take(sock: socket.socket, most: int = MAX_FORWARDED_BYTES, *, peek: bool = False) -> tuple[bytes, list[int]]:
    """Return the next record unparsed, and its descriptors (closed on exec), without waiting.

    :param peek: leave the record in the socket; the descriptors are duplicates.
    :raises BlockingIOError: if there is no record.
    """
    data, rights, _flags, _address = sock.recvmsg(
        most,
        socket.CMSG_LEN(MAX_FDS * 4),
        socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC | (socket.MSG_PEEK if peek else 0),
    )
    fds = array("i")
    for level, kind, content in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)


def messages(sock: socket.socket, report: Callable[[str], object]) -> Iterator[tuple[Message | None, list[int]]]:
    """Yield the waiting messages as (message, descriptors); ``(None, [])`` at the end of the connection.

    :param report: called with the reason for each record that is skipped.
    """
    while sock.fileno() >= 0:
        try:
            data, fds = take(sock)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if not data:
            yield None, []
            return
        try:
            message = unpack(data)
        except ValueError as error:
            close_all(fds)
            report(f"a message is ignored: {error}")
            continue
        yield message, fds


def pack(message: Mapping[str, object]) -> bytes:
    """Return the record's bytes."""
    return json.dumps({"v": VERSION, **message}, separators=(",", ":")).encode("ascii")


def unpack(data: bytes) -> Message:
    """Return the message from which :func:`pack` made these bytes.

    :raises ValueError: if they are not a message, or have another version.
    """
    message = json.loads(data)
    if wrong := flaw(message):
        raise ValueError(wrong)
    del message["v"]
    return cast(Message, message)


def close_all(fds: Sequence[int]) -> None:
    """Close all these descriptors."""
    for fd in fds:
        os.close(fd)
