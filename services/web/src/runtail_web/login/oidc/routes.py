"""The routes under ``/auth/oidc``: to the provider, back from it, and its own message that somebody logged out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict

from runtail import public_url
from runtail.access.principal import Principal
from runtail.auth.authenticator import cookies
from runtail.auth.sessions import SECRET_CHARACTERS
from runtail.store import Store
from runtail.words import clean
from runtail_web.auditing import note
from runtail_web.authorization import allows
from runtail_web.guard import check_same_origin
from runtail_web.json_response import json_response
from runtail_web.limits import Limits
from runtail_web.login.cookies import attempt_cookie_name, set_attempt_cookie
from runtail_web.login.oidc.attempts import ATTEMPT_SECONDS, Attempt, Attempts, new_browser
from runtail_web.login.oidc.errors import MustAsk, ProviderAway, ProviderRefused, TokenInvalid
from runtail_web.login.oidc.few_lines import FewLines
from runtail_web.login.oidc.identity import id_of
from runtail_web.login.oidc.kept import Kept, KeptSessions, mark_of
from runtail_web.login.oidc.provider import Grant, Provider
from runtail_web.login.oidc.refresh import due_at
from runtail_web.login.oidc.signatures import LEEWAY_SECONDS, LOGOUT_SECONDS
from runtail_web.login.routes import Logins
from runtail_web.mount import here
from runtail_web.next_path import next_path
from runtail_web.problems import Problem, unavailable
from runtail_web.requests import read_body

log = logging.getLogger(__name__)
log.addFilter(FewLines())

#: How long a session lasts if the provider cannot be asked again.
UNREFRESHED_SECONDS: Final = 3600
#: What the log says of a failure is cut to this.
MAX_TOLD: Final = 500
#: What part of the threads may wait for the provider at once.
PART: Final = 4
#: What providers answer when somebody does not want to log in, or is not let in there.
_DENIED: Final = frozenset(("access_denied", "consent_required", "interaction_required", "login_required"))
_AWAY: Final = frozenset(("server_error", "temporarily_unavailable"))


class BeginBody(BaseModel):
    """``POST /auth/oidc/login``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    next: str = ""


class OidcLogin:
    """Logs people in and out at the provider."""

    def __init__(self, store: Store, provider: Provider, kept: KeptSessions, logins: Logins, limits: Limits) -> None:
        self._store, self._settings, self._limits = store, store.settings, limits
        self._provider, self._kept, self._logins = provider, kept, logins
        self._attempts = Attempts(store)
        self._turns = threading.BoundedSemaphore(max(1, store.settings.web_threads // PART))

    def begin(self, wanted: str) -> Response:
        """Answer where to go to log in: to the provider.

        :param wanted: the path to come back to.
        """
        self._limits.begin_provider_login(request.remote_addr)
        shown = cookies(request.environ, attempt_cookie_name(self._settings))
        # With several, one may be somebody else's.
        browser = shown[0] if len(shown) == 1 and len(shown[0]) == SECRET_CHARACTERS else new_browser()
        try:
            with self._turn():
                self._provider.metadata()
            attempt = self._attempts.begin(browser, next_path(wanted, here("/")))
            address = self._provider.login_address(attempt.state, attempt.nonce, attempt.verifier)
        except ProviderAway as error:
            log.warning("nobody can log in at the provider. %s", clean(error)[:MAX_TOLD])
            note("login", "failed", why="provider-away")
            raise unavailable("The provider does not answer; the log of the web service says more.") from error
        response = json_response({"leads_to": address})
        set_attempt_cookie(response, self._settings, browser, ATTEMPT_SECONDS)
        return response

    def end(self) -> Response:
        """Log somebody in who comes back from the provider."""
        shown = cookies(request.environ, attempt_cookie_name(self._settings))
        attempt = self._attempts.take(shown[0], request.args.get("state", "")) if len(shown) == 1 else None
        if attempt is None:
            return self._failed("expired", "no login was begun in this browser with this state", "")
        error = request.args.get("error", "")
        if error:
            why = "denied" if error in _DENIED else "away" if error in _AWAY else "refused"
            return self._failed(why, f"the provider says {error}", attempt.next)
        if request.args.get("iss", self._provider.config.issuer) != self._provider.config.issuer:
            return self._failed("refused", "the answer is of another provider (iss)", attempt.next)
        try:
            with self._turn():
                granted = self._provider.redeem(request.args.get("code", ""), attempt.nonce, attempt.verifier)
        except Problem as full:
            return self._failed("away", full.detail, attempt.next)
        except ProviderAway as away:
            return self._failed("away", str(away), attempt.next)
        except ProviderRefused as refused:
            return self._failed("refused", str(refused), attempt.next)
        except TokenInvalid as invalid:
            return self._failed("refused", f"the token must not be believed: {invalid}", attempt.next)
        return self._let_in(granted, attempt)

    def leave(self, digest: str) -> str:
        """Forget a session's tokens; return the address where to log out at the provider, empty if there is none."""
        kept = self._kept.find(digest)
        self._kept.forget(digest)
        if kept is None or not self._settings.auth_oidc_logout:
            return ""
        try:
            return self._provider.logout_address(kept.id_token)
        except ProviderAway as error:
            log.warning("somebody logged out here only, and not at the provider. %s", error)
            return ""

    def end_by_provider(self, token: str) -> Response:
        """End the sessions that a log-out at the provider is about."""
        try:
            claims = self._logout_claims(token)
        except ProviderAway as error:
            log.warning("a log-out that the provider sent could not be checked. %s", error)
            raise unavailable("The provider's keys cannot be read now.") from error
        except TokenInvalid as error:
            log.warning("a log-out that claims to be the provider's was refused: %s", error)
            note("session-ended", "failed", why="logout-token")
            raise Problem(
                400, "logout-token", "This logout token is not valid", "The web service's log says why."
            ) from error
        if not self._kept.is_done(claims["jti"]):
            self._end_named(str(claims.get("sid") or ""), str(claims.get("sub") or ""), claims["iat"])
            # Not before: should the store go away meanwhile, the provider sends the same token again.
            self._kept.note_done(claims["jti"], LOGOUT_SECONDS + 2 * LEEWAY_SECONDS)
        return Response(status=200, headers={"Cache-Control": "no-store"})

    def _logout_claims(self, token: str) -> Mapping[str, Any]:
        try:
            return self._provider.logout_token(token, asks=False)
        except MustAsk:
            # Most need no turn, so that forged ones keep neither true ones waiting nor those who log in.
            with self._turn():
                return self._provider.logout_token(token)

    def _end_named(self, provider_session: str, subject: str, issued_s: float) -> None:
        who_id = id_of(self._provider.config.issuer, subject) if subject else ""
        self._kept.note_ended(provider_session, who_id, issued_s)
        if provider_session:
            # Sessions of which the provider did not say whose they are there are found by the subject.
            marks = [mark_of(provider_session, ""), *([mark_of("", who_id)] if who_id else [])]
            for digest in self._kept.marked(marks):
                self._logins.sessions.end(digest)
                self._kept.forget(digest)
        else:
            self._logins.users.end_sessions(who_id)
        note("session-ended", principal=Principal("user", who_id, "", frozenset()), why="provider")

    def _let_in(self, granted: Grant, attempt: Attempt) -> Response:
        who, users = granted.identity, self._logins.users
        known = users.find(who.who_id)
        if known is None or set(known.groups) != set(who.groups):
            known = users.put(who.who_id, who.groups)
        users.note_seen(who.who_id, known)
        if known.locked:
            principal = Principal("user", who.who_id, who.name, frozenset())
            return self._failed("locked", "an administrator locked the user out", attempt.next, principal)
        seconds = None if granted.refresh_token else UNREFRESHED_SECONDS
        response = _redirect(attempt.next)
        session = self._logins.open(response, who.who_id, who.name, known, seconds=seconds)
        now_ms = self._store.now_ms()
        id_token = granted.id_token if self._settings.auth_oidc_logout else ""
        self._kept.keep(
            session,
            Kept(granted.refresh_token, id_token, now_ms),
            mark=mark_of(who.provider_session, who.who_id),
            due_ms=due_at(now_ms, self._settings) if granted.refresh_token else None,
        )
        if self._kept.has_ended(who.provider_session, who.who_id, granted.issued_s):
            self._logins.sessions.end(session.digest)
            self._kept.forget(session.digest)
            return self._failed("expired", "the provider has ended the session meanwhile", attempt.next)
        return response

    def _failed(self, why: str, told: str, wanted: str, principal: Principal | None = None) -> Response:
        """Lead to the login page, which has a sentence for ``why``; the log has the rest."""
        log.warning("a login at the provider failed: %s", clean(told)[:MAX_TOLD])
        nobody = Principal("anonymous", "", "", frozenset())
        note("login", "failed", why=f"provider-{why}", principal=principal or nobody)
        query = urlencode({"why": why, **({"next": wanted} if wanted else {})})
        return _redirect(f"{here('/login')}?{query}")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(blocking=False):
            raise unavailable("Too many people log in at once.")
        try:
            yield
        finally:
            self._turns.release()


def make_oidc_login(login: OidcLogin, store: Store) -> Blueprint:
    """Return the routes of mode ``oidc``."""
    routes = Blueprint("oidc_login", __name__)
    settings = store.settings

    @routes.post("/oidc/login")
    @allows("public", limit="changes")
    def begin() -> Response:
        check_same_origin(request)
        wanted = read_body(request, BeginBody).next
        origin = request.headers.get("Origin") or public_url.origin(settings)
        if origin != public_url.origin(settings):
            # The provider leads back to the public address, where a cookie of this one is not sent.
            query = urlencode({"next": next_path(wanted, here("/"))})
            return json_response({"leads_to": public_url.address(settings, f"/login?{query}")})
        return login.begin(wanted)

    @routes.get("/oidc/callback")
    @allows("public")
    def callback() -> Response:
        return login.end()

    @routes.post("/oidc/backchannel")
    @allows("public")
    def backchannel() -> Response:
        return login.end_by_provider(request.form.get("logout_token", ""))

    return routes


def _redirect(address: str) -> Response:
    return Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
