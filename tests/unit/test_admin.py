"""The admin port."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families

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
    Counter("tea_poured_total", "Cups poured.", registry=registry).inc(3)
    server = AdminServer(
        "127.0.0.1", 0, lambda: answers.ready, registry, lambda: answers.healthy, allowed_hosts="tea.example, b.test"
    )
    server.start()
    yield server
    server.stop()


def get(server: AdminServer, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=10)


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


#: What Prometheus 3 and 2 ask for.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def test_shows_openmetrics_to_whom_asks_for_it(server: AdminServer) -> None:
    for accept in (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8"):
        answer = get(server, "/metrics", Accept=accept)
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert answer.text.endswith("# EOF\n")
        parsed = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
        families = {family.name: family for family in parsed}
        assert families["tea_poured"].type == "counter"
        assert [sample.value for sample in families["tea_cups"].samples] == [2.0]
    for accept in (
        "*/*",
        "text/html",
        "application/openmetrics-text; version=x.y",
        "application/openmetrics-text;=;;",
        ",;",
    ):
        answer = get(server, "/metrics", Accept=accept)
        assert answer.status_code == 200
        assert "tea_cups 2.0" in answer.text


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8001", "10.1.2.3", "[::1]:9", "[fe80::1]", "localhost", "LOCALHOST:1", "web", "web-0:8001", "x.svc",
     "web.ns.svc.cluster.local:8001", "printer.local.", "host.docker.internal", "app.localhost",
     "tea.example:80", "b.test"],
)  # fmt: skip
def test_addresses_and_local_names_are_answered(server: AdminServer, host: str) -> None:
    assert get(server, "/readyz", Host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "evil.example:8001", "[::1].evil.example",
     "1.2.3", "evillocal.com", "tea.example.evil.com", "127.0.0.1@evil.example"],
)  # fmt: skip
def test_names_that_a_foreign_site_may_have_are_not(server: AdminServer, host: str) -> None:
    for path in ("/metrics", "/healthz", "/readyz", "/"):
        answer = get(server, path, Host=host)
        assert answer.status_code == 421
        assert "RUNTAIL_ALLOWED_HOSTS" in answer.text
        assert "tea" not in answer.text


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
