"""Clients, and the runs that each of them follows."""

from __future__ import annotations

from runtail.access.principal import Principal, Thing
from runtail_socket.delivery.feed import Subscription
from runtail_socket.transport.link import Link

#: Runs one client may follow at once.
MAX_SUBSCRIPTIONS = 64


class Viewer:
    """One client with its subscriptions by run id."""

    __slots__ = ("gone", "link", "lists", "principal", "subscriptions", "things", "told_away")

    def __init__(self, link: Link, principal: Principal) -> None:
        self.link = link
        #: Who the client is, with the rights at the last check.
        self.principal = principal
        #: Has disconnected; no subscription may be added any more.
        self.gone = False
        self.subscriptions: dict[str, Subscription] = {}
        #: By run id: the runs of the subscriptions as grants see them.
        self.things: dict[str, Thing] = {}
        #: Wants the state changes of all runs.
        self.lists = False
        #: Was told that the store is away, and not yet that it is back.
        self.told_away = False

    def forget(self, subscription: Subscription) -> None:
        """Forget a subscription that is over."""
        if self.subscriptions.get(subscription.feed.run_id) is subscription:
            del self.subscriptions[subscription.feed.run_id]
            self.things.pop(subscription.feed.run_id, None)

    def finish(self) -> None:
        """End all subscriptions of a client that is gone."""
        self.gone = True
        for subscription in list(self.subscriptions.values()):
            subscription.finish()
        self.lists = False
