"""The form of API tokens: ``rt1_<id>_<secret>_<checksum>``; of share links for programs: ``rts1_…``. Pure.

Scanners for secrets can find it, and a mistyped token can be told from one that was revoked.
"""

from __future__ import annotations

import base64
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(r"(rts?1_)([a-z2-7]{10})_([A-Za-z0-9_-]{43})_([A-Za-z0-9_-]{6})")
#: What every token begins with, and every share link for programs.
PREFIX: Final = "rt1_"
SHARE_PREFIX: Final = "rts1_"


@dataclass(frozen=True, slots=True)
class TokenText:
    """A token as it is shown once."""

    id: str
    text: str
    secret: str


def make_token(prefix: str = PREFIX) -> TokenText:
    """Return a new token: its id names it in lists and logs, and its secret has 256 random bits."""
    token_id = base64.b32encode(secrets.token_bytes(7)).decode().lower()[:10]
    secret = secrets.token_urlsafe(32)
    body = f"{prefix}{token_id}_{secret}"
    return TokenText(token_id, f"{body}_{_checksum(body)}", secret)


def read_token(text: str, prefix: str = PREFIX) -> TokenText | None:
    """Return a token; None if the text has another form or was mistyped."""
    found = _FORM.fullmatch(text)
    if found is None or found[1] != prefix or found[4] != _checksum(text[: -len("_123456")]):
        return None
    return TokenText(found[2], text, found[3])


def _checksum(body: str) -> str:
    return base64.urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, "big")).decode().rstrip("=")
