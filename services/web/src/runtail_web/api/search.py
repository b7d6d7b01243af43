"""Searching a whole log on the server."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, request

from runtail.runs.record import read_run
from runtail.store import Store
from runtail_web.authorization import allows, shared, shared_clip
from runtail_web.matching import Matcher
from runtail_web.requests import SearchQuery, read_query
from runtail_web.route_meta import RouteMeta, describe
from runtail_web.searching import ALL, Search
from runtail_web.slots import SEARCH, Slots
from runtail_web.standing import Standings, json_words
from runtail_web.text_stream import LIVE, gone_check


def make_search(store: Store, stop: threading.Event, slots: Slots, standings: Standings) -> Blueprint:
    """Return the route.

    :param stop: set when this service ends; streams then end, too.
    :param standings: says whether a reader may read on.
    """
    routes = Blueprint("search", __name__)

    @routes.get("/runs/<run_id>/log/search")
    @allows("log:read", on="run", part=True)
    @describe(
        RouteMeta(
            "searchLog",
            "logs",
            "Search the whole log",
            "Each line is a JSON object. The last one has `done`; its `next` is the line to continue from.",
            {200: "JSON objects, one per line: hits, progress, the end."},
            query=SearchQuery,
            media_type="application/x-ndjson",
            problems=(400, 404),
        )
    )
    def searched(run_id: str) -> Response:
        query = read_query(request, SearchQuery)
        log = shared()
        matcher = Matcher(query.q, regex=query.regex, case=query.case)
        search = Search(
            store,
            run_id,
            matcher,
            query.from_line,
            forward=query.direction == "forward",
            limit=query.limit,
            seconds=store.settings.search_seconds,
            clip=log.clip if log else ALL,
        )
        shared_clip(search.head)
        standing = standings.of_sender(read_run(store, run_id))
        release = slots.acquire(SEARCH)
        response = Response(
            standing.guard(search.stream(stop=stop, gone=gone_check(request.environ)), json_words),
            headers=LIVE,
            content_type="application/x-ndjson",
        )
        response.call_on_close(release)
        return response

    return routes
