"""Messages that wait until the other end of a socket has read the earlier ones."""

from __future__ import annotations

import os
import select
import socket
from array import array
from collections import deque
from collections.abc import Mapping, Sequence

from runtail.worker import channel


class Outbox:
    """Sends without ever blocking. The owner polls the socket and calls :meth:`send` when it is writable.

    :param sock: registered with *poller* for reading, and for writing while messages wait.
    """

    def __init__(self, sock: socket.socket, poller: select.poll) -> None:
        self._socket = sock
        self._poller = poller
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        poller.register(sock, select.POLLIN)

    @property
    def empty(self) -> bool:
        """Whether no message waits."""
        return not self._waiting

    def put(self, message: Mapping[str, object], fds: Sequence[int] = ()) -> None:
        """Send *message*, now or later. The caller keeps its descriptors and may close them at once."""
        data = channel.pack(message)
        if self._waiting or not self._sends(data, fds):
            self._waiting.append((data, [os.dup(fd) for fd in fds]))
            self._poller.modify(self._socket, select.POLLIN | select.POLLOUT)

    def send(self) -> None:
        """Send as many messages as there is room for."""
        if not self._waiting:
            return
        while self._waiting and self._sends(*self._waiting[0]):
            channel.close_all(self._waiting.popleft()[1])
        if not self._waiting:
            self._poller.modify(self._socket, select.POLLIN)

    def close(self) -> None:
        """Drop the waiting messages. The socket stays open."""
        self._poller.unregister(self._socket)
        for _data, fds in self._waiting:
            channel.close_all(fds)
        self._waiting.clear()

    def _sends(self, data: bytes, fds: Sequence[int]) -> bool:
        try:
            # Not socket.send_fds and recv_fds: they ignore their flags argument.
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
            self._socket.sendmsg([data], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:
            return True  # the other end is gone; reading the socket will report that
        return True
