"""Stopping: report not ready, refuse new clients, send the others away one by one, then end."""

from __future__ import annotations

import logging
import signal
import time
from types import FrameType

from runtail_socket.admission import Admission
from runtail_socket.transport.link import Links

log = logging.getLogger(__name__)

#: How often the flags are checked. A signal handler can only set a flag: a
#: greenlet started there may not run until the next event, seconds later.
POLL_SECONDS = 0.2

#: How long the last clients may take to close.
LAST_GRACE_SECONDS = 3.0


class Drain:
    """The life of the process, controlled by signals.

    SIGTERM starts a drain; a second SIGTERM, or SIGINT, ends the process at once.
    """

    def __init__(self, admission: Admission, links: Links, drain_seconds: float) -> None:
        self._admission = admission
        self._links = links
        self._drain_seconds = drain_seconds
        self._signals = 0

    def install(self) -> None:
        """Take over SIGTERM and SIGINT."""
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, self._on_interrupt)

    def _on_term(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 2

    def wait(self) -> None:
        """Wait until the process may end."""
        while not self._signals:
            time.sleep(POLL_SECONDS)
        # Refuse first: clients that are sent away must not come back here.
        self._admission.draining = True
        leaving = self._links.all()
        log.info("draining: %d viewers leave within %s s", len(leaving), self._drain_seconds)
        began = time.monotonic()
        for number, link in enumerate(leaving, 1):
            # Spread evenly, so that the other relays get them a few at a time.
            self._sleep_until(began + self._drain_seconds * number / len(leaving))
            if not link.closed:
                link.close("drain")
        self._finish(time.monotonic() + LAST_GRACE_SECONDS)
        log.info("drained")

    def _sleep_until(self, moment: float) -> None:
        while self._signals < 2 and (left := moment - time.monotonic()) > 0:
            time.sleep(min(POLL_SECONDS, left))

    def _finish(self, deadline: float) -> None:
        while len(self._links) and self._signals < 2 and time.monotonic() < deadline:
            # Clients that came in between the flag and the list.
            for link in self._links.all():
                if not link.closed:
                    link.close("drain")
            time.sleep(POLL_SECONDS)
