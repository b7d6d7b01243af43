"""The runs of the past: six days of a shop."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from runtail.protocol import RunState
from runtail_worker.examples import scripts

MARA, JO, LI, NIGHTLY, CI = "mara@example.org", "jo@example.org", "li@example.org", "nightly", "ci"
HOUR, DAY = 60, 24 * 60

#: By task: what it performs.
SCRIPTS: dict[str, Callable[..., dict[str, Any]]] = {
    "images.build": scripts.build,
    "etl.load_orders": scripts.load_orders,
    "reports.monthly": scripts.report,
    "ml.train": scripts.train,
    "deploy.release": scripts.deploy,
    "db.backup": scripts.backup,
}


@dataclass(frozen=True)
class Past:
    """One run that is over.

    :param minutes_ago: when it was asked for.
    :param seconds: how long it took.
    :param state: what became of it; if it neither succeeded nor failed, its script stops half-way.
    :param by: who cancelled it.
    :param retried: why its first attempt ended; empty: there was one attempt.
    """

    task: str
    minutes_ago: float
    seconds: float
    who: str
    kwargs: dict[str, Any]
    state: RunState = RunState.SUCCEEDED
    by: str = ""
    retried: str = ""
    worker: str = "celery@worker-1"
    queue: str = field(default="celery")


def month_before(today: datetime.date, months: int = 1) -> str:
    """Return the month so many months before that of a day, such as 2026-01."""
    years, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return f"{years}-{month + 1:02d}"


def runs(today: datetime.date) -> Iterator[Past]:
    """Yield the runs, the oldest first.

    :param today: by the store's clock.
    """

    def day(ago: int) -> str:
        return (today - datetime.timedelta(days=ago)).isoformat()

    month = month_before(today)
    for ago, seconds in ((5, 251), (4, 238), (3, 262), (2, 244), (1, 242)):
        at = ago * DAY - 3 * HOUR
        yield Past("db.backup", at + 90, 52 + 3 * ago, NIGHTLY, {"database": "orders"})
        yield Past("etl.load_orders", at, seconds, NIGHTLY, {"source": "storefront", "day": day(ago), "shards": 8})
        if ago == 4:
            yield _build(at - 300, 171, MARA, "main", name="web")
            yield _train(at - 420, 14_520, JO, "resnet-50", 48)
        if ago == 3:
            yield _deploy(at - 390, 41, CI, "2.14.2", "production")
            yield Past("reports.monthly", at - 640, 487, MARA, {"month": month_before(today, 2), "customers": 1150})
            yield _train(at - 500, 12, JO, "vit-b16", 48, batch=512, state=RunState.FAILED)
        if ago == 2:
            yield _build(at - 240, 164, LI, "main", name="db")
            yield _train(at - 560, 11_532, JO, "vit-b16", 48, state=RunState.LOST)
            yield Past("reports.monthly", at - 620, 502, MARA, {"month": month, "customers": 1180})
    yield _deploy(10 * HOUR, 44, CI, "2.15.0", "staging", state=RunState.FAILED)
    yield _train(9.2 * HOUR, 1_360, JO, "resnet-50", 48, state=RunState.CANCELLED, by=JO)
    yield _deploy(7 * HOUR, 39, CI, "2.15.1", "staging")
    yield _build(5.5 * HOUR, 158, MARA, "main", name="web")
    yield Past(
        "db.backup", 4 * HOUR, 210, MARA, {"database": "warehouse"}, retried="ConnectionError: s3.example.org timed out"
    )
    yield _build(2.6 * HOUR, 63, LI, "fix/tls-1.3", name="web", state=RunState.CANCELLED, by=LI)
    yield _build(96, 167, LI, "fix/tls-1.3", name="web")
    yield _deploy(74, 42, MARA, "2.15.1", "production")
    yield Past(
        "etl.load_orders", 38, 231, MARA, {"source": "partner", "day": day(1), "shards": 8}, state=RunState.FAILED
    )


def _build(minutes_ago: float, seconds: float, who: str, branch: str, *, name: str, **more: Any) -> Past:
    kwargs = {"name": name, "roles": ["nginx", "app"], "branch": branch, "region": "eu-central-1"}
    return Past("images.build", minutes_ago, seconds, who, kwargs, worker="celery@builds-1", **more)


def _deploy(minutes_ago: float, seconds: float, who: str, version: str, environment: str, **more: Any) -> Past:
    return Past("deploy.release", minutes_ago, seconds, who, {"version": version, "environment": environment}, **more)


def _train(
    minutes_ago: float, seconds: float, who: str, model: str, epochs: int, batch: int = 256, **more: Any
) -> Past:
    kwargs = {"model": model, "epochs": epochs, "batch": batch}
    return Past("ml.train", minutes_ago, seconds, who, kwargs, worker="celery@gpu-2", queue="gpu", **more)
