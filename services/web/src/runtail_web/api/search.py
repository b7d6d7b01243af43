"""Searching a whole log on the server."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, request

from runtail.store import Store
from runtail_web.bodies import SearchQuery, read_query
from runtail_web.described import Described, describe
from runtail_web.following import gone_check
from runtail_web.matching import Matcher
from runtail_web.problems import unavailable
from runtail_web.searching import Search


def make_search(store: Store, stop: threading.Event) -> Blueprint:
    """Return the route.

    :param stop: set when this service ends; streams end then.
    """
    routes = Blueprint("search", __name__)
    # Beside those who follow, a quarter of the threads still serves.
    searchers = threading.BoundedSemaphore(max(1, store.settings.web_threads // 4))

    @routes.get("/runs/<run_id>/log/search")
    @describe(
        Described(
            "Search the whole log",
            {200: "JSON objects, one per line: hits, progress, the end."},
            query=SearchQuery,
            media_type="application/x-ndjson",
            problems=(400, 404),
        )
    )
    def searched(run_id: str) -> Response:
        query = read_query(request, SearchQuery)
        matcher = Matcher(query.q, regex=query.regex, case=query.case)
        search = Search(
            store, run_id, matcher, query.from_line, forward=query.direction == "forward", limit=query.limit
        )
        if not searchers.acquire(blocking=False):
            raise unavailable("As many searches go on here as can be.", 2)
        response = Response(
            search.stream(stop=stop, gone=gone_check(request.environ)),
            headers={"Cache-Control": "no-store"},
            content_type="application/x-ndjson",
        )
        response.call_on_close(searchers.release)
        return response

    return routes
