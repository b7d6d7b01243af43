"""Who may talk to the web service, and what its pages may do."""

from __future__ import annotations

import signal
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


@pytest.mark.parametrize("path", ["/", "/runs/x", "/api/v1/runs", "/api/v1/nothing", "/static/icon.svg"])
def test_every_answer_has_the_strict_policy(web: Service, path: str) -> None:
    headers = httpx.get(f"{web.url}{path}").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
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
    assert page.count("<script") == page.count('<script type="module" src="/static/assets/')
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
