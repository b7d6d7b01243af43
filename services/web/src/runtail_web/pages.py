"""The pages: ``/``, ``/runs/<id>`` and what they load."""

from __future__ import annotations

from flask import Blueprint, Response, request

from runtail.settings import Settings
from runtail_web.problems import Problem
from runtail_web.shell import PagesMissing, render

#: Names under this path contain a hash of the content.
HASHED = "/static/assets/"


def make_pages(settings: Settings) -> Blueprint:
    """Return the routes of the pages."""
    pages = Blueprint("pages", __name__)

    def shell() -> Response:
        try:
            text = render(settings.socket_url)
        except PagesMissing:
            raise Problem(
                503, "pages", "The pages were not built", "Run `make ui`; the API works without them."
            ) from None
        return Response(text, headers={"Cache-Control": "no-cache"}, content_type="text/html; charset=utf-8")

    @pages.get("/")
    def runs() -> Response:
        return shell()

    @pages.get("/runs/<run_id>")
    def run(run_id: str) -> Response:  # noqa: ARG001 - the page reads its own address
        return shell()

    @pages.after_app_request
    def cache(response: Response) -> Response:
        if request.path.startswith(HASHED) and response.status_code == 200:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    return pages
