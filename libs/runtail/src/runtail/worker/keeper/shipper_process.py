"""The shipper as the keeper sees it: started, listened to, and replaced when it dies or hangs."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence

from runtail.logline import Writer
from runtail.worker import channel, messages
from runtail.worker.outbox import Outbox

#: A shipper that sends nothing for this long hangs, and is killed.
SILENT_SECONDS = 10.0
#: Its first message may take longer: imports are slow on a busy machine.
START_SECONDS = 30.0
#: The pause before restarting a shipper that dies at once doubles each time, up to this.
MAX_BACKOFF_SECONDS = 5.0
_FIRST_BACKOFF_SECONDS = 0.05
#: A shipper that lived this long died of something new: start the next one at once.
HEALTHY_SECONDS = 5.0


class ShipperProcess:
    """One shipper after another, never two at once."""

    def __init__(self, command: Sequence[str], poller: select.poll, say: Writer) -> None:
        """Set up without starting a shipper.

        :param command: the command to start, with ``--link <fd>`` added.
        """
        self._command = command
        self._poller = poller
        self._say = say
        self._link: socket.socket | None = None
        self._outbox: Outbox | None = None
        self._pid = 0
        self._spoke = 0.0
        self._spoken = False
        self._started = 0.0
        self._failures = 0
        #: Monotonic: the next shipper is not started before this.
        self.next_start = 0.0
        #: Monotonic: since when nobody has emptied the pipes.
        self.alone_since = time.monotonic()

    @property
    def lives(self) -> bool:
        """Whether there is a shipper, as far as is known."""
        return self._link is not None

    @property
    def fd(self) -> int | None:
        """The descriptor to poll: the link to the living shipper."""
        return self._link.fileno() if self._link is not None else None

    @property
    def hangs(self) -> bool:
        """Whether the shipper has sent nothing for too long."""
        return self.lives and time.monotonic() - self._spoke > SILENT_SECONDS

    @property
    def unsent(self) -> bool:
        """Whether messages wait for the shipper."""
        return self._outbox is not None and not self._outbox.empty

    def start(self) -> bool:
        """Start the next shipper; return False if that is not possible now."""
        ours, theirs = channel.pair()
        os.set_inheritable(theirs.fileno(), True)
        argv = [*self._command, "--link", str(theirs.fileno())]
        now = time.monotonic()
        try:
            # The shipper unblocks SIGTERM once its handler is in place.
            self._pid = os.posix_spawn(argv[0], argv, os.environ, setsigmask=[signal.SIGTERM])
        except OSError as error:
            self._say.error(f"the shipper could not be started: {error}")
            ours.close()
            self._failures += 1
            self.next_start = now + self._backoff_seconds
            return False
        finally:
            theirs.close()
        self._link, self._outbox = ours, Outbox(ours, self._poller)
        self._spoken = False
        self._started, self._spoke = now, now + START_SECONDS - SILENT_SECONDS
        return True

    def tell(self, message: messages.ToShipper, fds: Sequence[int] = ()) -> None:
        """Send now, or after the shipper has read the earlier messages. Without a shipper, do nothing."""
        if self._outbox is not None:
            self._outbox.put(message, fds)

    def send_unsent(self) -> None:
        """Send the messages that have waited for room in the link."""
        if self._outbox is not None:
            self._outbox.send()

    def hear(self) -> Iterator[messages.Message]:
        """Yield the shipper's messages. Afterwards the shipper may be gone (:attr:`lives`)."""
        if self._link is None:
            return
        for message, fds in channel.messages(self._link, self._say.error):
            channel.close_all(fds)
            if message is None:
                self.gone()
                return
            self._spoke = max(self._spoke, time.monotonic())
            self._spoken = True
            if message["op"] == "alive":
                self._spoke = time.monotonic()
            yield message

    def gone(self) -> None:
        """Kill the shipper unless it is dead: until then nobody else may touch the pipes."""
        if self._link is None or self._outbox is None:
            return
        self._outbox.close()
        self._link.close()
        self._link = self._outbox = None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        now = time.monotonic()
        if self._spoken:
            # A shipper that never sent a message never emptied a pipe either.
            self.alone_since = now
        if now - self._started > HEALTHY_SECONDS:
            self._failures = 0
            self.next_start = now
            return
        if self._spoken:
            # It had begun to work, so somebody killed it: wait 0.2 s at most.
            self._failures = min(self._failures, 2)
        self.next_start = now + (self._backoff_seconds if self._failures else 0.0)
        self._failures += 1

    def let_go(self) -> None:
        """Tell the shipper that no more work will come: it finishes and leaves, which :meth:`hear` notices."""
        if self._link is not None and not self.unsent:
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_WR)

    @property
    def _backoff_seconds(self) -> float:
        return float(min(MAX_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**self._failures))
