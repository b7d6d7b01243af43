"""Ends what clients may no longer see: logins, rights and files change while connections are open."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from runtail.access.decision import reads_on
from runtail.access.principal import Principal
from runtail.auth.authenticator import LOGIN_GONE, RIGHT_GONE, Authenticator
from runtail.errors import StoreUnavailable
from runtail_socket.clients.viewer import Viewer
from runtail_socket.delivery.frames import denied

log = logging.getLogger(__name__)

#: The shortest time between two checks, however many notifications come.
PAUSE_SECONDS: Final = 0.2


class Recheck:
    """Compares all clients with the store and the policy: after a notification, and every few seconds without one.

    :param viewers: returns all clients.
    :param seconds: the longest time between two checks.
    """

    def __init__(self, authenticator: Authenticator, viewers: Callable[[], Iterable[Viewer]], seconds: float) -> None:
        self._authenticator, self._viewers, self._seconds = authenticator, viewers, seconds
        self._wake = threading.Event()

    def wake(self) -> None:
        """Check soon."""
        self._wake.set()

    def run(self) -> None:
        """Check again and again; never returns."""
        while True:
            self._wake.wait(self._seconds)
            time.sleep(PAUSE_SECONDS)
            self._wake.clear()
            try:
                self.look()
            except StoreUnavailable:
                continue  # nothing flows meanwhile

    def look(self) -> None:
        """Check once.

        :raises StoreUnavailable: if the store did not answer.
        """
        by_credential: dict[str, list[Viewer]] = {}
        for viewer in self._viewers():
            if viewer.principal.credential:
                by_credential.setdefault(viewer.principal.credential, []).append(viewer)
        if by_credential:
            known = [viewers[0].principal for viewers in by_credential.values()]
            for principal, viewers in zip(self._authenticator.recheck(known), by_credential.values(), strict=True):
                for viewer in viewers:
                    _apply(viewer, principal)


def _apply(viewer: Viewer, principal: Principal | None) -> None:
    if principal is None:
        viewer.finish()
        viewer.link.enqueue(denied(None, "login", LOGIN_GONE))
        viewer.link.close("login")
        return
    before = viewer.principal
    if principal.grants == before.grants and principal.shared == before.shared:
        return
    viewer.principal = principal
    for run_id, subscription in list(viewer.subscriptions.items()):
        # Who gets another part subscribes again.
        if not reads_on(before, principal, run_id, viewer.things[run_id]):
            subscription.finish(denied(run_id, "forbidden", RIGHT_GONE))
