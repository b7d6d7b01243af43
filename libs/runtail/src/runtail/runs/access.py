"""Runs and tasks as grants see them, and runs as principals see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from runtail.access.decision import allowed, reaches_everything
from runtail.access.principal import Principal, Thing, anyone
from runtail.labels import checked, declared_in
from runtail.listening import plain
from runtail.runs.record import Run

#: The field with :func:`describe_thing` of the run that a run is a retry of.
RETRY_OF_THING = "retry_of_thing"


def anyone_at(address: str | None) -> Principal:
    """Return the principal for a client of an installation without login, named by its address."""
    return anyone(f"anonymous ({plain(address or 'unknown address')})")


def thing_of(run: Run) -> Thing:
    """Return a run as grants see it."""
    return Thing(run.text("task"), run.text("queue"), run.labels, run.text("who_id") or None)


def visible_to(principal: Principal) -> Callable[[str, str, str, str], bool] | None:
    """Return which runs of a list a principal may see, by task, queue, declared labels and who_id as records have them.

    None if the principal sees all. A list has many runs of few tasks, so the function remembers its answers.
    """
    if reaches_everything(principal, "run:read"):
        return None
    known: dict[tuple[str, str, str, bool], bool] = {}

    def visible(task: str, queue: str, labels: str, who_id: str) -> bool:
        # All that a decision depends on.
        key = (task, queue, labels, who_id == principal.id)
        if key not in known:
            known[key] = allowed(principal, "run:read", Thing(task, queue, declared_in(labels), who_id or None))
        return known[key]

    return visible


def summary_for(principal: Principal, run: Run) -> dict[str, Any]:
    """Return the summary of a run that API, relay and page show to a principal."""
    summary = run.summary()
    if not allowed(principal, "params:read", thing_of(run)):
        summary["kwargs"] = summary["result"] = None
    if summary["retry_of"] and not _sees_first(principal, run):
        summary["retry_of"] = None
    if not reaches_everything(principal, "run:read"):
        # Whether these runs may be seen, only their own records say.
        summary["parent_id"] = summary["root_id"] = None
    return summary


def describe_thing(run: Run) -> str:
    """Return what grants look at in a run, as text for the record of another run that is a retry of it."""
    return orjson.dumps([run.text("task"), run.text("queue"), run.labels, run.text("who_id")]).decode()


def _sees_first(principal: Principal, run: Run) -> bool:
    """Return True if a principal may see the run that a run is a retry of."""
    if reaches_everything(principal, "run:read"):
        return True
    try:
        task, queue, labels, who_id = run.json(RETRY_OF_THING)
        return allowed(principal, "run:read", Thing(str(task), str(queue), checked(labels), str(who_id) or None))
    except (TypeError, ValueError):
        return False  # release 0.1.0 did not write it; any client of the store may have


def thing_of_task(task: Mapping[str, Any]) -> Thing:
    """Return a published task as grants see it."""
    return Thing(str(task.get("name", "")), str(task.get("queue", "")), task.get("labels") or {})
