"""``python -m tests.openapi``: print the API's description. It is made of the routes and needs no store.

With ``--schemas`` only what answers and bodies look like, for the page's types.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import orjson

from runtail.settings import load_settings
from runtail.store import Store
from runtail_web.app import API, create_app
from runtail_web.openapi import document


def described() -> dict[str, Any]:
    """The description as the service serves it."""
    settings = load_settings({})
    app = create_app(settings, Store(settings), lambda *_: None, threading.Event(), watch=lambda _: None)
    return document(app, API)


def schemas(description: dict[str, Any]) -> dict[str, Any]:
    """A description of the schemas alone, without the titles that repeat their names."""
    return {**description, "paths": {}, "components": _untitled(description["components"])}


def _untitled(part: Any) -> Any:
    if isinstance(part, list):
        return [_untitled(one) for one in part]
    if not isinstance(part, dict):
        return part
    # A title is a text; a property may be called so, too.
    return {name: _untitled(value) for name, value in part.items() if name != "title" or not isinstance(value, str)}


if __name__ == "__main__":
    found = described()
    found = schemas(found) if "--schemas" in sys.argv[1:] else found
    sys.stdout.buffer.write(orjson.dumps(found, option=orjson.OPT_INDENT_2))
