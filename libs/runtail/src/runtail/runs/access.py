"""Runs and tasks as grants see them, and runs as principals see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtail.access.decision import allowed
from runtail.access.principal import Principal, Thing, anyone
from runtail.listening import plain
from runtail.runs.record import Run


def anyone_at(address: str | None) -> Principal:
    """Return the principal for a client of an installation without login, named by its address."""
    return anyone(f"anonymous ({plain(address or 'unknown address')})")


def thing_of(run: Run) -> Thing:
    """Return a run as grants see it."""
    return Thing(run.text("task"), run.text("queue"), who_id=run.text("who_id") or None)


def summary_for(principal: Principal, run: Run) -> dict[str, Any]:
    """Return the summary of a run that API, relay and page show to a principal."""
    summary = run.summary()
    if not allowed(principal, "params:read", thing_of(run)):
        summary["kwargs"] = None
    return summary


def thing_of_task(task: Mapping[str, Any]) -> Thing:
    """Return a published task as grants see it."""
    return Thing(str(task.get("name", "")), str(task.get("queue", "")))
