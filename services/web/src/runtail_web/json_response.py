"""Responses in JSON."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from flask import Response


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response that no cache keeps, because runs change."""
    return Response(
        orjson.dumps(body),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        content_type="application/json",
    )
