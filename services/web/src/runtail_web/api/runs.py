"""Runs: list, start, read, cancel, retry, delete."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from runtail.access.decision import allowed, reaches_everything
from runtail.protocol import RunState
from runtail.runs.access import summary_for
from runtail.runs.cancel import cancel
from runtail.runs.listing import Filter, list_page, list_workers, read_task, waiting_reason
from runtail.runs.record import Run, read_run
from runtail.runs.retention import delete
from runtail.runs.start import Publisher, start
from runtail.store import Store
from runtail_web import responses
from runtail_web.authorization import allows, check_task, forbidden, may, principal
from runtail_web.cursors import decoded, encoded
from runtail_web.json_response import json_response
from runtail_web.parameters import check_parameters
from runtail_web.problems import Problem
from runtail_web.requests import CancelBody, EmptyBody, ListQuery, StartBody, read_body, read_query
from runtail_web.rerun import parameters_of
from runtail_web.route_meta import RouteMeta, describe

#: A key is a name that a client made up; a longer one is a mistake.
MAX_KEY_CHARS = 200


def shown(store: Store, runs: list[Run]) -> list[dict[str, Any]]:
    """Return runs as the API shows them to the sender of the request; a queued run says why it waits."""
    workers: list[dict[str, Any]] | None = None
    result = []
    for run in runs:
        summary = summary_for(principal(), run)
        if run.state is RunState.QUEUED:
            if workers is None:
                workers = list_workers(store)
            summary["why"] = waiting_reason(run, workers)
        result.append(summary)
    return result


def idempotency_key() -> str | None:
    """Return the request's ``Idempotency-Key``.

    :raises Problem: 422 if it is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARS:
        message = f"must have 1 to {MAX_KEY_CHARS} characters"
        raise Problem(
            422,
            "invalid",
            "Some values are wrong",
            f"Idempotency-Key {message}.",
            errors=[{"field": "Idempotency-Key", "message": message}],
        )
    return key


def make_runs(store: Store, publish: Publisher) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("runs", __name__)

    def begun(name: str, kwargs: dict[str, Any], run_id: str | None = None, retry_of: Run | None = None) -> Response:
        key = idempotency_key()
        task = read_task(store, name)
        check_task("run:start", task)
        check_parameters(task, kwargs)
        if task.get("accepts_json") is False:
            raise Problem(
                409,
                "serializer",
                "The task's worker does not read JSON",
                f"Runtail sends {name} its parameters as JSON and nothing else. Add json to the app's accept_content.",
            )
        run, created = start(
            store,
            publish,
            task=task,
            kwargs=kwargs,
            who=principal().name,
            run_id=run_id,
            idempotency_key=key,
            retry_of=retry_of,
            who_id=principal().id,
        )
        headers = {"Location": f"/api/v1/runs/{quote(run.id, safe='')}"}
        if not created:
            headers["Idempotency-Replayed"] = "true"
        return json_response(shown(store, [run])[0], 202, headers)

    @routes.get("/runs")
    @allows("run:read")
    @describe(
        RouteMeta(
            "listRuns",
            "runs",
            "Runs, newest first",
            "All given filters must match. Only `next: null` marks the end: an earlier page may be short.",
            {200: "A page of the list."},
            returns=responses.Runs,
            query=ListQuery,
        )
    )
    def listed() -> Response:
        query = read_query(request, ListQuery)
        wanted = Filter(
            states=frozenset(query.state.split(",")) if query.state else None,
            task=query.task,
            who=query.who,
            since_ms=query.since,
            until_ms=query.until,
            visible=None if reaches_everything(principal(), "run:read") else partial(allowed, principal(), "run:read"),
        )
        page = list_page(store, wanted, limit=query.limit, after=decoded(query.cursor))
        return json_response({"runs": shown(store, page.runs), "next": encoded(page.following)})

    @routes.post("/runs")
    @allows("run:start")
    @describe(
        RouteMeta(
            "startRun",
            "runs",
            "Start a run",
            "The task's schema decides which parameters are valid. An `Idempotency-Key` makes it safe to repeat.",
            {202: "The run; `Location` is its address."},
            returns=responses.Run,
            body=StartBody,
            problems=(404, 409),
            idempotent=True,
        )
    )
    def started() -> Response:
        body = read_body(request, StartBody)
        return begun(body.task, body.kwargs, body.run_id)

    @routes.get("/runs/<run_id>")
    @allows("run:read", on="run")
    @describe(
        RouteMeta(
            "getRun",
            "runs",
            "One run",
            "Its state and why, its times, and the totals of its log.",
            {200: "The run."},
            returns=responses.Run,
            problems=(404,),
        )
    )
    def read(run_id: str) -> Response:
        return json_response(shown(store, [read_run(store, run_id)])[0])

    @routes.post("/runs/<run_id>/cancel")
    @allows("run:cancel", on="run")
    @describe(
        RouteMeta(
            "cancelRun",
            "runs",
            "End a run",
            "A queued run ends at once. A running one is asked to end, and killed after a grace period.",
            {200: "It was queued, and has ended.", 202: "It is running; its worker ends it."},
            returns=responses.Run,
            body=CancelBody,
            body_required=False,
            problems=(404, 409),
        )
    )
    def cancelled(run_id: str) -> Response:
        body = read_body(request, CancelBody, optional=True)
        run = cancel(store, run_id, who=principal().name, why=body.why)
        return json_response(shown(store, [run])[0], 200 if run.state.terminal else 202)

    @routes.post("/runs/<run_id>/retry")
    @allows("run:start", on="run")
    @describe(
        RouteMeta(
            "retryRun",
            "runs",
            "Start an ended run again, with the same task and parameters",
            "This makes a new run, whose `retry_of` names the first one.",
            {202: "The new run; `Location` is its address."},
            returns=responses.Run,
            body=EmptyBody,
            body_required=False,
            problems=(404, 409),
            idempotent=True,
        )
    )
    def retried(run_id: str) -> Response:
        read_body(request, EmptyBody, optional=True)
        run = read_run(store, run_id)
        if not may("params:read", run):
            raise forbidden("params:read")
        return begun(run.text("task"), parameters_of(run), retry_of=run)

    @routes.delete("/runs/<run_id>")
    @allows("run:delete", on="run")
    @describe(
        RouteMeta(
            "deleteRun",
            "runs",
            "Delete a run and its log",
            "This cannot be undone. A worker that still writes to the run is told to stop.",
            {204: "It is gone."},
            problems=(404,),
        )
    )
    def deleted(run_id: str) -> Response:
        delete(store, run_id)
        return Response(status=204)

    return routes
