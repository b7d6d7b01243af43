"""Who may talk to us, and what a page of ours may do in a browser.

The check of ``Host`` keeps away a foreign page that points its own name at this
machine (DNS rebinding), that of ``Origin`` keeps any other page from starting
runs, and that of ``Sec-Fetch-Site`` keeps such a page from making us work for
nothing. A request that is known by its cookie needs more, because a browser
sends cookies with whatever a foreign page asks for: see :func:`check_same_origin`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request

from runtail import public_url
from runtail.browser_headers import security_headers
from runtail.door import Door
from runtail.settings import Settings
from runtail_web.auditing import note
from runtail_web.mount import OUTSIDE
from runtail_web.problems import Problem

ORIGINS_SETTING = (
    "RUNTAIL_ALLOWED_ORIGINS (with the Helm chart: access.origins) lists the origins that may use the API."
)
#: Methods that change nothing; a test holds every route to it.
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_DOOR: Final = "runtail.door"


def socket_sources(socket_url: str) -> str:
    """Return the sources that ``connect-src`` needs besides ``'self'`` for the relay at *socket_url*."""
    if not socket_url:
        return ""
    parts = urlsplit(socket_url)
    scheme = "wss" if parts.scheme in ("https", "wss") else "ws"
    return f" {scheme}://{parts.netloc}"


def content_security_policy(settings: Settings) -> str:
    """Return the policy for every answer: our own scripts and styles, and nothing inline."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            f"connect-src 'self'{socket_sources(settings.socket_url)}",
            "require-trusted-types-for 'script'",
            # Nobody may declare text to be a script, not even our own pages.
            "trusted-types 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        )
    )


def _is_page_visit() -> bool:
    """Tell whether a browser follows a link to one of our pages."""
    return (
        request.method in ("GET", "HEAD")
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest", "document") == "document"
        and not request.path.startswith("/api/v")
    )


def check_same_origin(request: Request) -> None:
    """Check that one of our own pages sent a request, as its browser says. For requests that change something.

    :raises Problem: 403 if the browser says something else, or nothing.
    """
    door: Door = current_app.extensions[_DOOR]
    origin = request.headers.get("Origin")
    if origin is None:
        same = request.headers.get("Sec-Fetch-Site") == "same-origin"
    else:
        same = door.is_own(origin, request.headers.get("Host", ""))
    if not same:
        raise Problem(
            403,
            "csrf",
            "Only pages of Runtail may do this",
            "The request came with a login that browsers show by themselves (a cookie, or a proxy's), and neither "
            "Origin nor Sec-Fetch-Site says that a page of Runtail sent it. Programs send a token instead.",
        )


def install_same_origin(app: Flask) -> None:
    """Check every request that is known by a login that browsers show by themselves (``g.ambient``).

    Call this after the sender is identified.
    """

    @app.before_request
    def check_ambient() -> None:
        if getattr(g, "ambient", False) and request.method not in SAFE_METHODS:
            check_same_origin(request)


def install(app: Flask, settings: Settings) -> None:
    """Check the Host and Origin of every request, and set the headers of every answer."""
    door = app.extensions[_DOOR] = Door(settings)
    always = security_headers(settings, content_security_policy(settings))
    ours = f"Ours are of {public_url.origin(settings)!r} (RUNTAIL_PUBLIC_URL). " if settings.public_url else ""

    @app.before_request
    def check() -> Response | None:
        host = request.headers.get("Host", "").lower()
        if not door.knows_host(host):
            raise Problem(
                403,
                "host",
                "This host name is not allowed",
                f"The request was for {host!r}. RUNTAIL_ALLOWED_HOSTS lists the names this service answers to "
                "(with the Helm chart: access.hosts).",
            )
        if "token" in request.args:
            note("denied", right="login", why="token-in-address")
            raise Problem(
                400,
                "token-in-address",
                "A token does not belong in an address",
                "Logs and histories keep it. Revoke this token, and send a new one in Authorization: Bearer.",
            )
        origin = request.headers.get("Origin", "").lower()
        listed = door.is_listed(origin)
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and not listed and not _is_page_visit():
            raise Problem(
                403,
                "cross-site",
                "Requests from pages of other sites are not allowed",
                "The browser says that a page of another site sent this request. Links to pages may be followed; "
                f"{ORIGINS_SETTING}",
            )
        if origin and not listed and not door.is_own(origin, host):
            raise Problem(
                403,
                "origin",
                "This origin is not allowed",
                f"The page is one of {origin!r}. {ours}{ORIGINS_SETTING}",
            )
        if request.environ[OUTSIDE]:
            request.url_rule = None
            raise Problem(
                404,
                "not-found",
                "Runtail is not here",
                f"Everything is under {settings.base_path}/ (RUNTAIL_BASE_PATH).",
            )
        if request.method == "OPTIONS" and listed:
            return Response(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": "GET, POST, DELETE",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
                    "Access-Control-Max-Age": "600",
                },
            )
        return None

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(always)
        origin = request.headers.get("Origin", "").lower()
        if door.is_listed(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
        else:
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.vary.add("Origin")
        return response

    @app.after_request
    def stay_here(response: Response) -> Response:
        # Werkzeug redirects to a whole address, with a scheme that it guesses. A path is right whatever proxies do.
        address = f"{request.scheme}://{request.host}/"
        if response.location and response.location.startswith(address):
            response.location = f"/{response.location[len(address) :].lstrip('/')}"
        return response
