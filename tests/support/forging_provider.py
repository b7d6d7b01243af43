"""An OpenID provider that signs whatever a test wants: good tokens, and forged ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID: Final = "runtail"
CLIENT_SECRET: Final = "a secret of a test, and long"
Claims = dict[str, Any]


class ForgingProvider:
    """The provider. Closed at the end of the ``with``."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig", "alg": "RS256"})
        self.foreign = RSAKey.generate_key(2048, {"kid": "foreign"})
        #: Makes the id token of the good claims.
        self.forge: Callable[[Claims], str] = self.sign
        #: What it gives to be asked again with; empty: nothing.
        self.refresh_token = ""
        #: Called with the kind of grant when it has made the tokens, before it sends them.
        self.before_answer: Callable[[str], object] = lambda _kind: None
        #: What the next id token answers to.
        self.nonce = ""
        #: What it says when it is asked for claims.
        self.userinfo: Claims = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pages: dict[str, Callable[[], Claims]] = {
                    "/.well-known/openid-configuration": provider._metadata,
                    "/jwks": lambda: {"keys": [provider.key.as_dict(private=False)]},
                    "/userinfo": lambda: provider.userinfo,
                }
                self._answer(pages[urlsplit(self.path).path]())

            def do_POST(self) -> None:
                asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                answer = {
                    "access_token": "an access token", "token_type": "Bearer", "expires_in": 60,
                    "id_token": provider.forge(provider.claims()),
                }  # fmt: skip
                if provider.refresh_token:
                    answer["refresh_token"] = provider.refresh_token
                provider.before_answer(asked["grant_type"][0])
                self._answer(answer)

            def _answer(self, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _metadata(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            # It would take all of them: what counts is what Runtail takes.
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "userinfo_endpoint": f"{self.issuer}/userinfo",
        }

    def claims(self, **more: Any) -> Claims:
        """Return the claims of a good id token."""
        now = int(time.time())
        return {
            "iss": self.issuer, "sub": "ann", "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": self.nonce,
            "groups": ["builders"], "preferred_username": "ann", **more,
        }  # fmt: skip

    def sign(self, claims: Claims, *, key: RSAKey | None = None, **header: Any) -> str:
        """Return a token: signed with our key, if nothing else is said."""
        headers = {"alg": "RS256", "kid": "ours", **header}
        return jwt.encode(headers, claims, key or self.key, algorithms=[str(headers["alg"])])

    def begin(self, client: httpx.Client, web: str) -> str:
        """Begin a login, and note its nonce; return the address to come back to."""
        there = client.post(f"{web}/auth/oidc/login", json={}).json()["leads_to"]
        asked = parse_qs(urlsplit(there).query)
        self.nonce = asked["nonce"][0]
        return f"{web}/auth/oidc/callback?code=a-code&state={asked['state'][0]}"
