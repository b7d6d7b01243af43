"""``python -m tests.openapi``: print the API's description. It is made of the routes and needs no store."""

from __future__ import annotations

import sys
import threading

import orjson

from runtail.settings import load_settings
from runtail.store import Store
from runtail_web.app import API, create_app
from runtail_web.openapi import document


def described() -> bytes:
    """The description as the service serves it."""
    settings = load_settings({})
    app = create_app(settings, Store(settings), lambda *_: None, threading.Event(), watch=lambda _: None)
    return orjson.dumps(document(app, API), option=orjson.OPT_INDENT_2)


if __name__ == "__main__":
    sys.stdout.buffer.write(described())
