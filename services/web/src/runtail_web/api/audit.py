"""The audit log for administrators, and the entries about those who read logs."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, request

from runtail.auth.audit_entry import Entry
from runtail.auth.audit_log import Place, Wanted, read_page
from runtail.store import Store
from runtail_web import responses
from runtail_web.auditing import note
from runtail_web.authorization import allows, requirement_of
from runtail_web.json_response import json_response
from runtail_web.problems import invalid
from runtail_web.requests import AuditQuery, read_query
from runtail_web.route_meta import RouteMeta, describe

_PLACE = re.compile(rb"([0-9]{1,16})-([0-9]{1,16})")


def note_reads(app: Flask) -> None:
    """Write an entry whenever a log was read."""

    @app.after_request
    def read(response: Response) -> Response:
        view = current_app.view_functions.get(request.endpoint or "")
        requirement = requirement_of(view) if view is not None else None
        if requirement is not None and requirement.right == "log:read" and response.status_code < 400:
            for run_id in runs_read():
                note("log-read", run=run_id, right="log:read")
        return response


def runs_read() -> list[str]:
    """Return the run in the address, or those of which the view says in ``g.runs_read`` that it shows their lines."""
    arguments = request.view_args or {}
    return [str(arguments["run_id"])] if "run_id" in arguments else list(g.get("runs_read", ()))


def make_audit(store: Store) -> Blueprint:
    """Return the route."""
    routes = Blueprint("audit", __name__)

    @routes.get("/audit")
    @allows("admin")
    @describe(
        RouteMeta(
            "listAudit",
            "audit",
            "The audit log, newest first",
            "All given filters must match. Only `next: null` marks the end: an earlier page may be short. This is the "
            "store's copy; the complete log is what the services write to standard output. Reading it adds an entry.",
            {200: "A page of the audit log."},
            returns=responses.AuditLog,
            query=AuditQuery,
        )
    )
    def listed() -> Response:
        query = read_query(request, AuditQuery)
        after = _decoded(query.cursor)
        asked = query.model_dump(exclude_none=True, exclude={"limit", "cursor"})
        note("audit-read", right="admin", why=" ".join(f"{name}={value}" for name, value in asked.items()))
        wanted = Wanted(
            who=query.who,
            events=frozenset(query.event.split(",")) if query.event else None,
            run=query.run,
            since_ms=query.since,
            until_ms=query.until,
        )
        page = read_page(store, wanted, limit=query.limit, after=after)
        entries = [_shown(place, entry) for place, entry in page.entries]
        return json_response({"entries": entries, "next": _encoded(page.following)})

    return routes


def _shown(place: Place, entry: Entry) -> dict[str, Any]:
    return {"id": place.id, **entry.fields()}


def _encoded(place: Place | None) -> str | None:
    return None if place is None else base64.urlsafe_b64encode(place.id.encode()).decode().rstrip("=")


def _decoded(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        found = _PLACE.fullmatch(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if found is None:
            raise ValueError(cursor)
    except (ValueError, binascii.Error):
        message = "is not the `next` of a page; leave it out to begin with the newest entry"
        raise invalid([{"field": "cursor", "message": message}], "The values of the query") from None
    return Place(int(found[1]), int(found[2]))
