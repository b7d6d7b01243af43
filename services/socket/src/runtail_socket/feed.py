"""One run as this relay reads it: where the reader stands, and who stands there with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from runtail.protocol import Cursor
from runtail_socket.frames import Chunk, Shape, tail_end, tail_live, terminal
from runtail_socket.viewer import Standing, Subscription
from runtail_socket.websocket import ALL, NONE, PART, offer_all


class Feed:
    """A watched run. There is one per run and relay, whatever the number of viewers.

    :param cursor: the end of the log as read so far.
    :param catch_up: starts a subscription's own greenlet.
    :param on_unused: called when the last subscription has left.
    """

    def __init__(
        self,
        run_id: str,
        cursor: Cursor,
        *,
        catch_up: Callable[[Subscription], None],
        on_unused: Callable[[Feed], None],
    ) -> None:
        self.run_id = run_id
        self.cursor = cursor
        self._catch_up = catch_up
        self._on_unused = on_unused
        #: Its history is no more: nobody may join.
        self.over = False
        #: Handlers that are about to add a subscription.
        self.holds = 0
        self.subscriptions: set[Subscription] = set()
        #: Those at the live edge: they have exactly what :attr:`cursor` says.
        self.edge: set[Subscription] = set()
        #: Which execution of the id is read.
        self.execution = 1
        #: State of the run when last read.
        self.state: str | None = None
        #: The unfinished line.
        self.live: dict[str, Any] | None = None
        #: What the terminal entry says, once it was read.
        self.end: dict[str, Any] | None = None
        #: When (monotonic) the store was last asked for what follows, and answered.
        self.read_at = 0.0
        #: Since when (monotonic) the store has been behind us or without the run.
        self.behind_since: float | None = None
        #: How often in a row the next entry did not continue our chain.
        self.suspicions = 0

    @property
    def unused(self) -> bool:
        """Nobody follows this run here any more."""
        return not self.subscriptions and not self.holds

    def deliver(self, chunks: Iterable[Chunk]) -> tuple[int, int]:
        """Send new chunks to the live edge; return how many frames were taken, and their bytes.

        Whoever does not take a frame leaves the edge and is served by its own greenlet.
        """
        frames = size_bytes = 0
        for chunk in chunks:
            before, self.cursor = self.cursor, chunk.after
            for shape in Shape:
                takers = [subscription for subscription in self.edge if subscription.shape is shape]
                frame = chunk.frame(shape) if takers else None
                if frame is None:
                    continue
                for subscription, outcome in zip(takers, offer_all(takers, frame), strict=True):
                    if outcome is not NONE:
                        subscription.count(chunk.payload_bytes)
                        frames += 1
                        size_bytes += len(frame)
                    if outcome is not ALL:
                        self._leave_edge(subscription, before if outcome is NONE else chunk.after)
            end = terminal(chunk.items[-1])
            if end is not None:
                self.end = end
                self._tell_end()
        return frames, size_bytes

    def show_live(self, live: dict[str, Any] | None) -> None:
        """Show the unfinished line to the live edge.

        It is replaced ten times a second, so whoever does not take it misses nothing that counts.
        """
        if live is None or live == self.live:
            return
        self.live = live
        shown = [subscription for subscription in self.edge if subscription.wants_live]
        if shown:
            self._offer_live(shown, live)

    def join(self, subscription: Subscription) -> None:
        """Put a subscription that has exactly what :attr:`cursor` says at the live edge."""
        subscription.standing = Standing.LIVE
        subscription.cursor = self.cursor
        self.edge.add(subscription)
        if self.live is not None and self.end is None and subscription.wants_live:
            self._offer_live([subscription], self.live)

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        self.edge.discard(subscription)
        self.subscriptions.discard(subscription)
        if self.unused:
            self._on_unused(self)

    def _offer_live(self, subscriptions: list[Subscription], live: dict[str, Any]) -> None:
        outcomes = offer_all([subscription.link for subscription in subscriptions], tail_live(self.run_id, live))
        for subscription, outcome in zip(subscriptions, outcomes, strict=True):
            if outcome is PART:
                self._leave_edge(subscription, self.cursor)

    def _tell_end(self) -> None:
        assert self.end is not None
        edge = list(self.edge)
        outcomes = offer_all([subscription.link for subscription in edge], tail_end(self.run_id, self.end))
        for subscription, outcome in zip(edge, outcomes, strict=True):
            subscription.told_end = outcome is not NONE
            if outcome is not ALL:
                self._leave_edge(subscription, self.cursor)

    def _leave_edge(self, subscription: Subscription, cursor: Cursor) -> None:
        self.edge.discard(subscription)
        if subscription.is_over():
            subscription.finish()
            return
        subscription.standing = Standing.CATCHING_UP
        subscription.cursor = replace(cursor)
        self._catch_up(subscription)
