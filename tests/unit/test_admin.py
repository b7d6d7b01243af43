"""The admin port."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from runtail.admin import AdminServer


class Answers:
    """What the two checks say."""

    healthy: str | None = None
    ready: str | None = None


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def server(answers: Answers) -> Iterator[AdminServer]:
    registry = CollectorRegistry()
    Gauge("tea_cups", "Cups of tea.", registry=registry).set(2)
    server = AdminServer("127.0.0.1", 0, lambda: answers.ready, registry, lambda: answers.healthy)
    server.start()
    yield server
    server.stop()


def get(server: AdminServer, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", timeout=10)


def test_says_alive_and_ready(server: AdminServer) -> None:
    assert (get(server, "/healthz").status_code, get(server, "/healthz").text) == (200, "alive\n")
    assert (get(server, "/readyz").status_code, get(server, "/readyz").text) == (200, "ready\n")


def test_says_why_not(server: AdminServer, answers: Answers) -> None:
    answers.ready = "the store has not answered yet"
    answers.healthy = "no progress for 61 s"
    assert get(server, "/readyz").status_code == 503
    assert get(server, "/readyz").text == "the store has not answered yet\n"
    assert get(server, "/healthz").status_code == 503
    assert get(server, "/healthz").text == "no progress for 61 s\n"


def test_shows_metrics(server: AdminServer) -> None:
    answer = get(server, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "tea_cups 2.0" in answer.text


def test_says_what_there_is(server: AdminServer) -> None:
    assert get(server, "/").status_code == 404
    assert "/metrics" in get(server, "/").text


def test_a_client_that_says_nothing_holds_up_nobody(server: AdminServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert get(server, "/healthz").status_code == 200


def test_a_taken_port_is_named(server: AdminServer) -> None:
    with pytest.raises(OSError, match=rf"cannot listen on 127.0.0.1:{server.port}: Address already in use"):
        AdminServer("127.0.0.1", server.port, lambda: None, CollectorRegistry())


def test_the_port_is_free_again(answers: Answers) -> None:
    first = AdminServer("127.0.0.1", 0, lambda: None, CollectorRegistry())
    first.start()
    assert get(first, "/healthz").status_code == 200
    first.stop()
    second = AdminServer("127.0.0.1", first.port, lambda: None, CollectorRegistry())
    second.stop()
