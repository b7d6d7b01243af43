"""What several runs wrote last."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from runtail.access.decision import allowed
from runtail.store import Store
from runtail_web import log_responses
from runtail_web.authorization import allows, principal
from runtail_web.json_response import json_response
from runtail_web.last_lines import LastLines
from runtail_web.requests import RunLinesQuery, read_query
from runtail_web.route_meta import RouteMeta, describe


def make_last_lines(store: Store) -> Blueprint:
    """Return the route."""
    routes = Blueprint("last_lines", __name__)
    last_lines = LastLines(store)

    @routes.get("/run-lines")
    @allows("log:read")
    @describe(
        RouteMeta(
            "listRunLines",
            "logs",
            "The last line of several runs",
            "For runs that are running, and whose logs you may read; all others are left out. Ask once a second at "
            "most: an answer may be a second old.",
            {200: "The last lines, in no order."},
            returns=log_responses.RunLines,
            query=RunLinesQuery,
        )
    )
    def listed() -> Response:
        found = last_lines.read(read_query(request, RunLinesQuery).id)
        lines = [
            {"id": run_id, "text": line.text, "progress": line.progress}
            for run_id, line in found.items()
            if allowed(principal(), "log:read", line.thing)
        ]
        g.runs_read = [line["id"] for line in lines]
        return json_response({"lines": lines})

    return routes
