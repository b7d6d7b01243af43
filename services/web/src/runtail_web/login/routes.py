"""The routes under ``/auth``: logging in with a password or a link, and logging out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from runtail.access.principal import Principal
from runtail.auth.login_codes import use_login_code
from runtail.auth.passwords import MAX_CHARACTERS
from runtail.auth.sessions import Session, Sessions
from runtail.auth.users import User, Users, digest_of
from runtail.runs.access import anyone_at
from runtail.store import Store
from runtail_web.auditing import note
from runtail_web.authorization import allows, principal
from runtail_web.guard import check_same_origin
from runtail_web.json_response import json_response
from runtail_web.limits import Limits
from runtail_web.login.cookies import delete_cookie, presented, set_cookie
from runtail_web.login.users import PasswordUsers
from runtail_web.problems import Problem
from runtail_web.requests import read_body

#: Let the browser forget what this user saw. Not "cookies": that deletes those of every site of the same domain, such
#: as the provider's or a proxy's, where somebody is about to log out. Our own cookie is deleted by name.
CLEAR = '"cache", "storage"'


class LoginBody(BaseModel):
    """``POST /auth/login``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=255)]
    password: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


class LinkBody(BaseModel):
    """``POST /auth/link``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: Annotated[str, Field(min_length=1, max_length=100)]


class LogoutBody(BaseModel):
    """``POST /auth/logout``; may be empty."""

    model_config = ConfigDict(extra="forbid", strict=True)

    everywhere: bool = False


class Logins:
    """Begins and ends sessions.

    :param store: where sessions are.
    """

    def __init__(self, store: Store) -> None:
        self._settings = store.settings
        #: Called with the name of a session that its user ends; returns an address where to go on, or an empty text.
        self.leave: Callable[[str], str] = lambda _digest: ""
        self.sessions, self.users = Sessions(store), Users(store)

    def begin(self, who_id: str, name: str, user: User | None) -> Response:
        """Return the answer that gives the browser a new session; see :meth:`open`."""
        response = json_response({"name": name})
        self.open(response, who_id, name, user)
        return response

    def open(
        self, response: Response, who_id: str, name: str, user: User | None, *, seconds: float | None = None
    ) -> Session:
        """Give the browser a new session with this answer; the one that it had ends.

        :param user: None for a login by link.
        :param seconds: how long it may last at most; None: as long as the settings say.
        """
        for old in presented(self._settings):
            self.sessions.end(digest_of(old))
        note("login", principal=Principal("user" if user else "anonymous", who_id, name, frozenset()))
        secret, session = self.sessions.begin(
            "login" if user else "link", who_id, name, user, seconds=seconds,
            address=request.remote_addr or "", agent=request.headers.get("User-Agent", ""),
        )  # fmt: skip
        set_cookie(response, self._settings, secret)
        return session

    def end(self, *, everywhere: bool) -> Response:
        """Return the answer that takes the session away from the browser; it may say where to end another one."""
        who, address = principal(), ""
        if who.by_proxy:
            return self._leave()
        note("logout", why="everywhere" if everywhere else "")
        kind, _, name = who.credential.partition(":")
        if kind == "session":
            self.sessions.end(name)
            address = self.leave(name)
        if everywhere and who.kind == "user":
            self.users.end_sessions(who.id)
        response = json_response({"leads_to": address}) if address else Response(status=204)
        response.headers.update({"Clear-Site-Data": CLEAR, "Cache-Control": "no-store"})
        delete_cookie(response, self._settings)
        return response

    def _leave(self) -> Response:
        leads_to = self._settings.auth_proxy_logout_url
        if not leads_to:
            raise Problem(
                409,
                "proxy-logout",
                "The proxy logs you in and out",
                "RUNTAIL_AUTH_PROXY_LOGOUT_URL does not say where. Log out there.",
            )
        note("logout", why="proxy")
        response = json_response({"leads_to": leads_to})
        response.headers["Clear-Site-Data"] = CLEAR
        return response


def make_logout(logins: Logins) -> Blueprint:
    """Return the route of every mode with sessions."""
    routes = Blueprint("logout", __name__)

    @routes.post("/logout")
    @allows("login")
    def logout() -> Response:
        return logins.end(everywhere=read_body(request, LogoutBody, optional=True).everywhere)

    return routes


def make_password_login(logins: Logins, users: PasswordUsers, limits: Limits) -> Blueprint:
    """Return the route of mode ``password``."""
    routes = Blueprint("password_login", __name__)

    @routes.post("/login")
    @allows("public")
    def login() -> Response:
        check_same_origin(request)
        body = read_body(request, LoginBody)
        limits.begin_login(body.name, request.remote_addr)
        user = users.check(body.name, body.password)
        if user is None:
            limits.login_failed()
            # A name that nobody has may be a password in the wrong field.
            name = body.name if body.name in users.all() else ""
            note("login", "failed", why="credentials", principal=Principal("anonymous", "", name, frozenset()))
            raise Problem(
                401, "credentials", "Name or password is wrong", "Check both. Capital letters count in names, too."
            )
        limits.login_succeeded(body.name, request.remote_addr)
        known = logins.users.find(user.id)
        # Both are fingerprints that are stored here; who asks has sent neither.
        # nosemgrep: secret-comparison
        if known is None or known.gone or known.password != user.fingerprint or set(known.groups) != set(user.groups):
            known = logins.users.put(user.id, user.groups, password=user.fingerprint)
        if known.locked:
            note("login", "failed", why="locked", principal=Principal("user", user.id, user.name, frozenset()))
            raise Problem(403, "locked", "You are locked out", "An administrator did this. Ask them to let you in.")
        return logins.begin(user.id, user.name, known)

    return routes


def make_link_login(logins: Logins, store: Store, limits: Limits) -> Blueprint:
    """Return the route of mode ``link``."""
    routes = Blueprint("link_login", __name__)

    @routes.post("/link")
    @allows("public")
    def link() -> Response:
        check_same_origin(request)
        body = read_body(request, LinkBody)
        limits.check_guesses(request.remote_addr)
        if not use_login_code(store, body.code):
            limits.guessed_wrong(request.remote_addr)
            note("login", "failed", why="link")
            raise Problem(
                401,
                "link",
                "This link does not work any more",
                "A login link works once, for ten minutes. `runtail dev --link` prints another.",
            )
        return logins.begin("", anyone_at(request.remote_addr).name, None)

    return routes
