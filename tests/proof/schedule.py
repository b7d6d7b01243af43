"""Which faults, when and how long: all told by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tests.proof.cluster import RELAYS, SERVICES, WORKERS

#: Kinds per target, with how many seconds they last: from, to. Zero: it is over at once.
OF_WORKERS = {
    "kill-child": (0.0, 0.0),
    "stop-child": (0.5, 4.0),
    "kill-shipper": (0.0, 0.0),
    "stop-shipper": (0.5, 4.0),
    "kill-keeper": (0.0, 0.0),
    "stop-keeper": (0.5, 3.0),
    "kill-main": (0.3, 2.0),
    "stop-main": (0.5, 4.0),
    "kill-worker": (0.3, 2.0),
    "stop-worker": (0.5, 6.0),
    "term-worker": (1.0, 4.0),
}
OF_RELAYS = {"kill-relay": (0.1, 1.5), "stop-relay": (0.5, 4.0), "term-relay": (2.0, 4.0)}
OF_WEB = {"kill-web": (0.1, 1.5), "stop-web": (0.5, 4.0)}
OF_REDIS = {
    "kill-redis": (0.2, 3.0),
    "stop-redis": (0.3, 4.0),
    "empty-redis": (0.2, 1.5),
    "failover": (0.1, 3.0),
    "cut-clients": (0.0, 0.0),
    "cut-pubsub": (0.0, 0.0),
    "pause-clients": (0.3, 3.0),
    "full-redis": (0.3, 3.0),
}
OF_PATHS = {"blackhole": (0.3, 5.0), "cut": (0.0, 0.0), "lost-replies": (0.5, 2.0), "slow": (0.5, 3.0)}
OF_USERS = {"cancel-run": (0.0, 0.0)}

#: How often each family is drawn.
FAMILIES: tuple[tuple[dict[str, tuple[float, float]], tuple[str, ...], int], ...] = (
    (OF_WORKERS, WORKERS, 6),
    (OF_RELAYS, RELAYS, 3),
    (OF_WEB, ("web",), 1),
    (OF_REDIS, ("redis",), 5),
    (OF_PATHS, tuple(f"path:{name}" for name in (*SERVICES, "viewers")), 4),
    (OF_USERS, ("user",), 1),
)

#: Tasks of a schedule, drawn with replacement.
TASKS = ("proof.prints", "proof.prints", "proof.unfinished", "proof.subprocess", "proof.restartable", "proof.late",
         "proof.retried")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: begins *at* seconds after the start, lasts *seconds*.

    :param part: a number that picks among parts of the target.
    """

    kind: str
    target: str
    at: float
    seconds: float
    part: int


@dataclass(frozen=True, slots=True)
class Start:
    """A run that is started *at* seconds."""

    task: str
    at: float
    lines: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything a seed decides about the course of events."""

    seed: int
    seconds: float
    faults: tuple[Fault, ...]
    starts: tuple[Start, ...]
    #: A worker whose clock is an hour off.
    skewed: str | None
    #: A quota so small that logs are cut.
    small_quota: bool

    def actions(self) -> Iterator[tuple[float, str, Fault | Start]]:
        """Yield (second, ``start`` | ``begin`` | ``heal``, what), in order."""
        found: list[tuple[float, str, Fault | Start]] = [(start.at, "start", start) for start in self.starts]
        for fault in self.faults:
            found.append((fault.at, "begin", fault))
            found.append((fault.at + fault.seconds, "heal", fault))
        yield from sorted(found, key=lambda action: action[0])

    def summary(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def make(seed: int, seconds: float, *, kinds: frozenset[str] = frozenset(), apart: float = 0.0) -> Schedule:
    """Draw the schedule of a seed.

    :param apart: between the end of a fault and the next one's beginning at least, in seconds.

    :param seconds: how long faults begin.
    :param kinds: only these, if not empty.
    """
    chance = random.Random(seed)
    faults: list[Fault] = []
    busy_until: dict[str, float] = {}
    at = 1.0
    while at < seconds:
        family, targets, _ = chance.choices(FAMILIES, [weight for *_, weight in FAMILIES])[0]
        kind, target = chance.choice(sorted(family)), chance.choice(targets)
        low, high = family[kind]
        fault = Fault(kind, target, round(at, 2), round(chance.uniform(low, high), 2), chance.randrange(100))
        wanted = not kinds or kind in kinds
        at += chance.uniform(0.3, 1.8) if wanted else 0.1
        if not wanted or busy_until.get(target, 0.0) > fault.at:
            continue  # one fault at a time on one thing
        busy_until[target] = fault.at + fault.seconds + 0.5
        if apart:
            at = fault.at + fault.seconds + apart
        faults.append(fault)
    skewed = chance.choice(WORKERS) if chance.random() < 0.25 else None
    # Celery counts down to a retry by the clocks of two machines: an hour's skew is an hour's wait.
    tasks = [task for task in TASKS if skewed is None or task != "proof.retried"]
    starts = [_start(chance, tasks, round(chance.uniform(0.0, 0.5), 2), seconds) for _ in range(4)]
    starts += [_start(chance, tasks, round(chance.uniform(1.0, seconds * 0.8), 2), seconds / 2) for _ in range(2)]
    return Schedule(seed, seconds, tuple(faults), tuple(starts), skewed, chance.random() < 0.2)


def _start(chance: random.Random, tasks: list[str], at: float, seconds: float) -> Start:
    per_second = chance.choice((20.0, 100.0, 200.0))
    return Start(chance.choice(tasks), at, max(50, round(per_second * chance.uniform(0.4, 1.0) * seconds)), per_second)
