"""The routes with which a command line gets a token: see :mod:`runtail.auth.command_line`."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from runtail.access.decision import allowed
from runtail.access.rights import RIGHTS
from runtail.auth.command_line import WAIT_SECONDS, CommandLines, Confirmed
from runtail.auth.tokens import BY_NAME_ONLY, Tokens
from runtail.listening import plain
from runtail.store import Store
from runtail_web.auditing import note
from runtail_web.authorization import allows, principal
from runtail_web.json_response import json_response
from runtail_web.limits import Limits
from runtail_web.problems import Problem
from runtail_web.requests import read_body

#: How long the command line's token lasts.
TOKEN_DAYS = 30
#: How long the command line waits between two questions.
POLL_SECONDS = 2


class BeginBody(BaseModel):
    """``POST /auth/cli``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(max_length=100)] = ""


class CodeBody(BaseModel):
    """``POST /auth/cli/about`` and ``POST /auth/cli/confirm``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: Annotated[str, Field(min_length=1, max_length=20)]


class TakeBody(BaseModel):
    """``POST /auth/cli/token``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    secret: Annotated[str, Field(min_length=1, max_length=100)]


def make_command_line_login(store: Store, limits: Limits) -> Blueprint:
    """Return the routes.

    :param limits: counts who asks to be let in, and wrong codes and secrets.
    """
    routes = Blueprint("command_line_login", __name__)
    waiting, tokens = CommandLines(store), Tokens(store)

    def code() -> str:
        """Return the code of the current request, if it may be tried."""
        body = read_body(request, CodeBody)
        limits.check_guesses(request.remote_addr)
        return body.code

    def unknown() -> Problem:
        """Return the answer to a code that nobody waits with, and count it."""
        limits.guessed_wrong(request.remote_addr)
        return Problem(
            404, "unknown-code", "No command line waits with this code",
            "Check the letters, or run `runtail login` again.",
        )  # fmt: skip

    @routes.post("/cli")
    @allows("public", limit="changes")
    def begin() -> Response:
        body = read_body(request, BeginBody, optional=True)
        limits.begin_command_line(request.remote_addr)
        begun = waiting.begin(plain(request.remote_addr or ""), body.name)
        answer = {"code": begun.code, "secret": begun.secret, "seconds": WAIT_SECONDS, "poll_seconds": POLL_SECONDS}
        return json_response(answer, 201)

    @routes.post("/cli/about")
    @allows("token:own")
    def about() -> Response:
        found = waiting.about(code())
        if found is None:
            raise unknown()
        rights = [right for right in RIGHTS if right not in BY_NAME_ONLY and allowed(principal(), right)]
        return json_response({**found, "rights": rights, "days": TOKEN_DAYS})

    @routes.post("/cli/confirm")
    @allows("token:own")
    def confirm() -> Response:
        if principal().kind == "token":
            raise Problem(403, "forbidden", "You may not do this", "A token cannot make tokens. Log in as its owner.")
        rights = [right for right in RIGHTS if right not in BY_NAME_ONLY and allowed(principal(), right)]
        if not waiting.confirm(code(), principal().id, principal().name, rights):
            raise unknown()
        note("login", why="command line")
        return Response(status=204)

    @routes.post("/cli/token")
    @allows("public")
    def take() -> Response:
        taken = waiting.take(read_body(request, TakeBody).secret)
        if not isinstance(taken, Confirmed):
            if taken:
                return json_response({"poll_seconds": POLL_SECONDS}, 202)
            limits.guessed_wrong(request.remote_addr)
            raise Problem(404, "unknown-code", "Nobody waits with this secret", "Run `runtail login` again.")
        text, token = tokens.make("command line", taken.owner_id, taken.owner_name, taken.rights, TOKEN_DAYS)
        note("token-made", right=",".join(sorted(taken.rights)), why=token.id)
        return json_response({"token": text.text, "name": taken.owner_name, "ends_ms": token.ends_ms}, 201)

    return routes
