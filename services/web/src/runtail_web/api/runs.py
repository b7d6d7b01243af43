"""Runs: list, start, read, cancel, retry, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from runtail.errors import ExclusiveHeld, TaskNotRecorded
from runtail.labels import check_added
from runtail.protocol import RunState
from runtail.runs.access import summary_for, visible_to
from runtail.runs.cancel import cancel
from runtail.runs.counts import count_states
from runtail.runs.family import PARENT, ROOT
from runtail.runs.filter import Filter
from runtail.runs.listing import list_page, list_workers, read_task, waiting_reason
from runtail.runs.record import Run, read_run
from runtail.runs.retention import delete
from runtail.runs.start import Publisher, start
from runtail.store import Store
from runtail_web import responses
from runtail_web.auditing import Deed, noted
from runtail_web.authorization import allows, check_task, lacking, may, principal, sees
from runtail_web.cursors import decoded, encoded
from runtail_web.json_response import json_response
from runtail_web.mount import here
from runtail_web.parameters import check_parameters
from runtail_web.problems import Problem, invalid
from runtail_web.requests import CancelBody, EmptyBody, ListQuery, RunsQuery, StartBody, read_body, read_query
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
        if run.state is RunState.QUEUED and may("workers:read", run):
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


def key_and_value(label: str) -> tuple[str, str]:
    """Return the parts of ``key:value``."""
    key, _, value = label.partition(":")
    return key, value


def checked_labels(task: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that a client gives to a new run.

    :raises Problem: 422 if they cannot be labels, or if the task declares one of them.
    """
    try:
        return check_added(labels, task.get("labels") or {})
    except ValueError as error:
        raise invalid([{"field": "labels", "message": str(error)}], "The labels of the run") from None


def wanted_by(query: RunsQuery, states: frozenset[str] | None = None) -> Filter:
    """Return which runs the sender of the current request asks for, of those that the sender may see."""
    return Filter(
        states=states,
        task=query.task,
        who=query.who,
        since_ms=query.since,
        until_ms=query.until,
        label=key_and_value(query.label) if query.label else None,
        root=query.root,
        id_prefix=query.id,
        visible=visible_to(principal()),
        asker=principal().id,
    )


def make_runs(store: Store, publish: Publisher) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("runs", __name__)

    def begun(
        name: str,
        kwargs: dict[str, Any],
        run_id: str | None = None,
        retry_of: Run | None = None,
        labels: Mapping[str, str] | None = None,
        title: str = "",
    ) -> Response:
        key = idempotency_key()
        try:
            task = read_task(store, name)
        except TaskNotRecorded:
            check_task("tasks:read", {"name": name})
            raise
        check_task("run:start", task)
        check_parameters(task, kwargs)
        added = checked_labels(task, labels or {})
        if task.get("accepts_json") is False:
            raise Problem(
                409,
                "serializer",
                "The task's worker does not read JSON",
                f"Runtail sends {name} its parameters as JSON and nothing else. Add json to the app's accept_content.",
            )
        deed = Deed(run_id or (retry_of.id if retry_of else ""), name, f"of {retry_of.id}" if retry_of else "")
        with noted("run-retry" if retry_of else "run-start", deed):
            try:
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
                    added_labels=added,
                    title=title,
                )
            except ExclusiveHeld as held:
                raise (held if sees(store, held.holder) else ExclusiveHeld(held.task)) from None
            deed.run = run.id
            if not created:
                deed.why = "replayed"
        headers = {"Location": here(f"/api/v1/runs/{quote(run.id, safe='')}")}
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
        wanted = wanted_by(query, frozenset(query.state.split(",")) if query.state else None)
        page = list_page(store, wanted, limit=query.limit, after=decoded(query.cursor))
        return json_response({"runs": shown(store, page.runs), "next": encoded(page.following)})

    @routes.get("/run-counts")
    @allows("run:read")
    @describe(
        RouteMeta(
            "countRuns",
            "runs",
            "How many runs there are in each state",
            "The filters are those of the list, and only runs that you may read count.",
            {200: "The numbers."},
            returns=responses.Counts,
            query=RunsQuery,
        )
    )
    def counted() -> Response:
        return json_response({"counts": count_states(store, wanted_by(read_query(request, RunsQuery)))})

    @routes.post("/runs")
    @allows("run:start", limit="starts")
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
        return begun(body.task, body.kwargs, body.run_id, labels=body.labels, title=body.title)

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
        run = read_run(store, run_id)
        summary = shown(store, [run])[0]
        for name in (PARENT, ROOT):
            other = run.text(name)
            summary[name] = other if other and sees(store, other) else None
        return json_response(summary)

    @routes.post("/runs/<run_id>/cancel")
    @allows("run:cancel", on="run", limit="changes")
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
        with noted("run-cancel", Deed(run_id, why=body.why)) as deed:
            run = cancel(store, run_id, who=principal().name, why=body.why)
            deed.task = run.text("task")
        return json_response(shown(store, [run])[0], 200 if run.state.terminal else 202)

    @routes.post("/runs/<run_id>/retry")
    @allows("run:start", on="run", limit="starts")
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
            raise lacking("params:read", run)
        return begun(run.text("task"), parameters_of(store, run), retry_of=run)

    @routes.delete("/runs/<run_id>")
    @allows("run:delete", on="run", limit="changes")
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
        read_body(request, EmptyBody, optional=True)
        with noted("run-delete", Deed(run_id)):
            delete(store, run_id)
        return Response(status=204)

    return routes
