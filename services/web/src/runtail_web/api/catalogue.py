"""The tasks that can be started and the workers that would run them, as workers publish both."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import Blueprint, Response

from runtail.access.decision import allowed, reaches_everything
from runtail.access.rights import Right
from runtail.runs.access import thing_of_task
from runtail.runs.listing import list_tasks, list_workers
from runtail.runs.sealed import key_for
from runtail.secret import names_in
from runtail.store import Store
from runtail_web import responses
from runtail_web.authorization import allows, principal
from runtail_web.json_response import json_response
from runtail_web.route_meta import RouteMeta, describe


def _those_of(known: Collection[str], names: object) -> list[str]:
    return [name for name in names if name in known] if isinstance(names, list) else []


def make_catalogue(store: Store) -> Blueprint:
    """Return the routes."""
    catalogue = Blueprint("catalogue", __name__)

    def readable_tasks(right: Right) -> list[dict[str, Any]]:
        return [task for task in list_tasks(store) if allowed(principal(), right, thing_of_task(task))]

    def _shown(task: dict[str, Any], workers: list[dict[str, Any]]) -> dict[str, Any]:
        named = {name: value for name, value in task.items() if name != "seal_keys"}
        return {**named, "sealed": bool(names_in(task)) and key_for(store, task, workers) != ""}

    @catalogue.get("/tasks")
    @allows("tasks:read")
    @describe(
        RouteMeta(
            "listTasks",
            "workers",
            "The tasks that workers have published",
            "Each with a JSON Schema of its parameters, made of its signature and docstring.",
            {200: "All tasks, by name."},
            returns=responses.Tasks,
        )
    )
    def tasks() -> Response:
        workers = list_workers(store)
        return json_response({"tasks": [_shown(task, workers) for task in readable_tasks("tasks:read")]})

    @catalogue.get("/workers")
    @allows("workers:read")
    @describe(
        RouteMeta(
            "listWorkers",
            "workers",
            "The workers that are alive",
            "Each with the queues that it listens to. A worker that has been silent for 30 s is not listed.",
            {200: "All workers, by name."},
            returns=responses.Workers,
        )
    )
    def workers() -> Response:
        found = list_workers(store)
        if not reaches_everything(principal(), "workers:read"):
            # Of a worker's tasks and queues, show only those that the client may see.
            reached = readable_tasks("workers:read")
            tasks, queues = {task["name"] for task in reached}, {task["queue"] for task in reached}
            found = [
                {
                    **worker,
                    "queues": _those_of(queues, worker["queues"]),
                    "tasks": _those_of(tasks, worker.get("tasks")),
                }
                for worker in found
            ]
            found = [worker for worker in found if worker["queues"]]
        return json_response({"workers": found})

    return catalogue
