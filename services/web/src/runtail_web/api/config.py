"""The facts that a client needs before it can follow a run."""

from __future__ import annotations

from flask import Blueprint, Response

from runtail import __version__, public_url
from runtail.protocol import VERSION
from runtail.settings import Settings
from runtail_web import responses
from runtail_web.authorization import allows
from runtail_web.json_response import json_response
from runtail_web.route_meta import RouteMeta, describe


def make_config(settings: Settings) -> Blueprint:
    """Return the route."""
    routes = Blueprint("config", __name__)

    @routes.get("/config")
    @allows("login")
    @describe(
        RouteMeta(
            "getConfig",
            "service",
            "What a client must know: the version, and where the relay is",
            "Ask for it first: `socket_url` says where logs are followed live; empty, it is this address. "
            "`base_path` comes before every path, of the relay too.",
            {200: "The configuration."},
            returns=responses.Config,
        )
    )
    def config() -> Response:
        # An empty socket_url: the relay has this service's address, because a gateway is in front of both.
        return json_response(
            {
                "v": VERSION,
                "version": __version__,
                "socket_url": settings.socket_url,
                "base_path": settings.base_path,
                "public_url": public_url.address(settings, "") if settings.public_url else "",
            }
        )

    return routes
