"""Pages of other origins at a relay: a ticket lets them in, once, and nothing that a browser sends by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import websocket

from runtail.auth.users import digest_of
from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, grant, log_in, write, write_users
from tests.support.proxied import SETTINGS, logged_in
from tests.support.relay import NAMESPACE, Client
from tests.support.runs import open_run, write_lines
from tests.support.services import Service
from tests.support.waiting import wait_for

PORTAL, OTHER = "http://portal.example", "https://other.example"
TICKET = "/api/v1/ticket"


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def installation(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    """Web and a relay, each at its own port, and pages of two other origins."""
    folder = tmp_path_factory.mktemp("tickets")
    found = Installation(
        folder, redis_url, services=("web", "socket"), auth_mode="password", lease_seconds=600,
        auth_users_file=write_users(folder / "users", admin="admins", ann="builders"),
        auth_policy_file=write(
            folder / "policy", grant("group:admins", "admin") + grant("group:builders", "viewer", tasks=["build.*"])
        ),
        socket_async_mode=request.param, limit_requests=0, limit_changes=0,
    )  # fmt: skip
    found.web.configure(allowed_origins=f"{PORTAL},{OTHER}")
    found.relay.configure(allowed_origins=f"{PORTAL},{OTHER},{found.web.url}")
    with found:
        write_lines(open_run(found.store, "one", task="build.web"), 1, 3)
        open_run(found.store, "secret", task="deploy.web")
        yield found


@pytest.fixture
def ann(installation: Installation) -> Iterator[httpx.Client]:
    with browser(installation.web.url) as client:
        assert log_in(client, "ann").status_code == 200
        yield client


@pytest.fixture
def token(ann: httpx.Client) -> dict[str, str]:
    return dict(ann.post("/api/v1/tokens", json={"name": "portal"}).json())


def ask(installation: Installation, token: str, origin: str | None = PORTAL, **headers: str) -> httpx.Response:
    """Ask for a ticket as a page does."""
    sent = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
    if origin is not None:
        sent["Origin"] = origin
    return httpx.post(installation.web.url + TICKET, headers=sent, timeout=30)


def ticket_of(installation: Installation, token: dict[str, str], origin: str = PORTAL) -> str:
    answer = ask(installation, token["token"], origin)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["seconds"] == 30
    return str(answer.json()["ticket"])


def connect(installation: Installation, origin: str = PORTAL, *headers: str) -> Client:
    return Client(installation.relay.url, headers=[f"Origin: {origin}", *headers], origin=False)


def join(client: Client, shown: Any = None) -> dict[str, Any]:
    """Send CONNECT with something; return what is answered: ``sid`` or ``message``."""
    client.send(f"40{NAMESPACE}," + (orjson.dumps(shown).decode() if shown is not None else ""))
    answer = client.receive()
    assert answer[:2] in ("40", "44"), answer
    return dict(orjson.loads(answer.partition(",")[2]))


def test_a_page_of_another_origin_follows_with_a_ticket(installation: Installation, token: dict[str, str]) -> None:
    preflight = httpx.options(
        installation.web.url + TICKET,
        headers={
            "Origin": PORTAL,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    client = connect(installation)
    assert "sid" in join(client, {"ticket": ticket_of(installation, token)})
    assert client.emit("subscribe", {"v": 1, "run": "one"})["ok"]
    assert client.next_event()[0] == "tail-message"
    # It may what the token may, and no more.
    assert client.emit("subscribe", {"v": 1, "run": "secret"})["code"] == "unknown-run"


def test_its_stream_ends_with_the_token(installation: Installation, ann: httpx.Client, token: dict[str, str]) -> None:
    client = connect(installation)
    join(client, {"ticket": ticket_of(installation, token)})
    assert client.emit("subscribe", {"v": 1, "run": "one"})["ok"]
    began = time.monotonic()
    assert ann.delete(f"/api/v1/tokens/{token['id']}").status_code == 204
    while client.next_event()[0] != "denied":
        pass
    assert time.monotonic() - began < 10


def test_a_cookie_opens_nothing_for_a_page_of_another_origin(installation: Installation, ann: httpx.Client) -> None:
    # As a browser sends it for a page at another name of the same site, whatever port that has.
    (cookie,) = ann.cookies.jar
    shown = f"Cookie: {cookie.name}={cookie.value}; runtail-80={cookie.value}; __Host-runtail={cookie.value}"
    client = connect(installation, PORTAL, shown)
    assert "POST /api/v1/ticket" in join(client)["message"]
    # It is sent away, and whatever it asks for is not answered.
    with pytest.raises(ConnectionError):
        client.emit("subscribe", {"v": 1, "run": "one"})
    # Our own pages at the web service's port come in with theirs, and nobody without.
    own = connect(installation, installation.web.url, cookie_header(ann))
    assert "sid" in join(own)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(installation, installation.web.url)
    assert refused.value.status_code == 401


@pytest.mark.parametrize(
    "shown",
    [
        None, {}, {"ticket": ""}, {"ticket": None}, {"ticket": 7}, {"ticket": ["x"]}, {"ticket": {"ticket": "x"}},
        {"ticket": "x" * 43}, {"ticket": "é" * 43}, {"ticket": "x" * 4000}, {"token": "TOKEN"}, {"ticket": "TOKEN"},
        ["TICKET"], "TICKET", 7, True,
    ],
)  # fmt: skip
def test_what_is_no_ticket_lets_nobody_in(installation: Installation, token: dict[str, str], shown: Any) -> None:
    real = {"TOKEN": token["token"], "TICKET": ticket_of(installation, token)}
    text = orjson.dumps(shown).decode()
    for word, value in real.items():
        text = text.replace(word, value)
    client = connect(installation)
    refused = join(client, orjson.loads(text))
    assert set(refused) == {"message"}
    assert "icket" in refused["message"]
    # Not a second try either, even with a good one.
    assert "sid" not in join(client, {"ticket": real["TICKET"]})
    assert installation.relay.process.is_running()
    assert "Traceback" not in installation.relay.process.output()


def test_a_ticket_works_once_for_its_origin_and_while_its_token_does(
    installation: Installation, ann: httpx.Client, token: dict[str, str]
) -> None:
    used = ticket_of(installation, token)
    assert "sid" in join(connect(installation), {"ticket": used})
    assert "not valid" in join(connect(installation), {"ticket": used})["message"]
    for_portal = ticket_of(installation, token)
    assert "not valid" in join(connect(installation, OTHER), {"ticket": for_portal})["message"]
    # Whoever tried it, it is used up.
    assert "not valid" in join(connect(installation), {"ticket": for_portal})["message"]
    late = ticket_of(installation, token)
    key = installation.store.keys.ticket(digest_of(late))
    assert 25 < installation.store.client.ttl(key) <= 30
    installation.store.client.pexpire(key, 1)
    wait_for(lambda: not installation.store.client.exists(key), 10)
    assert "not valid" in join(connect(installation), {"ticket": late})["message"]
    revoked = ticket_of(installation, token)
    assert ann.delete(f"/api/v1/tokens/{token['id']}").status_code == 204
    assert "not valid" in join(connect(installation), {"ticket": revoked})["message"]


def test_of_many_that_show_a_ticket_at_once_one_is_let_in(installation: Installation, token: dict[str, str]) -> None:
    ticket = ticket_of(installation, token)
    clients = [connect(installation) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: join(client, {"ticket": ticket}), clients))
    assert sum("sid" in answer for answer in answers) == 1


@pytest.mark.parametrize("origin", [None, "null", "", "http://evil.test", "OWN", f"{PORTAL}/", f"{PORTAL}, {OTHER}"])
def test_tickets_are_for_listed_origins(installation: Installation, token: dict[str, str], origin: str | None) -> None:
    asked = installation.web.url if origin == "OWN" else origin
    assert ask(installation, token["token"], asked).status_code == 403


def test_who_asks_for_a_ticket_shows_more_than_a_cookie(installation: Installation, ann: httpx.Client) -> None:
    # Its name has the port of the page.
    cookie = "runtail-80=" + cookie_header(ann).partition("=")[2]
    for site in ("same-site", "cross-site"):
        refused = ask(installation, "", PORTAL, Cookie=cookie, **{"Sec-Fetch-Site": site})
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert ask(installation, "").status_code == 401
    assert ask(installation, "rt1_aaaaaaaaaa_x_x").status_code == 401


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_what_a_proxy_says_lets_no_page_of_another_origin_in(redis_url: str, tmp_path: Path, mode: str) -> None:
    """Nor one of another port of the same host: the proxy's cookies know no ports."""
    neighbour = "http://127.0.0.1:1"
    settings = {**SETTINGS, "broker_url": redis_url, "key_prefix": "t-tickets-proxy:", "socket_async_mode": mode}
    with Service("socket", tmp_path, {**settings, "allowed_origins": f"{PORTAL},{neighbour}"}) as relay:
        headers = [f"{name}: {value}" for name, value in logged_in("ann", "admins").items()]
        for origin, word in ((relay.url, "sid"), (PORTAL, "message"), (neighbour, "message")):
            client = Client(relay.url, headers=[f"Origin: {origin}", *headers], origin=False)
            assert set(join(client)) == {word}, origin
