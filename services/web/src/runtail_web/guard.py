"""Who may talk to us, and what a page of ours may do in a browser.

Until there is a login, three checks protect us: that of ``Host`` keeps away a
foreign page that points its own name at this machine (DNS rebinding), that of
``Origin`` keeps any other page from starting runs, and that of
``Sec-Fetch-Site`` keeps such a page from making us work for nothing.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Flask, Response, request

from runtail.settings import Settings
from runtail_web.problems import Problem

ORIGINS_SETTING = (
    "RUNTAIL_ALLOWED_ORIGINS (with the Helm chart: access.origins) lists the origins that may use the API."
)

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?")


def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())


def host_name(host: str) -> str:
    """Return the name in a ``Host`` header, without the port; empty if the header is invalid."""
    match = _HOST.fullmatch(host)
    return match[1] if match else ""


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


def install(app: Flask, settings: Settings) -> None:
    """Check the Host and Origin of every request, and set the headers of every answer."""
    hosts = _listed(settings.allowed_hosts)
    origins = _listed(settings.allowed_origins)
    policy = content_security_policy(settings)

    @app.before_request
    def check() -> Response | None:
        host = request.headers.get("Host", "").lower()
        if host_name(host) not in hosts:
            raise Problem(
                403,
                "host",
                "This host name is not allowed",
                f"The request was for {host!r}. RUNTAIL_ALLOWED_HOSTS lists the names this service answers to "
                "(with the Helm chart: access.hosts).",
            )
        origin = request.headers.get("Origin", "").lower()
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and origin not in origins and not _is_page_visit():
            raise Problem(
                403,
                "cross-site",
                "Requests from pages of other sites are not allowed",
                "The browser says that a page of another site sent this request. Links to pages may be followed; "
                f"{ORIGINS_SETTING}",
            )
        if not origin:
            return None
        # The page's own origin, with either scheme: a proxy in front of us may have ended TLS.
        if origin not in origins and origin not in (f"http://{host}", f"https://{host}"):
            raise Problem(
                403,
                "origin",
                "This origin is not allowed",
                f"The page is one of {origin!r}. {ORIGINS_SETTING}",
            )
        if request.method == "OPTIONS" and origin in origins:
            return Response(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": "GET, POST, DELETE",
                    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
                    "Access-Control-Max-Age": "600",
                },
            )
        return None

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        origin = request.headers.get("Origin", "").lower()
        if origin and origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
        else:
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.vary.add("Origin")
        return response
