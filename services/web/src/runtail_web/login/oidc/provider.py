"""What is asked of the provider: its metadata, tokens for a code or a refresh token, and claims.

Authlib speaks OAuth. Its client for Flask would keep a login's state in Flask's session, which is a signed cookie, and
would let the provider's metadata set options of the HTTP client: so this uses its session of Requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from runtail_web.login.oidc.config import Config, is_safe
from runtail_web.login.oidc.errors import MustAsk, ProviderAway, ProviderRefused, TokenInvalid
from runtail_web.login.oidc.identity import Identity, claim_at, read_identity
from runtail_web.login.oidc.signatures import ALGORITHMS, Signatures

#: How long the provider may take to accept a connection, and then between two parts of an answer.
TIMEOUT_SECONDS: Final = (3.0, 7.0)
#: The provider's metadata is read again after this time.
METADATA_SECONDS: Final = 3600.0
#: Where providers publish it.
WELL_KNOWN: Final = "/.well-known/openid-configuration"
#: A provider that did not answer is asked again after this time: threads that come meanwhile need not wait as well.
AWAY_SECONDS: Final = 2.0
_REQUIRED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL: Final = ("userinfo_endpoint", "end_session_endpoint")
_BASIC, _POST = "client_secret_basic", "client_secret_post"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says of itself; endpoints that it need not have are empty.

    :param algorithms: those with which it signs id tokens, and that count here.
    :param auth_method: how we show that we are the client.
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    algorithms: frozenset[str]
    auth_method: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What the provider gave.

    :param refresh_token: empty if it gave none.
    :param issued_s: when it made the id token, by its clock; 0 if it gave none.
    """

    identity: Identity
    id_token: str
    refresh_token: str
    issued_s: float


class Provider:
    """The provider of the settings. Threads may use it at once.

    Methods raise ProviderAway if the provider does not answer, ProviderRefused if it refuses, and TokenInvalid if
    what it says must not be believed.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._metadata: Metadata | None = None
        self._read_at = 0.0
        self._away: tuple[float, str] | None = None
        self._signatures = Signatures(config.issuer, config.client_id, lambda: self._get(self.metadata().jwks_uri))

    def metadata(self, *, asks: bool = True) -> Metadata:
        """Return what the provider says of itself, read within the last hour.

        :param asks: read it if that is needed.
        :raises MustAsk: if it has to be read, and must not be.
        """
        known = self._metadata
        if known is not None and time.monotonic() - self._read_at < METADATA_SECONDS:
            return known
        if not asks:
            raise MustAsk
        with self._lock:
            if self._metadata is None or time.monotonic() - self._read_at >= METADATA_SECONDS:
                if self._away and time.monotonic() - self._away[0] < AWAY_SECONDS:
                    raise ProviderAway(self._away[1])
                try:
                    self._metadata = self._read_metadata()
                except ProviderAway as error:
                    self._away = (time.monotonic(), str(error))
                    raise
                self._read_at = time.monotonic()
            return self._metadata

    def login_address(self, state: str, nonce: str, verifier: str) -> str:
        """Return the address at the provider where somebody logs in."""
        with self._session(scope=self.config.scopes) as session:
            address, _state = session.create_authorization_url(
                self.metadata().authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(address)

    def redeem(self, code: str, nonce: str, verifier: str) -> Grant:
        """Return what the provider gives for a code."""
        endpoint = self.metadata().token_endpoint
        with self._session() as session, _asked("tokens"):
            tokens = session.fetch_token(
                endpoint, grant_type="authorization_code", code=code, code_verifier=verifier, allow_redirects=False
            )
        return self._granted(tokens, nonce=nonce, subject="")

    def refresh(self, refresh_token: str, subject: str) -> Grant:
        """Return what the provider gives for a refresh token.

        :param subject: whose it is: another one is refused.
        """
        endpoint = self.metadata().token_endpoint
        with self._session() as session, _asked("tokens"):
            tokens = session.refresh_token(endpoint, refresh_token=refresh_token, allow_redirects=False)
        return self._granted(tokens, nonce="", subject=subject)

    def logout_token(self, text: str, *, asks: bool = True) -> Mapping[str, Any]:
        """Return the claims of a log-out that the provider sends.

        :param asks: ask the provider for its keys if that is needed.
        :raises MustAsk: if it has to be asked, and must not be.
        """
        return self._signatures.logout_token(text, self.metadata(asks=asks).algorithms, asks=asks)

    def logout_address(self, id_token: str) -> str:
        """Return the address where somebody logs out at the provider; empty if it has none."""
        endpoint = self.metadata().end_session_endpoint
        if not endpoint:
            return ""
        known = {"id_token_hint": id_token} if id_token else {}
        query = {**known, "client_id": self.config.client_id, "post_logout_redirect_uri": self.config.home}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def _granted(self, tokens: Mapping[str, Any], *, nonce: str, subject: str) -> Grant:
        id_token, access_token, refresh_token = (
            str(tokens.get(name) or "") for name in ("id_token", "access_token", "refresh_token")
        )
        claims: dict[str, Any] = {}
        if id_token:
            claims = self._signatures.id_token(
                id_token, self.metadata().algorithms, nonce=nonce, access_token=access_token
            )
        elif nonce:
            raise TokenInvalid("the provider gave no id token")
        wanted = (self.config.groups_claim, self.config.name_claim)
        issued_s = float(claims.get("iat", 0))
        if any(claim_at(claims, name) is None for name in wanted):
            # Many providers say more where they are asked than in the token, which travels.
            claims = self._with_more(claims, access_token, str(claims.get("sub") or subject))
        identity = read_identity(claims, self.config)
        if subject and identity.subject != subject:
            raise TokenInvalid("the provider gave a token of somebody else (sub)")
        return Grant(identity, id_token, refresh_token, issued_s)

    def _with_more(self, claims: dict[str, Any], access_token: str, subject: str) -> dict[str, Any]:
        endpoint = self.metadata().userinfo_endpoint
        if not endpoint or not access_token:
            return claims
        more = self._get(endpoint, {"Authorization": f"Bearer {access_token}"})
        if not isinstance(more, dict) or more.get("sub") != subject:
            raise TokenInvalid("the provider's claims are of somebody else (sub)")
        return {**more, **claims}

    def _read_metadata(self) -> Metadata:
        found = self._get(self.config.issuer.rstrip("/") + WELL_KNOWN)
        if not isinstance(found, dict):
            raise ProviderAway("The provider's metadata is no JSON object.")
        if found.get("issuer") != self.config.issuer:
            raise ProviderAway(
                f"The provider says that it is {found.get('issuer')!r}, and RUNTAIL_AUTH_OIDC_ISSUER is "
                f"{self.config.issuer!r}: they must be equal, to the last slash."
            )
        named = {name: found.get(name) or "" for name in (*_REQUIRED, *_OPTIONAL)}
        for name in _REQUIRED:
            if not named[name]:
                raise ProviderAway(f"The provider's metadata has no {name}.")
        for name, url in named.items():
            if url and not is_safe(url):
                raise ProviderAway(f"The provider's {name} does not begin with https://: {url!r}.")
        methods = found.get("token_endpoint_auth_methods_supported") or [_BASIC]
        algorithms = found.get("id_token_signing_alg_values_supported") or ["RS256"]
        return Metadata(
            **named,
            algorithms=frozenset(name for name in algorithms if name in ALGORITHMS),
            auth_method=_POST if _BASIC not in methods and _POST in methods else _BASIC,
        )

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        with requests.Session() as session, _asked(url):
            if self.config.ca_file:
                session.verify = self.config.ca_file
            answer = session.get(url, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
            answer.raise_for_status()
            if answer.status_code != requests.codes.ok:
                raise ProviderAway(f"The provider answered {answer.status_code} for {url}.")
            return answer.json()

    def _session(self, **more: Any) -> Any:
        config = self.config
        made = OAuth2Session(
            config.client_id, config.client_secret, token_endpoint_auth_method=self.metadata().auth_method,
            redirect_uri=config.callback, code_challenge_method="S256", default_timeout=TIMEOUT_SECONDS, **more,
        )  # fmt: skip
        if config.ca_file:
            made.verify = config.ca_file
        return made


@contextmanager
def _asked(what: str) -> Iterator[None]:
    """Make errors of asking the provider ours."""
    try:
        yield
    except AuthlibBaseError as error:
        raise ProviderRefused(f"The provider refused: {error.error}: {error.description}", str(error.error)) from error
    except requests.HTTPError as error:
        raise ProviderAway(f"The provider answered with an error ({what}): {error}.") from error
    except requests.exceptions.SSLError as error:
        raise ProviderAway(
            f"The provider's certificate is not trusted (RUNTAIL_AUTH_OIDC_CA_FILE names its authority): {error}."
        ) from error
    except requests.RequestException as error:
        raise ProviderAway(f"The provider did not answer ({what}): {type(error).__name__}.") from error
    except ValueError as error:
        raise ProviderAway(f"The provider's answer cannot be read ({what}).") from error
