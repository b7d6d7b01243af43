"""The Flask application: routes, guards and errors, wired together."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flask import Flask

from runtail.runs.start import Publisher
from runtail.settings import Settings
from runtail.store import Store
from runtail_web import authorization, guard, problems
from runtail_web.api.catalogue import make_catalogue
from runtail_web.api.config import make_config
from runtail_web.api.logs import make_logs
from runtail_web.api.outline import make_outline
from runtail_web.api.reference import make_reference
from runtail_web.api.runs import make_runs
from runtail_web.api.search import make_search
from runtail_web.authorization import Identify, anyone_at_this_address
from runtail_web.pages import make_pages
from runtail_web.slots import Slots

API = "/api/v1"


def create_app(
    settings: Settings,
    store: Store,
    publish: Publisher,
    stop: threading.Event,
    *,
    watch: Callable[[Flask], None],
    identify: Identify = anyone_at_this_address,
) -> Flask:
    """Return the application.

    :param publish: puts messages on queues.
    :param stop: set when the service ends.
    :param watch: counts requests; it comes first so that refused requests are counted too.
    :param identify: returns the sender of the current request.
    :raises ConfigError: if a route does not say who may call it.
    """
    app = Flask(__name__, static_folder="static", static_url_path="/static")
    # One byte more than allowed, to tell a body that was cut off at the limit from one that just fits.
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1
    watch(app)
    guard.install(app, settings)
    problems.install(app)
    authorization.install(app, store, identify)
    slots = Slots(settings.web_threads)
    app.register_blueprint(make_pages(store, slots))
    for routes in (
        make_config(settings),
        make_catalogue(store),
        make_runs(store, publish),
        make_logs(store, stop, slots),
        make_search(store, stop, slots),
        make_outline(store),
    ):
        app.register_blueprint(routes, url_prefix=API)
    app.register_blueprint(make_reference(app, API))
    authorization.refuse_unmarked(app)
    return app
