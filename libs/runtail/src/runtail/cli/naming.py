"""Runs as people name them: by a whole id, or by its beginning."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from runtail.cli.failure import Failure, Refused
from runtail.cli.web import Web, run_path

#: Fewer characters are sooner a slip than a name.
MIN_CHARS = 4
#: So many of the runs that a beginning may mean are listed.
SHOWN = 5
#: Celery's own ids have as many characters.
_UUID_CHARS = 36
#: What stands after the id of an earlier execution.
_EXECUTION = re.compile(r"~[0-9]+\Z")


def whole_id(web: Web, named: str) -> str:
    """Return the id of the run that has this id, or else of the only one whose id begins so.

    A beginning also names an earlier execution: ``4f0c~1``.

    :raises Failure: if no run is meant, or more than one.
    :raises Unreachable: if the web service does not answer.
    """
    execution = _EXECUTION.search(named)
    beginning = named[: execution.start()] if execution else named
    if len(beginning) >= _UUID_CHARS:
        return named
    try:
        web.get(run_path(named))
    except Refused as refused:
        if refused.code != "unknown-run":
            return named  # there is one; the command itself will say what stands in its way
        unknown = refused
    else:
        return named
    if len(beginning) < MIN_CHARS:
        raise unknown
    found = _beginning_with(web, beginning)
    if len(found) > 1:
        raise Failure(_ambiguous(beginning, found), {
            "title": "Several runs have ids that begin so", "code": "ambiguous-run", "status": 409,
            "runs": [run["id"] for run in found[:SHOWN]],
        })  # fmt: skip
    if not found:
        raise Failure(
            f"There is no such run. No id begins with {beginning!r}; `runtail runs` lists the runs there are.",
            unknown.problem,
        )
    return f"{found[0]['id']}{execution[0]}" if execution else str(found[0]["id"])


def _listed(web: Web, limit: int, **filters: str | None) -> Iterator[Mapping[str, Any]]:
    """Yield the runs of the list, the newest first, and ask for a page only when it is needed.

    :param limit: how many a page has.
    """
    cursor = None
    while True:
        page = web.get("/runs", **filters, limit=limit, cursor=cursor)
        yield from page["runs"]
        cursor = page["next"]
        if cursor is None:
            return


def _beginning_with(web: Web, beginning: str) -> list[Mapping[str, Any]]:
    """Return runs whose ids begin so, the newest first: one more than are listed, or all."""
    found: dict[str, Mapping[str, Any]] = {}
    for run in _listed(web, 50, id=beginning):
        # An id that was used again means its newest execution, which comes first.
        if _EXECUTION.sub("", run["id"]) not in found:
            found[run["id"]] = run
        if len(found) > SHOWN:
            break
    return list(found.values())


def _ambiguous(beginning: str, found: Sequence[Mapping[str, Any]]) -> str:
    from runtail.cli.times import span
    from runtail.words import clean

    now_ms = time.time() * 1000
    rows = []
    for run in found[:SHOWN]:
        age = span(max(0.0, (now_ms - run["created_ms"]) / 1000))
        rows.append(f"  {run['id']}  {run['state']:9}  {clean(run['task'])}  {age} ago")
    many, more = (str(len(found)), []) if len(found) <= SHOWN else (f"more than {SHOWN}", ["  …"])
    said = f"The ids of {many} runs begin with {beginning!r}. Write more of the one you mean:"
    return "\n".join([said, *rows, *more])


def newest(web: Web, task: str | None) -> str:
    """Return the id of the newest run that we started, or of the newest run of a task, whoever started it.

    :raises Failure: if there is none.
    """
    if task is not None:
        for run in _listed(web, 1, task=task):
            return str(run["id"])
        raise Failure(f"There is no run of {task}. `runtail runs` lists the runs there are.")
    me = web.get("/session")["name"]
    # (The filter finds others whose names contain ours, too.)
    for run in _listed(web, 50, who=me):
        if run["who"] == me:
            return str(run["id"])
    raise Failure(f"There is no run that you ({me}) started. With --task NAME, --last takes anyone's.")


def pages_at(web: Web) -> str:
    """Return where people find the pages: at the public URL if the web service has one, else where we reach it."""
    return str(web.get("/config").get("public_url") or web.url)


def page_url(pages: str, run_id: str) -> str:
    """Return the address of a run's page.

    :param pages: the result of :func:`pages_at`.
    """
    return f"{pages}/runs/{quote(run_id, safe='')}"
