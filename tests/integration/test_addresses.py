"""Where broker and store may be: TLS that is verified, sentinels with passwords, sockets. Real servers, all parts."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from celery import Celery
from kombu import pools
from kombu.exceptions import OperationalError

import runtail
from runtail.errors import StoreUnavailable
from runtail.settings import load_settings
from runtail.store import Store
from runtail_web.publisher import make_producer
from tests.support.celery_client import close_client
from tests.support.command import Command
from tests.support.http_get import http_get
from tests.support.redis_server import RedisServer
from tests.support.secure_redis import PASSWORD, SENTINEL_PASSWORD, Authority, SecureServer, Sentinels
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SECRETS = {word for secret in (PASSWORD, SENTINEL_PASSWORD) for word in (secret, quote(secret, safe=""))}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def installation(folder: Path, url: str, **settings: Any) -> Iterator[Stack]:
    made = Stack(folder, url, app="tests.support.address_app", **settings)
    made.web.configure(socket_url=made.relay.url)
    with made as stack:
        yield stack


def check(stack: Stack, url: str, folder: Path) -> None:
    """Everything works: the page's way, the command line's way, and Celery's own results."""
    run_id = stack.start("a.add", {"x": 2, "y": 3})
    assert stack.wait_ended(run_id).state == "succeeded"
    assert stack.output(run_id) == b"2 + 3\n"
    command = Command(folder, stack.web.url, "start", "--follow", "a.add", "x=4", "y=5")
    assert command.wait() == 0, command.err
    assert command.out == b"4 + 5\n"
    assert "complete: 1 line, verified" in command.err
    assert wait_for(lambda: stack.get("/api/v1/runs").json()["runs"], 20)
    client = Celery("client", set_as_current=False)
    client.conf.update(runtail.celery_settings(url, results=True))
    try:
        assert client.send_task("a.add", (20, 3)).get(timeout=30) == 23
    finally:
        close_client(client)


def no_secret_is_said(stack: Stack) -> None:
    for process in (stack.worker, stack.web.process, stack.relay.process):
        assert not [secret for secret in SECRETS if secret in process.output()]


def test_everything_works_over_tls(tmp_path: Path, authority: Authority) -> None:
    with SecureServer(tmp_path / "redis", authority) as server:
        with installation(tmp_path, server.url) as stack:
            stack.worker.wait_for_log(f"records the output of tasks in rediss://127.0.0.1:{server.port}/0", 10)
            check(stack, server.url, tmp_path)
            no_secret_is_said(stack)


def test_a_socket(tmp_path: Path) -> None:
    socket = tmp_path / "r.sock"
    with RedisServer(tmp_path / "redis", settings={"unixsocket": str(socket)}):
        url = f"unix://{socket}"
        with installation(tmp_path, url) as stack:
            check(stack, url, tmp_path)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_sentinels_and_a_failover(tmp_path: Path, authority: Authority, tls: bool) -> None:
    with Sentinels(tmp_path, authority if tls else None) as sentinels:
        with installation(tmp_path, sentinels.url) as stack:
            check(stack, sentinels.url, tmp_path)
            run_id = stack.start("a.paced", {"lines": 300, "seconds": 15})
            wait_for(lambda: stack.run(run_id).number("line") > 10, 30, stack.worker.evidence)
            sentinels.fail_over()
            run = stack.wait_ended(run_id, deadline_seconds=90)
            assert run.state == "succeeded"
            assert stack.output(run_id) == b"".join(b"line %d\n" % number for number in range(1, 301))
            wait_for(lambda: ready(stack), 60)
            check(stack, sentinels.url, tmp_path)
            no_secret_is_said(stack)


def ready(stack: Stack) -> bool:
    ports = [stack.web.admin_port, stack.relay.admin_port, stack.settings["worker_admin_port"]]
    return all(http_get(f"http://127.0.0.1:{port}/readyz")[0] == 200 for port in ports)


def store_answers(url: str) -> None:
    store = Store(load_settings({"RUNTAIL_STORE_URL": url, "RUNTAIL_TLS_INSECURE": "on"}))
    try:
        store.now_ms()
    finally:
        store.client.close()


def broker_answers(url: str) -> None:
    """Publish as web does."""
    app = make_producer(load_settings({"RUNTAIL_BROKER_URL": url, "RUNTAIL_TLS_INSECURE": "on"}))
    try:
        app.send_task("nobody.does", queue="nobody", retry=False)
    finally:
        app.close()
        # kombu shares connections between apps, and does not tell them apart by TLS.
        pools.reset()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("answers", [store_answers, broker_answers])
def test_a_certificate_is_verified(tmp_path: Path, authority: Authority, answers: Any) -> None:
    """Without a word in the URL, by each client; only the word ``none`` goes without."""
    other = Authority(tmp_path / "other")
    with SecureServer(tmp_path / "redis", authority) as server:
        plain = server.url.partition("?")[0]
        answers(server.url)
        answers(f"{plain}?ssl_cert_reqs=none")
        for url in (plain, f"{plain}?ssl_ca_certs={other.certificate}", f"{plain}?ssl_cert_reqs=required"):
            with pytest.raises((StoreUnavailable, OperationalError), match="certificate verify failed"):
                answers(url)


@pytest.mark.parametrize("answers", [store_answers, broker_answers])
def test_the_name_in_a_certificate_is_checked(tmp_path: Path, authority: Authority, answers: Any) -> None:
    with SecureServer(tmp_path / "redis", authority, addresses="DNS:elsewhere.example") as server:
        with pytest.raises((StoreUnavailable, OperationalError), match="certificate verify failed"):
            answers(server.url)
        answers(f"{server.url}&ssl_check_hostname=off")


@pytest.mark.parametrize("answers", [store_answers, broker_answers])
def test_a_client_shows_its_certificate(tmp_path: Path, authority: Authority, answers: Any) -> None:
    certificate, key = authority.issue("client")
    with SecureServer(tmp_path / "redis", authority) as server:
        with server.client() as client:
            client.config_set("tls-auth-clients", "yes")
        with pytest.raises((StoreUnavailable, OperationalError)):
            answers(server.url)
        answers(f"{server.url}&ssl_certfile={certificate}&ssl_keyfile={key}")


@pytest.mark.parametrize("module", ["runtail_web", "runtail_socket"])
@pytest.mark.parametrize("name", ["RUNTAIL_STORE_URL", "RUNTAIL_BROKER_URL"])
def test_what_cannot_be_read_stops_the_service_with_a_sentence(
    tmp_path: Path, start_process: Any, module: str, name: str
) -> None:
    process = start_process(sys.executable, "-m", module, environment={name: "redis+sentinel://:open-sesame@one,two/0"})
    assert process.wait(60) != 0
    output = process.output()
    assert re.search(
        r"URL redis\+sentinel://one,two/0 cannot be used: sentinels need the name .*: \?master=NAME", output
    )
    assert "open-sesame" not in output
    assert "Traceback" not in output
