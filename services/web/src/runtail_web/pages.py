"""The pages, their plain text, and the files that they load."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from runtail.errors import NotLoggedIn, RuntailError, StoreUnavailable
from runtail.store import Store
from runtail.words import clean
from runtail_web.authorization import NOINDEX, allows, shared, shared_clip, to_login
from runtail_web.login.wiring import Login
from runtail_web.mount import here
from runtail_web.packed import pack
from runtail_web.problems import Problem, of_error, run_page
from runtail_web.requests import TextPageQuery, read_query
from runtail_web.shell import LIST, LOG, OTHER, STATIC, PagesMissing, render
from runtail_web.slots import TEXT_PAGE, Slots
from runtail_web.text_page import read_page

#: Names under this path contain a hash of the content.
HASHED = "/static/assets/"
TEXT_STYLE = Path(__file__).parent / "reference" / "text.css"


def make_pages(store: Store, slots: Slots, login: Login) -> Blueprint:
    """Return the routes of the pages."""
    pages = Blueprint("pages", __name__)

    def logged_in() -> bool:
        if not login.required:
            return True
        try:
            who = login.identify()
            # A guest has nothing to see on the pages that this is asked for.
            return who is not None and who.kind != "share"
        except NotLoggedIn:
            return False
        except StoreUnavailable:
            return True  # the page itself says that the store does not answer

    def shell(entry: str, run_id: str | None = None) -> WerkzeugResponse:
        return shell_of(entry, run_id) if logged_in() else to_login()

    def shell_of(entry: str, run_id: str | None = None, *, known: bool = False) -> Response:
        try:
            text = render(
                store.settings.socket_url,
                entry,
                run_id,
                base_path=request.script_root,
                logged_in=known,
                modes=login.modes,
                provider=login.provider_name,
                port_forward=store.settings.port_forward_command,
            )
        except PagesMissing:
            raise Problem(
                503, "pages", "The pages were not built", "Run `make ui`; the API works without them."
            ) from None
        return Response(text, headers={"Cache-Control": "no-cache"}, content_type="text/html; charset=utf-8")

    @pages.get("/")
    @allows("public")
    def runs() -> WerkzeugResponse:
        return shell(LIST)

    @pages.get("/login")
    @allows("public")
    def login_page() -> WerkzeugResponse:
        return shell_of(OTHER, known=logged_in()) if login.required else redirect(here("/"))

    @pages.get("/runs")
    @pages.get("/runs/")
    @allows("public")
    def list_of_runs() -> WerkzeugResponse:
        # For people who shorten a run's address.
        return redirect(here("/"))

    @pages.get("/tokens")
    @allows("public")
    def tokens() -> WerkzeugResponse:
        return shell(OTHER) if login.required else redirect(here("/"))

    @pages.get("/cli")
    @allows("public")
    def command_line() -> WerkzeugResponse:
        return shell(OTHER) if login.required else redirect(here("/"))

    @pages.get("/audit")
    @allows("public")
    def audit() -> WerkzeugResponse:
        return shell(OTHER)

    @pages.get("/watch")
    @allows("public")
    def watch() -> WerkzeugResponse:
        return shell(LOG)

    @pages.get("/runs/<run_id>")
    @allows("public")
    def run(run_id: str) -> WerkzeugResponse:
        return shell(LOG, run_id)

    @pages.get("/s/<share_id>")
    @allows("public")
    def share(share_id: str) -> WerkzeugResponse:  # noqa: ARG001 - the page reads it from its own address
        if not login.required:
            return redirect(here("/"))
        page = shell_of(LOG)
        page.headers["X-Robots-Tag"] = NOINDEX
        return page

    @pages.get("/runs/<run_id>/text")
    @allows("log:read", on="run", part=True)
    def text(run_id: str) -> Response:
        try:
            query = read_query(request, TextPageQuery)
            release = slots.acquire(TEXT_PAGE)
            try:
                log = shared()
                page = read_page(store, run_id, query.from_line, query.limit, log.clip if log else None)
                clip = shared_clip(page.head)
            finally:
                release()
        except (Problem, RuntailError) as error:
            return of_error(error).page()
        body = render_template(
            "text.html",
            page=page,
            exposed=login.exposed,
            run_page=run_page(run_id),
            task=clean(page.run.text("task")) or "run",
            name=clean(run_id),
            why="" if clip else clean(page.run.text("why")),
            guest=clip is not None,
            download=here(f"/api/v1/runs/{quote(run_id, safe='')}/log.txt"),
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
            pack(response, STATIC / (request.view_args or {})["filename"])
        return response

    return pages
