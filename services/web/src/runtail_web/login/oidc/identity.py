"""Who somebody is by the provider's claims. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from runtail.auth.sessions import MAX_TEXT
from runtail.words import clean
from runtail_web.login.oidc.config import Config
from runtail_web.login.oidc.errors import TokenInvalid

#: The longest subject that OpenID Connect allows.
MAX_SUBJECT: Final = 255
#: More groups than this are not kept: rules name few.
MAX_GROUPS: Final = 1000
#: What stands for a name if the claim with the name is missing.
_OTHER_NAMES: Final = ("name", "email")
#: What the ids of these users begin with.
PREFIX: Final = "oidc:"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom the provider knows.

    :param name: for people; rules never read it.
    :param provider_session: the session at the provider (``sid``); empty if it did not say.
    """

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]
    provider_session: str

    @property
    def who_id(self) -> str:
        """The user's id, for rules: no other provider and no other user can have it."""
        return id_of(self.issuer, self.subject)


def id_of(issuer: str, subject: str) -> str:
    """Return the id of a user."""
    return f"{PREFIX}{issuer}:{subject}"


def subject_of(who_id: str, issuer: str) -> str:
    """Return the subject of an id; empty if it is not of this provider."""
    prefix = id_of(issuer, "")
    return who_id[len(prefix) :] if who_id.startswith(prefix) else ""


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim: one with this very name, else the one at the path with dots; None if there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def read_identity(claims: Mapping[str, Any], config: Config) -> Identity:
    """Return who the claims are about. What is not a text is no group.

    :raises TokenInvalid: if they have no subject that can be used.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise TokenInvalid("it names no subject that can be used (sub)")
    named = [claim_at(claims, name) for name in (config.name_claim, *_OTHER_NAMES)]
    name = next((shown for one in named if isinstance(one, str) and (shown := clean(one).strip())), subject)
    listed = claim_at(claims, config.groups_claim)
    groups = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
    kept = sorted({one for one in groups if isinstance(one, str) and 0 < len(one) <= MAX_TEXT})
    session = claims.get("sid")
    return Identity(
        config.issuer,
        subject,
        name[:MAX_TEXT],
        tuple(kept[:MAX_GROUPS]),
        session if isinstance(session, str) else "",
    )
