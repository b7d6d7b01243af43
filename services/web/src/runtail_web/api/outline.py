"""A log's sections and marks."""

from __future__ import annotations

from flask import Blueprint, Response

from runtail.store import Store
from runtail_web import log_responses
from runtail_web.authorization import allows
from runtail_web.json_response import json_response
from runtail_web.outline import Outlines
from runtail_web.route_meta import RouteMeta, describe


def make_outline(store: Store) -> Blueprint:
    """Return the route."""
    routes = Blueprint("outline", __name__)
    outlines = Outlines(store)

    @routes.get("/runs/<run_id>/outline")
    @allows("log:read", on="run")
    @describe(
        RouteMeta(
            "getOutline",
            "logs",
            "The log's sections and marks",
            "Ask again while `complete` is false: one request reads a part of a long log.",
            {200: "The outline, up to a line."},
            returns=log_responses.Outline,
            problems=(404,),
        )
    )
    def outline(run_id: str) -> Response:
        return json_response(outlines.read(run_id))

    return routes
