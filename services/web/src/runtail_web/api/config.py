"""What a client must know before it can follow a run."""

from __future__ import annotations

from flask import Blueprint, Response

from runtail import __version__
from runtail.protocol import VERSION
from runtail.settings import Settings
from runtail_web import shapes
from runtail_web.answers import json_answer
from runtail_web.described import Described, describe


def make_config(settings: Settings) -> Blueprint:
    """Return the route."""
    routes = Blueprint("config", __name__)

    @routes.get("/config")
    @describe(
        Described(
            "getConfig",
            "service",
            "What a client must know: the version, and where the relay is",
            "Ask for it first: `socket_url` says where logs are followed live; empty, it is this address.",
            {200: "The configuration."},
            returns=shapes.Config,
        )
    )
    def config() -> Response:
        # Empty: the relay is where this service is (a gateway stands before both).
        return json_answer({"v": VERSION, "version": __version__, "socket_url": settings.socket_url})

    return routes
