"""The Flask application: routes, guards and errors, wired together."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable

from flask import Flask

from runtail.auth.audit import Audit
from runtail.forwarded import Forwarded
from runtail.runs.start import Publisher
from runtail.settings import Settings
from runtail.store import Store
from runtail_web import auditing, authorization, guard, problems
from runtail_web.api.audit import make_audit, note_reads
from runtail_web.api.catalogue import make_catalogue
from runtail_web.api.config import make_config
from runtail_web.api.last_lines import make_last_lines
from runtail_web.api.logs import make_logs
from runtail_web.api.outline import make_outline
from runtail_web.api.reference import make_reference
from runtail_web.api.runs import make_runs
from runtail_web.api.search import make_search
from runtail_web.api.session import make_session
from runtail_web.api.shares import make_shares
from runtail_web.api.ticket import make_ticket_route
from runtail_web.api.tokens import make_tokens
from runtail_web.api.users import make_users
from runtail_web.authorization import Identify
from runtail_web.limits import Limits
from runtail_web.login import token_ends
from runtail_web.login.wiring import Login
from runtail_web.mount import Mount
from runtail_web.pages import make_pages
from runtail_web.shell import chosen_theme, plain_style
from runtail_web.slots import Slots
from runtail_web.standing import Standings

API = "/api/v1"


def create_app(
    settings: Settings,
    store: Store,
    publish: Publisher,
    stop: threading.Event,
    *,
    watch: Callable[[Flask], None],
    limits: Limits | None = None,
    login: Login | None = None,
    identify: Identify | None = None,
    audit: Audit | None = None,
    private: bool | None = None,
) -> Flask:
    """Return the application.

    :param publish: puts messages on queues.
    :param stop: set when the service ends.
    :param watch: counts requests; it comes first so that refused requests are counted too.
    :param limits: counts requests and refuses those that are too many; made of the settings if not given.
    :param login: the ways to log in; made of the settings if not given.
    :param identify: returns the sender of the current request; ``login.identify`` if not given.
    :param audit: where is written who did what; only to standard output if not given.
    :param private: no cache may show an answer without asking; by default so if people log in.
    :raises ConfigError: if a route does not say who may call it, or a setting about logins cannot be used.
    """
    login = login or Login(store)
    # A machine without a list of types knows no fonts.
    mimetypes.add_type("font/woff2", ".woff2")
    app = Flask(__name__, static_folder="static", static_url_path="/static")
    app.jinja_env.globals.update(plain_style=plain_style, chosen_theme=chosen_theme)
    # One byte more than allowed, to tell a body that was cut off at the limit from one that just fits.
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1
    watch(app)
    guard.install(app, settings)
    problems.install(app)
    limits = limits or Limits(settings)
    auditing.install(app, audit or Audit(None))
    authorization.install(app, store, identify or login.identify, limits)
    guard.install_same_origin(app)
    token_ends.install(app)
    if settings.audit_reads:
        note_reads(app)
    slots = Slots(settings.web_threads, limits)
    standings = Standings(
        login.authenticator.recheck, settings.auth_recheck_seconds, settings.auth_proxy_stream_seconds
    )
    app.register_blueprint(make_pages(store, slots, login))
    for routes in login.blueprints(limits):
        app.register_blueprint(routes, url_prefix="/auth")
    for routes in (
        make_config(settings),
        make_session(login),
        make_tokens(store, login),
        make_ticket_route(store, login),
        make_users(store),
        make_catalogue(store),
        make_runs(store, publish),
        make_shares(store, login, limits),
        make_logs(store, stop, slots, standings, private=login.required if private is None else private),
        make_search(store, stop, slots, standings),
        make_outline(store),
        make_last_lines(store),
        make_audit(store),
    ):
        app.register_blueprint(routes, url_prefix=API)
    app.register_blueprint(make_reference(app, API, login=login.required))
    authorization.refuse_unmarked(app)
    app.wsgi_app = Forwarded(Mount(app.wsgi_app, settings.base_path), settings.proxy_hops)  # type: ignore[method-assign]
    return app
