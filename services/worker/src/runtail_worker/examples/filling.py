"""``examples.fill`` and ``examples.remove``: the first makes the examples, the second deletes them."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any, Final

import runtail
from runtail.errors import RunEnded, RunNotFound
from runtail.runs.cancel import cancel
from runtail.runs.filter import Filter
from runtail.runs.listing import list_page, read_task
from runtail.runs.record import Run, read_run
from runtail.runs.retention import delete
from runtail.runs.start import start
from runtail.store import Store
from runtail_worker.app import app, settings
from runtail_worker.examples import past, recorded
from runtail_worker.examples.stage import LABEL

#: A cancelled task ends within its grace.
_END_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_PAGE: Final = 100


@app.task(name="examples.fill", runtail={"exclusive": True, "title": "Fill with examples"})
def fill() -> dict[str, int]:
    """Fill the list with examples: runs of the last days in every state, two that go on, and one that waits.

    They all have the label example:shop. Start examples.remove to delete them.
    """
    store = Store(settings)
    if list_page(store, Filter(label=LABEL), limit=1).runs:
        print("The examples are there already. Start examples.remove to delete them.")
        return {"made": 0}
    now_ms = store.now_ms()
    today = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC).date()
    runs = sorted(past.runs(today), key=lambda one: -one.minutes_ago)
    with runtail.section("Runs of the last days"):
        for number, one in enumerate(runs, 1):
            recorded.write(store, one, read_task(store, one.task), now_ms)
            print(f"{one.task}: {one.state}")
            runtail.progress(number / (len(runs) + 1), one.task)
    with runtail.section("Runs of now"):
        now = _now(today)
        for task, kwargs, who in now:
            run, _ = start(
                store, _publish, task=read_task(store, task), kwargs=kwargs, who=who, added_labels=dict([LABEL])
            )
            print(f"{task}: {run.state}")
    return {"made": len(runs) + len(now)}


def _now(today: datetime.date) -> list[tuple[str, dict[str, Any], str]]:
    """Return what waits and what goes on: tasks, parameters, and who asked for them."""
    web = {"name": "web", "roles": ["nginx", "app"], "branch": "main", "region": "eu-central-1"}
    return [
        ("ml.train", {"model": "resnet-50", "epochs": 48, "batch": 256}, past.JO),
        ("reports.monthly", {"month": past.month_before(today), "customers": 1240}, past.MARA),
        ("images.build", web, past.MARA),
    ]


@app.task(name="examples.remove", runtail={"exclusive": True, "title": "Remove the examples"})
def remove() -> dict[str, int]:
    """Delete all runs with the label example:shop, and those of examples.fill. Those that go on are cancelled first."""
    store = Store(settings)
    removed = 0
    for wanted in (Filter(label=LABEL), Filter(task=fill.name)):
        # Each page is the first one: the runs of the one before are gone.
        while runs := list_page(store, wanted, limit=_PAGE).runs:
            for run in runs:
                _end(store, run)
            for run in runs:
                _delete(store, run.id)
                removed += 1
                print(f"{run.text('task')} {run.id[:8]}: deleted")
    return {"removed": removed}


def _publish(run_id: str, task: str, kwargs: Mapping[str, Any], queue: str, headers: Mapping[str, Any]) -> None:
    app.send_task(task, kwargs=dict(kwargs), task_id=run_id, queue=queue, headers=dict(headers))


def _end(store: Store, run: Run) -> None:
    """Cancel a run if it is not over."""
    try:
        cancel(store, run.id, who=remove.name)
    except (RunEnded, RunNotFound):
        return


def _delete(store: Store, run_id: str) -> None:
    """Delete a run as soon as it is over, or when it has had time enough for that."""
    deadline = time.monotonic() + _END_SECONDS
    try:
        while not read_run(store, run_id).state.terminal and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        delete(store, run_id)
    except RunNotFound:
        return  # somebody else was faster
