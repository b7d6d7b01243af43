"""The index of the list of runs: how it is kept (docs/decisions/0080). :mod:`runtail.runs.candidates` reads it.

Scripts that change a run note its id; ``settle.lua`` brings the index up to date for noted runs, before a list is read
and once in each round of the reaper. As long as the index is being built, and whenever its numbers do not agree with
those of the lists, lists are made from the records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from runtail.store import Store, store_errors

#: If no reaper has kept the index for so long, it is built again: a web service without an index may have been there
#: instead, and nobody has looked for changes that nobody noted. Until then writers note them.
KEPT_SECONDS: Final = 120
#: How often the mark that says that somebody keeps it is renewed.
_RENEW_SECONDS: Final = 20.0
#: The script settles this many runs in one call (some 5 ms), because other clients wait for the store as well.
BATCH: Final = 250
#: A list settles this many runs at most before it is read; if that is not enough, it is made from the records.
_MOST_FOR_A_LIST: Final = 1000
#: A round of the reaper settles this many.
MOST_IN_A_ROUND: Final = 5000
#: How often a round looks for changes that nobody noted even if the numbers agree, and how much further back than to
#: the last such round.
LOOK_SECONDS: Final = 30.0
_OVERLAP_SECONDS: Final = 30.0
#: If the numbers do not agree for this long, the index is built again.
PATIENCE_SECONDS: Final = 300.0


def is_ready(store: Store) -> bool:
    """Settle what was noted; return True if the index is now exact.

    :raises StoreUnavailable: if the server did not answer.
    """
    for _ in range(_MOST_FOR_A_LIST // BATCH):
        mark, left, agrees = _settle(store)
        if mark != "kept" or not left:
            return mark == "kept" and agrees
    return False


def _settle(store: Store, back_ms: int | None = None, *, always: bool = False) -> tuple[str, int, bool]:
    ask = {"most": BATCH, "back_ms": back_ms or False, "always": always}
    with store_errors():
        mark, left, agrees = store.scripts.call("settle", "", ask)
    return mark.decode(), int(left), bool(int(agrees))


class IndexKeeper:
    """Builds the index, and keeps it exact: :meth:`step` is one round of the reaper that has the lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.forget()

    def forget(self) -> None:
        """Begin as if new, because another reaper may have had the lock meanwhile."""
        self._building: Iterator[None] | None = None
        #: When these last happened (monotonic seconds); None: never.
        self._renewed: float | None = None
        self._looked: float | None = None
        self._disagrees_since: float | None = None

    def step(self, now: float) -> None:
        """Do a bounded part of what is to be done.

        :param now: monotonic seconds.
        :raises StoreUnavailable: if the server did not answer.
        """
        if self._renewed is None or now - self._renewed >= _RENEW_SECONDS:
            self._renew(now)
        if self._building is None:
            self._settle_noted(now)
        elif next(self._building, self) is self:
            self._building = None

    def _renew(self, now: float) -> None:
        key = self._store.keys.index("kept")
        with store_errors():
            kept: Any = self._store.client.get(key)
            self._store.client.expire(key, KEPT_SECONDS)
        # A reaper that began to build may have left before all runs were noted.
        if kept is None or (kept == b"building" and self._renewed is None):
            self._build()
        self._renewed = now

    def _build(self) -> None:
        with store_errors():
            self._store.client.set(self._store.keys.index("kept"), "building", ex=KEPT_SECONDS)
        self._building, self._looked, self._disagrees_since = self._noting_all(), None, None

    def _noting_all(self) -> Iterator[None]:
        """Note all runs that there are, and all that the index has, in parts."""
        keys, client = self._store.keys, self._store.client
        scans: list[tuple[Any, str]] = [(client.zscan, keys.runs()), (client.hscan, keys.index("rows"))]
        for scan, key in scans:
            cursor: Any = 0
            while True:
                with store_errors():
                    cursor, found = scan(key, cursor, count=MOST_IN_A_ROUND)
                    members = list(found) if isinstance(found, dict) else [member for member, _ in found]
                    if members:
                        client.sadd(keys.index("changed"), *members)
                if cursor == 0:
                    break
                yield

    def _settle_noted(self, now: float) -> None:
        always = self._looked is None or now - self._looked >= LOOK_SECONDS
        back_seconds = (KEPT_SECONDS if self._looked is None else LOOK_SECONDS) + _OVERLAP_SECONDS
        mark, left, agrees = _settle(self._store, round(back_seconds * 1000), always=always)
        if always:
            self._looked = now
        for _ in range(MOST_IN_A_ROUND // BATCH - 1):
            if not left:
                break
            mark, left, agrees = _settle(self._store)
        if not mark:
            self._renewed = None  # the store was emptied
        if left or not mark:
            return
        if mark == "building":
            with store_errors():
                self._store.client.set(self._store.keys.index("kept"), "kept", ex=KEPT_SECONDS)
        if agrees:
            self._disagrees_since = None
        elif self._disagrees_since is None:
            self._disagrees_since = now
        elif now - self._disagrees_since >= PATIENCE_SECONDS:
            self._build()
