"""The session's cookie, and that of a login at a provider."""

from __future__ import annotations

from flask import Response, request

from runtail.auth.authenticator import cookies, port_of
from runtail.public_url import cookie_name, cookie_path, is_https
from runtail.settings import Settings


def set_cookie(response: Response, settings: Settings, secret: str) -> None:
    """Give the browser a session."""
    name = cookie_name(settings, port_of(request.environ))
    _set(response, settings, name, secret, settings.auth_session_seconds)


def delete_cookie(response: Response, settings: Settings) -> None:
    """Take the session away from the browser."""
    response.delete_cookie(
        cookie_name(settings, port_of(request.environ)),
        path=cookie_path(settings),
        secure=is_https(settings),
        httponly=True,
        samesite="Lax",
    )


def presented(settings: Settings) -> list[str]:
    """Return the values of the cookies that the request has for a session."""
    return cookies(request.environ, cookie_name(settings, port_of(request.environ)))


def attempt_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie of a browser that logs in at a provider."""
    return f"{cookie_name(settings, port_of(request.environ))}-login"


def set_attempt_cookie(response: Response, settings: Settings, value: str, seconds: int) -> None:
    """Give the browser a number by which it is known again when the provider sends it back."""
    # Coming back is a navigation from the provider's site, with which Lax lets a cookie go.
    _set(response, settings, attempt_cookie_name(settings), value, seconds)


def _set(response: Response, settings: Settings, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=cookie_path(settings),
        secure=is_https(settings),
        httponly=True,
        samesite="Lax",
    )
