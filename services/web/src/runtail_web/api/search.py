"""Searching a whole log on the server."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, request

from runtail.store import Store
from runtail_web.authorization import allows
from runtail_web.matching import Matcher
from runtail_web.requests import SearchQuery, read_query
from runtail_web.route_meta import RouteMeta, describe
from runtail_web.searching import Search
from runtail_web.slots import SEARCH, Slots
from runtail_web.text_stream import LIVE, gone_check


def make_search(store: Store, stop: threading.Event, slots: Slots) -> Blueprint:
    """Return the route.

    :param stop: set when this service ends; streams then end, too.
    """
    routes = Blueprint("search", __name__)

    @routes.get("/runs/<run_id>/log/search")
    @allows("log:read", on="run")
    @describe(
        RouteMeta(
            "searchLog",
            "logs",
            "Search the whole log",
            "Each line is a JSON object. The last one has `done`; its `next` is the line to continue from.",
            {200: "JSON objects, one per line: hits, progress, the end."},
            query=SearchQuery,
            media_type="application/x-ndjson",
            problems=(400, 404, 429),
        )
    )
    def searched(run_id: str) -> Response:
        query = read_query(request, SearchQuery)
        matcher = Matcher(query.q, regex=query.regex, case=query.case)
        search = Search(
            store,
            run_id,
            matcher,
            query.from_line,
            forward=query.direction == "forward",
            limit=query.limit,
            seconds=store.settings.search_seconds,
        )
        release = slots.acquire(SEARCH)
        response = Response(
            search.stream(stop=stop, gone=gone_check(request.environ)),
            headers=LIVE,
            content_type="application/x-ndjson",
        )
        response.call_on_close(release)
        return response

    return routes
