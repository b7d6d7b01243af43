"""A run's log: as text, whole or followed, and as a window of entries."""

from __future__ import annotations

import threading
from typing import Any

from flask import Blueprint, Response, request

from runtail.errors import ProtocolError
from runtail.log.reader import Location, locate
from runtail.log.scan import backwards
from runtail.protocol import EVENT, Entry, event
from runtail.protocol.cursor import Cut
from runtail.runs.record import Run, read_run
from runtail.store import Store
from runtail_web import responses
from runtail_web.authorization import allows
from runtail_web.json_response import json_response
from runtail_web.problems import Problem
from runtail_web.requests import TextQuery, WindowQuery, read_query
from runtail_web.route_meta import RouteMeta, describe
from runtail_web.slots import DOWNLOAD, FOLLOW, Slots
from runtail_web.style import links, resets, style_after
from runtail_web.text_stream import LIVE, as_stored, followed, gone_check, stored

#: A window ends after this much output, however much was asked for.
WINDOW_BYTES = 2 * 1024 * 1024
#: How far back to look for the colours in force at a line, and how many entries to read at once.
STYLE_BYTES = 256 * 1024
STYLE_ENTRIES = 4
#: For windows whose address names their epoch.
IMMUTABLE = "private, max-age=86400, immutable"


def text_headers(run: Run) -> dict[str, str]:
    """Return the known facts about the whole log. The body is output and nothing else."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": "inline",
        "Runtail-State": str(run.state),
        "Runtail-Epoch": str(run.number("epoch")),
        "Runtail-Lines": str(run.number("line") - 1),
        "Runtail-Bytes": str(run.number("bytes")),
        "Runtail-Chain": run.chain.hex(),
    }
    if run.cut is not None:
        headers["Runtail-Cut"] = ", ".join(f"{name}={value}" for name, value in run.cut.items())
    for name in ("masked", "rewritten_bytes", "late_bytes", "overflow_bytes"):
        if run.number(name):
            headers["Runtail-" + name.replace("_", "-").title()] = str(run.number(name))
    return headers


def style_at(store: Store, run_id: str, location: Location) -> dict[str, str | None]:
    """Return the style in force at a reader's first line, as members of a window.

    Each attempt begins plain. ``style`` is None if finding it would take too long.
    """
    outputs: list[bytes] = []
    size = 0
    colours_known = link_known = False
    for entry in (
        entry for group in backwards(store, run_id, 0, location.last, count=STYLE_ENTRIES) for entry in group
    ):
        if entry.type == EVENT:
            if _begins_attempt(entry):
                colours_known = True
                break
            continue
        outputs.append(entry.payload)
        size += len(entry.payload)
        colours_known = colours_known or resets(entry.payload)
        link_known = link_known or links(entry.payload)
        if (colours_known and link_known) or size >= STYLE_BYTES:
            break
    else:
        colours_known = True
    style = style_after(reversed(outputs))
    known = colours_known or not any(b"\x1b[" in output for output in outputs)
    return {"style": style.sgr if known else None, "link": style.href}


def _begins_attempt(entry: Entry) -> bool:
    try:
        return bool(event.decode(entry)["kind"] == event.START)
    except ProtocolError:
        # An unreadable event begins nothing.
        return False


def window(store: Store, run_id: str, location: Location, to_line: int) -> tuple[dict[str, Any], bool]:
    """Return a window of whole entries from a location on, and True if the window will never change.

    Events right before line *to_line* belong to the window. It ends early when
    it has grown too large, and ``next`` says where to go on.
    """
    cursor = location.cursor
    start = {"from": cursor.line, "chain": cursor.chain.hex()}
    items: list[Entry | Cut] = []
    size = 0
    done = location.beyond
    full = False
    while not done and cursor.last < location.head.last:
        _, more = as_stored(store, cursor, run_id)
        done = not more
        for item in more:
            if isinstance(item, Entry):
                if item.type == "o" and (item.from_line >= to_line or size >= WINDOW_BYTES):
                    done = full = True
                    break
                size += len(item.payload)
            items.append(item)
    end = next((item for item in reversed(items)), None)
    if isinstance(end, Entry):
        following = {"line": end.next_line, "chain": end.chain.hex()}
    elif isinstance(end, Cut):
        following = {"line": end.to_line + 1, "chain": end.chain.hex()}
    else:
        following = {"line": location.line, "chain": location.chain.hex()}
    head = location.head
    answer = {
        "v": 1,
        "run": run_id,
        "epoch": head.epoch,
        **start,
        **style_at(store, run_id, location),
        "entries": [item.wire() for item in items],
        "next": following,
        "lines": head.line - 1,
        "state": str(head.state),
    }
    # A cut grows; an entry between others never changes within an epoch.
    return answer, full and not any(isinstance(item, Cut) for item in items)


def make_logs(store: Store, stop: threading.Event, slots: Slots) -> Blueprint:
    """Return the routes.

    :param stop: set when this service ends; streams then end, too.
    """
    routes = Blueprint("logs", __name__)

    @routes.get("/runs/<run_id>/log.txt")
    @allows("log:read", on="run")
    @describe(
        RouteMeta(
            "getLogText",
            "logs",
            "The output, byte for byte as it is stored",
            "With `follow` the response continues with new output until the run ends.",
            {200: "The output; headers say what is known of the whole log."},
            query=TextQuery,
            media_type="text/plain",
            problems=(404,),
        )
    )
    def text(run_id: str) -> Response:
        query = read_query(request, TextQuery)
        run = read_run(store, run_id)
        location = locate(store, run_id, 1)
        headers = text_headers(run)
        if query.follow:
            release = slots.acquire(FOLLOW)
            body = followed(store, run_id, location, stop=stop, gone=gone_check(request.environ))
            headers |= LIVE
        else:
            release = slots.acquire(DOWNLOAD)
            body = stored(store, run_id, location)
        response = Response(body, headers=headers, content_type="text/plain; charset=utf-8")
        response.call_on_close(release)
        return response

    @routes.get("/runs/<run_id>/log")
    @allows("log:read", on="run")
    @describe(
        RouteMeta(
            "getLogEntries",
            "logs",
            "A window of whole entries",
            "Entries carry digests, so that a reader can check that nothing is missing. `next` says where to continue.",
            {200: "The entries, and where to continue."},
            returns=responses.Window,
            query=WindowQuery,
            problems=(404, 409),
        )
    )
    def entries(run_id: str) -> Response:
        query = read_query(request, WindowQuery)
        chain = bytes.fromhex(query.chain) if query.chain else None
        location = locate(store, run_id, query.from_line or 1, chain)
        epoch = location.head.epoch
        if (chain is not None and not location.matched) or query.epoch not in (None, epoch):
            raise Problem(
                409,
                "position",
                "This position is not in the log",
                "The stored log is not the one that was read before. Read it again without `chain` and `epoch`.",
                epoch=epoch,
            )
        first = max(query.from_line, location.line)
        answer, unchanging = window(store, run_id, location, first + query.limit)
        cached = unchanging and query.epoch is not None and query.from_line > 0
        return json_response(answer, headers={"Cache-Control": IMMUTABLE} if cached else {})

    return routes
