"""Who may talk to the web service, and what its pages may do."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.services import Service

FRIEND = "http://docs.test"


@pytest.fixture(scope="module")
def web(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running web service that knows a relay and a friendly origin."""
    settings = {
        "broker_url": redis_url,
        "key_prefix": "t-guard:",
        "socket_url": "http://127.0.0.1:8010",
        "allowed_origins": FRIEND,
    }
    with Service("web", tmp_path_factory.mktemp("web"), settings) as service:
        yield service


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_allowed_hosts_are_answered(web: Service, host: str) -> None:
    assert httpx.get(f"{web.url}/api/v1/runs", headers={"Host": f"{host}:{web.port}"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/runs", "/static/icon.svg"])
@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "[::1].evil.test", ""])
def test_other_hosts_are_refused(web: Service, path: str, host: str) -> None:
    answer = httpx.get(f"{web.url}{path}", headers={"Host": host})
    assert answer.status_code in (400, 403)
    if answer.status_code == 403:
        assert answer.json()["code"] == "host"


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://localhost:1", "https://docs.test.evil.test"])
def test_foreign_pages_are_refused(web: Service, origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        answer = httpx.request(method, f"{web.url}/api/v1/runs", headers={"Origin": origin})
        assert answer.status_code == 403
        assert answer.json()["code"] == "origin"
        assert "access-control-allow-origin" not in answer.headers


def test_our_own_and_listed_pages_may(web: Service) -> None:
    own = httpx.get(f"{web.url}/api/v1/runs", headers={"Origin": web.url})
    assert own.status_code == 200
    listed = httpx.get(f"{web.url}/api/v1/runs", headers={"Origin": FRIEND})
    assert listed.headers["access-control-allow-origin"] == FRIEND
    asked = httpx.options(f"{web.url}/api/v1/runs", headers={"Origin": FRIEND, "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 204
    assert "POST" in asked.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://[",
        "http://[::1",
        "http://]",
        "http://a]b",
        "//",
        "http://",
        "http://127.0.0.1:x",
        b"\xc3\xa9",
        "[",
        "a" * 5000,
    ],
)
def test_origins_that_are_none_are_refused(web: Service, origin: str | bytes) -> None:
    for path in ("/", "/api/v1/runs", "/static/icon.svg"):
        answer = httpx.get(
            f"{web.url}{path}", headers=[(b"Origin", origin if isinstance(origin, bytes) else origin.encode())]
        )
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) in (
            (403, "application/problem+json"), (403, "text/html"),
        )  # fmt: skip
    assert "Traceback" not in web.process.output()


def fetched(site: str, mode: str = "no-cors", dest: str = "image", **more: str) -> dict[str, str]:
    """What a browser says of a request."""
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest, **more}


def test_other_sites_pages_are_not_worked_for(web: Service) -> None:
    search = "/api/v1/runs/x/log/search?q=a"
    for path in ("/", "/runs/x", "/runs/x/text", "/api/v1/runs", search, "/api/v1/runs/x/log.txt", "/static/icon.svg"):
        for headers in (
            fetched("cross-site"),
            fetched("cross-site", "cors", "empty"),
            fetched("cross-site", "navigate", "iframe"),
            fetched("cross-site", "websocket", "websocket"),
        ):
            answer = httpx.get(f"{web.url}{path}", headers=headers)
            assert answer.status_code == 403
            if path.startswith("/api/v"):
                assert answer.json()["code"] == "cross-site"
    # A link to a page is followed; one to the API is not.
    visit = fetched("cross-site", "navigate", "document")
    for path, status in (("/", 200), ("/runs/x", 200), ("/runs/x/text", 404), ("/api", 200), (search, 403)):
        assert httpx.get(f"{web.url}{path}", headers=visit).status_code == status
    assert httpx.post(f"{web.url}/", headers=visit).status_code == 403
    # Our own pages, typed addresses, listed origins, and what is no browser.
    for headers in (
        fetched("same-origin", "cors", "empty"),
        fetched("none", "navigate", "document"),
        fetched("cross-site", "cors", "empty", Origin=FRIEND),
        {},
    ):
        assert httpx.get(f"{web.url}/api/v1/runs", headers=headers).status_code == 200


def test_nobody_says_where_we_are(web: Service) -> None:
    for name in ("SCRIPT_NAME", "Script-Name", "PATH_INFO", "X-Forwarded-Prefix", "X-Script-Name"):
        for value in ("/api/v1", "/runs", "/nowhere"):
            assert httpx.get(f"{web.url}/api/v1/config", headers={name: value}).status_code == 200, name
            assert httpx.get(f"{web.url}/nowhere/api/v1/config", headers={name: value}).status_code == 404, name
    # A path that a proxy has refused is not another one here.
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as connection:
        connection.sendall(
            b"GET /runs/x/api/v1/config HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"SCRIPT_NAME: /runs/x\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")
    for name, value in (("X-Forwarded-Proto", "https"), ("X-Forwarded-Ssl", "on"), ("X-Forwarded-Host", "evil.test")):
        moved = httpx.get(f"{web.url}/runs", headers={name: value})
        assert (moved.status_code, moved.headers["location"]) == (302, "/")


@pytest.mark.parametrize("depth", [65, 255, 999, 1_000, 1_030, 5_000, 30_000])
@pytest.mark.parametrize("kind", ["lists", "objects"])
def test_bodies_that_go_too_deep_are_refused(web: Service, depth: int, kind: str) -> None:
    begin, end = ("[", "]") if kind == "lists" else ('{"":', "}")
    depth = min(depth, 12_000) if kind == "objects" else depth
    body = '{"task": "x", "kwargs": {"x": ' + begin * depth + "1" + end * depth + "}}"
    answer = httpx.post(f"{web.url}/api/v1/runs", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"][0]["field"] == "body"


def test_bodies_may_be_as_deep_and_as_large_as_is_said(web: Service) -> None:
    def code(kwargs: str) -> str:
        body = f'{{"task": "x", "kwargs": {kwargs}}}'
        headers = {"Content-Type": "application/json"}
        return str(httpx.post(f"{web.url}/api/v1/runs", content=body, headers=headers).json()["code"])

    known = "unknown-task"
    assert code('{"x": ' + "[" * 62 + "]" * 62 + "}") == known
    assert code('{"x": ' + "[" * 63 + "]" * 63 + "}") == "invalid"
    many = ", ".join(f'"k{n}": {n}' for n in range(998))
    assert code("{" + many + "}") == known
    assert code("{" + many + ', "one": 1}') == "invalid"
    # What stands in a text is neither.
    assert code('{"x": "' + "[" * 5000 + r"\\" + r"\"\u0022:" * 2000 + '"}') == known
    assert code('{"x": "' + "[{:" * 2000) == "malformed"
    assert code('{"x": "' + r"\"" * 30_000) == "malformed"


@pytest.mark.slow
def test_a_hundred_thousand_levels_are_refused_where_a_body_may_hold_them(redis_url: str, tmp_path: Path) -> None:
    with Service("web", tmp_path, {"broker_url": redis_url, "max_body_bytes": 1_000_000}) as web:
        for depth in (1_000, 100_000):
            body = '{"task": "x", "kwargs": {"x": ' + "[" * depth + "]" * depth + "}}"
            answer = httpx.post(f"{web.url}/api/v1/runs", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422
        assert "Traceback" not in web.process.output()


@pytest.mark.parametrize("path", ["/", "/runs/x", "/api/v1/runs", "/api/v1/nothing", "/static/icon.svg"])
def test_every_answer_has_the_strict_policy(web: Service, path: str) -> None:
    headers = httpx.get(f"{web.url}{path}").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "font-src": "'self'",
        "connect-src": "'self' ws://127.0.0.1:8010",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_shell_holds_no_inline_script_and_names_the_relay(web: Service) -> None:
    page = httpx.get(f"{web.url}/runs/x").text
    assert '<meta name="runtail-socket" content="http://127.0.0.1:8010">' in page
    first, second = re.findall("<script([^>]*)></script>", page)
    assert page.count("<script") == 2
    assert first == ' src="/static/loading.js"'
    assert re.fullmatch(' type="module" src="/static/assets/log-[^"]+"', second)
    assert "<style" not in page
    assert " style=" not in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told_to(redis_url: str, key_prefix: str, tmp_path: Path, number: signal.Signals) -> None:
    with Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix}) as web:
        web.process.signal(number)
        assert web.process.wait(15) == 0
        assert web.process.session_pids() == []
        assert "Traceback" not in web.process.output()


def test_a_taken_port_is_named_in_one_sentence(web: Service, tmp_path: Path, redis_url: str) -> None:
    second = Service("web", tmp_path, {"broker_url": redis_url})
    second.configure(web_port=web.port)
    with pytest.raises(AssertionError, match="did not start"):
        second.start()
    assert second.process.wait(10) == 2
    output = second.process.output()
    assert f"cannot listen on 127.0.0.1:{web.port}" in output
    assert "RUNTAIL_WEB_PORT" in output
    assert "Traceback" not in output
