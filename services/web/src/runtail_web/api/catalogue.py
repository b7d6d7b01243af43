"""What can be started and who would run it, as workers publish it."""

from __future__ import annotations

from flask import Blueprint, Response

from runtail.runs.listing import list_tasks, list_workers
from runtail.store import Store
from runtail_web import responses
from runtail_web.json_response import json_response
from runtail_web.route_meta import RouteMeta, describe


def make_catalogue(store: Store) -> Blueprint:
    """Return the routes."""
    catalogue = Blueprint("catalogue", __name__)

    @catalogue.get("/tasks")
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
        return json_response({"tasks": list_tasks(store)})

    @catalogue.get("/workers")
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
        return json_response({"workers": list_workers(store)})

    return catalogue
