"""A run's log: as text, whole or followed, and as a window of entries."""

from __future__ import annotations

import threading
from typing import Any

from flask import Blueprint, Response, request

from runtail.errors import ProtocolError, RunNotFound
from runtail.log import reader
from runtail.log.reader import Head, Location, locate
from runtail.log.scan import backwards
from runtail.protocol import EVENT, Clip, Entry, event
from runtail.protocol.cursor import Cut
from runtail.runs.record import Run, read_run
from runtail.store import Store
from runtail_web import log_responses
from runtail_web.authorization import allows, shared, shared_clip
from runtail_web.json_response import json_response
from runtail_web.problems import Problem
from runtail_web.requests import TextQuery, WindowQuery, read_query
from runtail_web.route_meta import RouteMeta, describe
from runtail_web.slots import DOWNLOAD, FOLLOW, Slots
from runtail_web.standing import Standings, text_words
from runtail_web.style import links, resets, style_after
from runtail_web.text_stream import LIVE, as_stored, followed, gone_check, stored

#: A window ends after this much output, however much was asked for.
WINDOW_BYTES = 2 * 1024 * 1024
#: How far back to look for the colours in force at a line, and how many entries to read at once.
STYLE_BYTES = 256 * 1024
STYLE_ENTRIES = 4
#: For windows whose address names their epoch.
IMMUTABLE = "private, max-age=86400, immutable"
#: For the same windows where people log in: the browser asks before it shows what it kept, because the next person at
#: that browser may be somebody else.
REVALIDATED = "private, no-cache"


def text_headers(run: Run, *, part: bool) -> dict[str, str]:
    """Return the known facts about the log. The body is output and nothing else.

    :param part: the body is a part of the log; nothing is told about the rest.
    """
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": "inline",
        "Runtail-State": str(run.state),
        "Runtail-Epoch": str(run.number("epoch")),
    }
    if part:
        return headers
    headers |= {
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


def read_window(
    store: Store, run_id: str, location: Location, to_line: int, clip: Clip | None = None
) -> tuple[list[Entry | Cut], bool]:
    """Return the items from a location on, and True if there are more.

    :param clip: the lines that the reader may see; None: all. The items are not cut to them.

    Events right before line *to_line* belong to them. They end early when they have grown too large.
    """
    cursor = location.cursor
    items: list[Entry | Cut] = []
    size = 0
    done = location.beyond
    full = False
    while not done and cursor.last < location.head.last:
        _, more = as_stored(store, cursor, run_id, clip)
        done = not more
        for item in more:
            if isinstance(item, Entry):
                if item.type == "o" and (item.from_line >= to_line or size >= WINDOW_BYTES):
                    done = full = True
                    break
                size += len(item.payload)
            items.append(item)
    return items, full


def window(store: Store, run_id: str, location: Location, to_line: int) -> tuple[dict[str, Any], bool]:
    """Return a window of whole entries from a location on, and True if the window will never change.

    ``next`` says where to go on.
    """
    items, full = read_window(store, run_id, location, to_line)
    end = items[-1] if items else None
    if end is None:
        following = {"line": location.line, "chain": location.chain.hex()}
    else:
        following = {"line": line_after(end), "chain": end.chain.hex()}
    head = location.head
    answer = {
        "v": 1,
        "run": run_id,
        "epoch": head.epoch,
        "from": location.line,
        "chain": location.chain.hex(),
        **style_at(store, run_id, location),
        "entries": [item.wire() for item in items],
        "next": following,
        "lines": head.line - 1,
        "state": str(head.state),
    }
    # A cut grows; an entry between others never changes within an epoch.
    return answer, full and not any(isinstance(item, Cut) for item in items)


def line_after(item: Entry | Cut) -> int:
    """Return the number of the line after an item."""
    return item.next_line if isinstance(item, Entry) else item.to_line + 1


def part_of_window(store: Store, run_id: str, head: Head, clip: Clip, query: WindowQuery) -> dict[str, Any]:
    """Return a window of a part of a log: its lines and nothing else, without digests.

    Digests and the style in force come from lines that the reader may not see.
    """
    stored = head.line - 1
    wanted = clip.from_end(-query.from_line, stored) if query.from_line < 0 else clip.since(query.from_line)
    items, following = [], wanted.first
    if wanted.first <= wanted.lines(stored):
        location = locate(store, run_id, wanted.first)
        if location.head.epoch != head.epoch:
            raise RunNotFound(run_id)
        to_line = wanted.first + query.limit
        found, full = read_window(store, run_id, location, to_line, clip)
        items = wanted.items(found)
        following = max(wanted.first, *(line_after(item) for item in items), to_line if full and not items else 0)
    return {
        "v": 1,
        "run": run_id,
        "epoch": head.epoch,
        "from": wanted.first,
        "chain": "",
        "style": None,
        "link": "",
        "entries": [item.wire() for item in items],
        "next": {"line": following, "chain": ""},
        "lines": clip.lines(stored),
        "state": str(head.state),
    }


def make_logs(
    store: Store, stop: threading.Event, slots: Slots, standings: Standings, *, private: bool = False
) -> Blueprint:
    """Return the routes.

    :param stop: set when this service ends; streams then end, too.
    :param standings: says whether a reader may read on.
    :param private: people log in, so that no cache may show an answer without asking.
    """
    routes = Blueprint("logs", __name__)

    def changed(epoch: int) -> Problem:
        return Problem(
            409,
            "position",
            "This position is not in the log",
            "The stored log is not the one that was read before. Read it again without `chain` and `epoch`.",
            epoch=epoch,
        )

    @routes.get("/runs/<run_id>/log.txt")
    @allows("log:read", on="run", part=True)
    @describe(
        RouteMeta(
            "getLogText",
            "logs",
            "The output, byte for byte as it is stored",
            "With `follow` the response continues with new output until the run ends. It breaks off, with a line that "
            "says why, when you may not read it any more.",
            {200: "The output; headers say what is known of the whole log."},
            query=TextQuery,
            media_type="text/plain",
            problems=(404,),
        )
    )
    def text(run_id: str) -> Response:
        query = read_query(request, TextQuery)
        run = read_run(store, run_id)
        standing = standings.of_sender(run, follows=query.follow)
        log = shared()
        location = locate(store, run_id, log.clip.first if log else 1)
        clip = shared_clip(location.head)
        headers = text_headers(run, part=clip is not None)
        if query.follow:
            release = slots.acquire(FOLLOW)
            gone = gone_check(request.environ)
            body = followed(store, run_id, location, clip, stop=stop, gone=gone, login_changed=standing.look_soon)
            headers |= LIVE
        else:
            release = slots.acquire(DOWNLOAD)
            body = stored(store, run_id, location, clip)
        guarded = standing.guard(body, text_words)
        response = Response(guarded, headers=headers, content_type="text/plain; charset=utf-8")
        response.call_on_close(release)
        return response

    @routes.get("/runs/<run_id>/log")
    @allows("log:read", on="run", part=True)
    @describe(
        RouteMeta(
            "getLogEntries",
            "logs",
            "A window of whole entries",
            "Entries carry digests, so that a reader can check that nothing is missing. `next` says where to continue.",
            {
                200: "The entries, and where to continue.",
                304: "The window is as `If-None-Match` says; only where people log in.",
            },
            returns=log_responses.Window,
            query=WindowQuery,
            problems=(404, 409),
        )
    )
    def entries(run_id: str) -> Response:
        query = read_query(request, WindowQuery)
        if shared() is not None:
            head = reader.head(store, run_id)
            clip = shared_clip(head)
            assert clip is not None
            if query.epoch not in (None, head.epoch):
                raise changed(head.epoch)
            return json_response(part_of_window(store, run_id, head, clip, query))
        chain = bytes.fromhex(query.chain) if query.chain else None
        location = locate(store, run_id, query.from_line or 1, chain)
        epoch = location.head.epoch
        if (chain is not None and not location.matched) or query.epoch not in (None, epoch):
            raise changed(epoch)
        first = max(query.from_line, location.line)
        answer, unchanging = window(store, run_id, location, first + query.limit)
        if not (unchanging and query.epoch is not None and query.from_line > 0):
            return json_response(answer)
        if not private:
            return json_response(answer, headers={"Cache-Control": IMMUTABLE})
        response = json_response(answer, headers={"Cache-Control": REVALIDATED})
        response.add_etag()
        response.make_conditional(request)
        return response

    return routes
