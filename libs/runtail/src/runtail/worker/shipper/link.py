"""The socket to the keeper."""

import logging
import socket
from collections.abc import Iterator

from runtail.worker import channel, messages

log = logging.getLogger(__name__)


class KeeperLink:
    """Our end of the socket. Sending is safe from any thread; receiving never blocks."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        #: The keeper is gone; messages reach nobody.
        self.lost = False

    def fileno(self) -> int:
        """Return the descriptor, for epoll."""
        return self._socket.fileno()

    def send(self, message: messages.FromShipper) -> None:
        """Send a record. :meth:`receive` notices a keeper that is gone."""
        try:
            channel.send(self._socket, message, seconds=1.0)
        except OSError:
            pass

    def receive(self) -> Iterator[tuple[messages.Message | None, list[int]]]:
        """Yield the messages that have arrived; ``(None, [])`` when the keeper is gone."""
        for message, fds in channel.messages(self._socket, log.error):
            self.lost = message is None
            yield message, fds
