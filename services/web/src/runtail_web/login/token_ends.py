"""Answers to a token that ends soon say so, because people forget about tokens in programs."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, g

#: When the token of the request ends, in ms since 1970.
HEADER: Final = "Runtail-Token-Ends"


def install(app: Flask) -> None:
    """Let answers say that a token ends soon."""

    @app.after_request
    def say(response: Response) -> Response:
        who = g.get("principal")
        if who is not None and who.ends_ms is not None:
            response.headers[HEADER] = str(who.ends_ms)
        return response
