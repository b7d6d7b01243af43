"""Tickets with which pages of other origins connect to a relay."""

from __future__ import annotations

from flask import Blueprint, Response, request

from runtail.auth.tickets import TICKET_SECONDS, make_ticket
from runtail.door import Door
from runtail.store import Store
from runtail_web import responses
from runtail_web.authorization import allows, principal
from runtail_web.guard import ORIGINS_SETTING
from runtail_web.json_response import json_response
from runtail_web.login.wiring import Login
from runtail_web.problems import Problem, no_login
from runtail_web.requests import EmptyBody, read_body
from runtail_web.route_meta import RouteMeta, describe


def make_ticket_route(store: Store, login: Login) -> Blueprint:
    """Return the route."""
    routes = Blueprint("ticket", __name__)
    door = Door(store.settings)

    @routes.post("/ticket")
    @allows("login")
    @describe(
        RouteMeta(
            "makeTicket",
            "service",
            "Make a ticket for the relay",
            "For pages of RUNTAIL_ALLOWED_ORIGINS, which send their token here. Connect to the relay with "
            "`auth: {ticket}`: once, within 30 seconds, from the same origin.",
            {201: "The ticket."},
            returns=responses.Ticket,
            body=EmptyBody,
            body_required=False,
            problems=(409,),
        )
    )
    def made() -> Response:
        read_body(request, EmptyBody, optional=True)
        if not login.required:
            raise no_login()
        origin = request.headers.get("Origin", "")
        if not door.is_listed(origin):
            raise Problem(
                403,
                "ticket-origin",
                "Tickets are for pages of other origins",
                f"The request has {f'the origin {origin!r}' if origin else 'no Origin'}. {ORIGINS_SETTING} "
                "Others connect to the relay with their cookie or their token.",
            )
        ticket = make_ticket(store, principal().credential, origin)
        return json_response({"ticket": ticket, "seconds": TICKET_SECONDS}, 201)

    return routes
