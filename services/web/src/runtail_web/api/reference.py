"""The API's own description: for programs, and as a page for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, render_template, request

from runtail_web.authorization import allows
from runtail_web.json_response import json_response
from runtail_web.openapi import document

STYLE = Path(__file__).parents[1] / "reference" / "api.css"


def make_reference(app: Flask, prefix: str, *, login: bool) -> Blueprint:
    """Return the routes; register them last, because they describe the others.

    :param prefix: the API's path.
    :param login: people log in here.
    """
    routes = Blueprint("reference", __name__)
    made: dict[str, Any] = {}

    def described() -> dict[str, Any]:
        if not made:
            made.update(document(app, prefix, request.script_root, login=login))
        return made

    @routes.get(f"{prefix}/openapi.json")
    @allows("login")
    def openapi() -> Response:
        return json_response(described())

    @routes.get("/api", strict_slashes=False)
    @allows("login")
    def page() -> Response:
        root = request.url_root.rstrip("/")
        text = render_template("api.html", api=described(), address=f"{prefix}/openapi.json", root=root, login=login)
        return Response(text, headers={"Cache-Control": "no-cache"}, content_type="text/html; charset=utf-8")

    @routes.get("/api/api.css")
    @allows("public")
    def style() -> Response:
        return Response(STYLE.read_bytes(), headers={"Cache-Control": "no-cache"}, content_type="text/css")

    return routes
