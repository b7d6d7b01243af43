"""The socket to the keeper: JSON records, some with descriptors."""

import json
import socket
from collections.abc import Iterator
from typing import Any

from runtail.capture import door


class Link:
    """Our end. Sending is safe from any thread; receiving never blocks."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        #: The keeper is gone; what is sent reaches nobody.
        self.lost = False

    def fileno(self) -> int:
        """The descriptor, for epoll."""
        return self._socket.fileno()

    def send(self, message: dict[str, Any]) -> None:
        """Send a record. A keeper that is gone is noticed by :meth:`receive`."""
        try:
            door.send(self._socket, message, seconds=1.0)
        except OSError:
            pass

    def receive(self) -> Iterator[tuple[dict[str, Any] | None, list[int]]]:
        """What is there now; ``(None, [])`` when the keeper is gone."""
        while True:
            try:
                data, fds = door.take(self._socket)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self.lost = True
                yield None, []
                return
            yield json.loads(data), fds
