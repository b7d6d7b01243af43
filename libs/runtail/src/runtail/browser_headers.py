"""The headers that tell a browser what an answer may do, the same for every answer of a service. Pure."""

from __future__ import annotations

from typing import Final

from runtail import public_url
from runtail.settings import Settings

#: A year: what scanners of sites ask for.
STRICT_TRANSPORT: Final = "max-age=31536000"
#: Our pages use none of these, and nothing in them may. The clipboard is not among them: pages copy links and commands.
UNUSED_FEATURES: Final = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "usb",
    "xr-spatial-tracking",
)
#: The Content-Security-Policy of what is no page: nothing is loaded, nothing runs, nobody frames it.
NO_PAGE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def security_headers(settings: Settings, policy: str = NO_PAGE) -> dict[str, str]:
    """Return the headers that every answer has.

    :param policy: the Content-Security-Policy.
    """
    headers = {
        "Content-Security-Policy": policy,
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES),
        "X-Content-Type-Options": "nosniff",
        # For browsers that do not know frame-ancestors.
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if public_url.is_https(settings):
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    return headers


def refusal_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of an answer that a server makes before it asks the application."""
    return {
        **security_headers(settings),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
