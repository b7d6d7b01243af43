"""A relay hears nothing more from the store: how soon its viewers get lines and notifications come again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis

from tests.proof.figures import Figure
from tests.support.audience import Audience, Balancer
from tests.support.relay_stage import PRODUCER, Stage, stage
from tests.support.waiting import wait_for

VIEWERS, ROUNDS_EACH, LINES_PER_SECOND = 10, 5, 20
GOAL_SECONDS = 20.0


def measure() -> list[Figure]:
    """Stall the listener of one relay in five ways, again and again."""
    figures = []
    with stage(1, proxied=True) as here, here.server.client() as client:
        assert here.proxy is not None
        proxy = here.proxy
        kinds: dict[str, Callable[[], object]] = {
            "CLIENT KILL of its listener's connection": lambda: client.client_kill_filter(_type="pubsub"),
            "CLIENT KILL of all its connections": lambda: _kill_all(client),
            "the other end of its listener's connection is gone, and nobody says so": lambda: proxy.half_open(
                b"SUBSCRIBE"
            ),
            "its listener's connection goes silent": lambda: proxy.stall(b"SUBSCRIBE"),
            # Of all that are open: the listener's as well.
            "all its connections go silent": lambda: proxy.stall(b""),
        }
        producer = here.producer().start(LINES_PER_SECOND)
        with Audience(Balancer(here.relays), [producer.run_id], VIEWERS) as seen:
            wait_for(lambda: seen.following == VIEWERS, 60)
            for kind, break_it in kinds.items():
                figures.append(_figure(here, seen, client, kind, break_it))
            assert seen.total("connections") == VIEWERS, [viewer.losses for viewer in seen.viewers]
            producer.stop()
            wait_for(lambda: seen.ended == VIEWERS, 60)
        faults = seen.total("lost"), seen.total("doubled"), seen.total("wrong"), seen.total("resets")
    name = "stalled listener: lines lost, doubled; digests wrong; resets"
    return [*figures, Figure(name, "{}, {}; {}; {}".format(*faults), "0, 0; 0; 0", not any(faults))]


def _figure(here: Stage, seen: Audience, client: redis.Redis, kind: str, break_it: Callable[[], object]) -> Figure:
    took = []
    for _ in range(ROUNDS_EACH):
        before = max(subscriptions(client))
        broken_at = time.monotonic()
        assert break_it()
        # By a connection of its own, and with the list, the nonce and the run in it.
        wait_for(lambda: any(id_ > before and count >= 3 for id_, count in subscriptions(client).items()), 60,  # noqa: B023
                 here.relays[0].process.evidence)  # fmt: skip
        wait_for(lambda: all(viewer.written_at > broken_at for viewer in seen.viewers), 60)  # noqa: B023
        took.append(time.monotonic() - broken_at)
    print(f"   {kind}: " + ", ".join(f"{seconds:.1f}" for seconds in took) + " s", flush=True)
    healed = sum(seconds <= GOAL_SECONDS for seconds in took)
    return Figure(
        f"stalled listener, {kind}: notifications and lines are back",
        f"{healed} of {len(took)}, after at most {max(took):.1f} s",
        f"{len(took)} of {len(took)} within {GOAL_SECONDS:.0f} s",
        healed == len(took),
    )


def subscriptions(client: redis.Redis) -> dict[int, int]:
    """How many channels each pub/sub connection hears, by its id."""
    rows: list[dict[str, Any]] = client.client_list(_type="pubsub")
    return {int(row["id"]): int(row["sub"]) for row in rows}


def _kill_all(client: redis.Redis) -> int:
    """End every connection that is neither the producer's nor ours; return how many."""
    mine = client.client_id()
    rows: list[dict[str, Any]] = client.client_list()
    victims = [row for row in rows if row["name"] != PRODUCER and int(row["id"]) != mine]
    return sum(bool(client.client_kill_filter(_id=row["id"])) for row in victims)
