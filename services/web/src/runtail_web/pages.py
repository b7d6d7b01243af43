"""The pages ``/``, ``/runs/<id>`` and ``/runs/<id>/text``, and the files that they load."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from runtail.errors import RuntailError
from runtail.store import Store
from runtail.words import clean
from runtail_web.authorization import allows
from runtail_web.problems import Problem, of_error, run_page
from runtail_web.requests import TextPageQuery, read_query
from runtail_web.shell import PagesMissing, render
from runtail_web.slots import TEXT_PAGE, Slots
from runtail_web.text_page import read_page

#: Names under this path contain a hash of the content.
HASHED = "/static/assets/"
TEXT_STYLE = Path(__file__).parent / "reference" / "text.css"


def make_pages(store: Store, slots: Slots) -> Blueprint:
    """Return the routes of the pages."""
    pages = Blueprint("pages", __name__)

    def shell(run_id: str | None = None) -> Response:
        try:
            text = render(store.settings.socket_url, run_id, port_forward=store.settings.port_forward_command)
        except PagesMissing:
            raise Problem(
                503, "pages", "The pages were not built", "Run `make ui`; the API works without them."
            ) from None
        return Response(text, headers={"Cache-Control": "no-cache"}, content_type="text/html; charset=utf-8")

    @pages.get("/")
    @allows("public")
    def runs() -> Response:
        return shell()

    @pages.get("/runs")
    @pages.get("/runs/")
    @allows("public")
    def list_of_runs() -> WerkzeugResponse:
        # For people who shorten a run's address.
        return redirect("/")

    @pages.get("/runs/<run_id>")
    @allows("public")
    def run(run_id: str) -> Response:
        return shell(run_id)

    @pages.get("/runs/<run_id>/text")
    @allows("log:read", on="run")
    def text(run_id: str) -> Response:
        try:
            query = read_query(request, TextPageQuery)
            release = slots.acquire(TEXT_PAGE)
            try:
                page = read_page(store, run_id, query.from_line, query.limit)
            finally:
                release()
        except (Problem, RuntailError) as error:
            return of_error(error).page()
        body = render_template(
            "text.html",
            page=page,
            run_page=run_page(run_id),
            task=clean(page.run.text("task")) or "run",
            name=clean(run_id),
            why=clean(page.run.text("why")),
            download=f"/api/v1{run_page(run_id)}/log.txt",
        )
        return Response(body, headers={"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")

    @pages.get("/text.css")
    @allows("public")
    def text_style() -> Response:
        return Response(TEXT_STYLE.read_bytes(), headers={"Cache-Control": "no-cache"}, content_type="text/css")

    @pages.after_app_request
    def cache(response: Response) -> Response:
        if request.path.startswith(HASHED) and response.status_code == 200:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    return pages
