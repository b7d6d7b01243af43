"""The sender of a request, and its rights."""

from __future__ import annotations

from flask import Blueprint, Response

from runtail.access.decision import allowed
from runtail.access.rights import RIGHTS
from runtail.protocol import VERSION
from runtail_web import responses
from runtail_web.authorization import allows, principal
from runtail_web.json_response import json_response
from runtail_web.login.wiring import Login
from runtail_web.route_meta import RouteMeta, describe


def make_session(login: Login) -> Blueprint:
    """Return the route."""
    routes = Blueprint("session", __name__)

    @routes.get("/session")
    @allows("login")
    @describe(
        RouteMeta(
            "getSession",
            "service",
            "Who you are here, and what you may do",
            "Ask for it to know which actions to offer. An action on one run can still be refused.",
            {200: "The sender of this request."},
            returns=responses.Session,
        )
    )
    def session() -> Response:
        who = principal()
        return json_response(
            {
                "v": VERSION,
                "modes": sorted(login.modes),
                "kind": who.kind,
                "id": who.id,
                "name": who.name,
                "rights": [right for right in RIGHTS if allowed(who, right)],
                "ends_ms": login.ends_ms(who),
                "can_log_out": login.can_end(who),
                "exposed": login.exposed,
            }
        )

    return routes
