"""What web does for relays: raises the epochs that they ask for."""

from __future__ import annotations

import threading
from typing import Self

from runtail.errors import StoreUnavailable
from runtail.log.epoch_requests import EpochRequests
from runtail.store import Store

#: Between two looks.
PAUSE_SECONDS = 0.1


class EpochRaiser:
    """Carries out requests for new epochs in a thread, also after outages of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(30)
        self._store.client.close()

    def _run(self) -> None:
        requests = EpochRequests(self._store)
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                requests.handle()
            except StoreUnavailable:
                continue
        requests.close()
