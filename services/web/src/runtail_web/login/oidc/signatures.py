"""Tokens that the provider signed: with a key that it publishes now, for us, and for now.

Which algorithms count is decided here and by the provider's metadata, never by the token: one that is signed with the
client's secret or with nothing is refused, and a key that comes inside a token counts for nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import Claims, JWTClaimsRegistry

from runtail_web.login.oidc.errors import MustAsk, ProviderAway, TokenInvalid

#: All algorithms that can count: those with a public key.
ALGORITHMS: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)
#: How far the clocks of the provider and of this machine may be apart.
LEEWAY_SECONDS: Final = 60
#: A logout token is refused when it is older.
LOGOUT_SECONDS: Final = 300
#: Keys are read again after this time, so that one that the provider withdrew is no longer believed.
KEYS_SECONDS: Final = 3600.0
#: A token with an unknown key makes us look for new keys; but not more often than this, whoever sends such tokens.
NEW_KEYS_SECONDS: Final = 10.0
_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_KEY_TYPES: Final = ("RSA", "EC", "OKP")


class Signatures:
    """Checks tokens.

    :param read_keys: returns the JSON Web Key Set that the provider publishes; raises ProviderAway.
    """

    def __init__(self, issuer: str, client_id: str, read_keys: Callable[[], Any]) -> None:
        self._issuer, self._client_id, self._read_keys = issuer, client_id, read_keys
        self._lock = threading.Lock()
        #: The keys, and when they were read.
        self._known: tuple[KeySet, float] | None = None

    def id_token(self, text: str, algorithms: frozenset[str], *, nonce: str, access_token: str) -> Claims:
        """Return the claims of an id token.

        :param algorithms: those that the provider's metadata names.
        :param nonce: what the login began with; empty when no browser takes part.
        :param access_token: what came with the token.
        :raises TokenInvalid: if it must not be believed.
        :raises ProviderAway: if the provider's keys cannot be read.
        """
        token = self._decode(text, algorithms)
        params = {"client_id": self._client_id, "nonce": nonce, "access_token": access_token}
        _check(CodeIDToken(token.claims, token.header, self._options(), params).validate, leeway=LEEWAY_SECONDS)
        return token.claims

    def logout_token(self, text: str, algorithms: frozenset[str], *, asks: bool = True) -> Claims:
        """Return the claims of a logout token.

        :param asks: read the provider's keys if that is needed.
        :raises TokenInvalid: if it must not be believed.
        :raises ProviderAway: if the provider's keys cannot be read.
        :raises MustAsk: if the keys have to be read, and must not be.
        """
        claims = self._decode(text, algorithms, asks=asks).claims
        registry = JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS, **self._options(), iat={"essential": True}, jti={"essential": True}
        )
        _check(registry.validate, claims)
        if claims["iat"] < time.time() - LOGOUT_SECONDS:
            raise TokenInvalid("it was issued long ago (iat)")
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict):
            raise TokenInvalid("it is no logout token (events)")
        if "nonce" in claims:
            raise TokenInvalid("it is an id token (nonce)")
        if not any(isinstance(claims.get(name), str) and claims[name] for name in ("sid", "sub")):
            raise TokenInvalid("it names neither a session nor a subject (sid, sub)")
        return claims

    def _options(self) -> dict[str, Any]:
        return {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }

    def _decode(self, text: str, algorithms: frozenset[str], *, asks: bool = True) -> jwt.Token:
        counting = sorted(algorithms & ALGORITHMS)
        if not counting:
            # To joserfc an empty list means the algorithms that it recommends itself.
            raise TokenInvalid("the provider names no algorithm with a public key")
        registry = JWSRegistry(algorithms=counting, strict_check_header=False)
        registry.max_header_length = 4096  # some providers put their certificates there
        try:
            try:
                return jwt.decode(text, self._key_set(KEYS_SECONDS, asks), registry=registry)
            except InvalidKeyIdError:
                return jwt.decode(text, self._key_set(NEW_KEYS_SECONDS, asks), registry=registry)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenInvalid(_why(error)) from error

    def _key_set(self, most_seconds: float, asks: bool) -> KeySet:
        """Return the provider's keys, read no longer ago than so many seconds."""
        known = self._known
        # Whoever needs no newer keys does not wait for those who do.
        if known is not None and time.monotonic() - known[1] < most_seconds:
            return known[0]
        if not asks:
            raise MustAsk
        with self._lock:
            now = time.monotonic()
            if self._known is None or now - self._known[1] >= most_seconds:
                self._known = _keys_of(self._read_keys()), now
            return self._known[0]


def _keys_of(document: Any) -> KeySet:
    """Return the public keys of a key set; others, such as those for encryption, are left out."""
    listed = document.get("keys") if isinstance(document, dict) else None
    wanted = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict) and key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": wanted})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderAway(f"The provider's keys cannot be used: {error}.") from error


def _check(validate: Callable[..., object], *args: Mapping[str, Any], **more: Any) -> None:
    try:
        validate(*args, **more)
    except ExpiredTokenError as error:
        raise TokenInvalid("it has expired (exp). Is the clock of this machine right?") from error
    except (JoseError, ValueError, TypeError) as error:
        raise TokenInvalid(_why(error)) from error


def _why(error: Exception) -> str:
    """Return what is wrong with a token, as the end of a sentence; never a value of its claims."""
    return str(error) or type(error).__name__
