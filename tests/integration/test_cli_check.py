"""``runtail check`` and ``runtail canary`` against the real product: what is well, and what is broken by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.support.command import Command
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.stack import Stack
from tests.support.waiting import wait_for

DEADLINE_SECONDS = 60


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the reference app."""
    directory = tmp_path_factory.mktemp("check")
    with RedisServer(directory / "redis") as server:
        made = Stack(directory, server.url, app="runtail_worker.app", concurrency=2)
        with made:
            yield made


def command(stack: Stack, directory: Path, *arguments: str) -> Command:
    """The program, with the relay named as without a gateway."""
    return Command(directory, stack.web.url, *arguments, "--relay-url", stack.relay.url)


def test_a_working_installation_is_well(stack: Stack, tmp_path: Path) -> None:
    check = command(stack, tmp_path, "check", "--lines", "30", "--seconds", "0.5")
    assert check.wait() == 0, check.err
    assert b"30 of 30 lines" in check.out
    assert b"Everything works: all lines arrived and match their digests." in check.out


def test_two_checks_do_not_refuse_each_other(stack: Stack, tmp_path: Path) -> None:
    both = [command(stack, tmp_path, "check", "--json") for _ in range(2)]
    for check in both:
        assert check.wait() == 0, check.err
        answer = json.loads(check.out)
        assert (answer["lines"], answer["missing"], answer["doubled"], answer["problem"]) == (20, 0, 0, "")
        assert answer["first_line_seconds"] > 0


def test_without_a_relay_it_says_so(stack: Stack, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    check = Command(tmp_path, stack.web.url, "check", "--timeout", "4", "--relay-url", nowhere)
    assert check.wait() == 1
    assert f"Not well: no relay answers at {nowhere}" in check.out.decode()


def test_without_a_web_service_it_says_so(stack: Stack, tmp_path: Path) -> None:
    check = Command(tmp_path, f"http://127.0.0.1:{free_port()}", "check", "--timeout", "4")
    assert check.wait() == 1
    assert "Not well: nothing answers at http://127.0.0.1" in check.out.decode()


def test_a_host_that_is_not_allowed_is_named(stack: Stack, tmp_path: Path) -> None:
    with Service("web", tmp_path, {**stack.settings, "allowed_hosts": "runtail.example"}) as web:
        check = Command(tmp_path, web.url, "check", "--timeout", "4")
        assert check.wait() == 1
    assert "Not well: This host name is not allowed. The request was for '127.0.0.1" in check.out.decode()


def test_a_store_that_begins_to_evict_is_named_at_once_and_the_rest_goes_on(stack: Stack, tmp_path: Path) -> None:
    run_id = stack.start("demo.tail", {"lines": 3, "interval": 0})
    stack.wait_ended(run_id)
    with Redis.from_url(stack.settings["store_url"]) as server:
        server.config_set("maxmemory", "512mb")
        server.config_set("maxmemory-policy", "allkeys-lru")
        try:
            check = command(stack, tmp_path, "check", "--timeout", "4")
            assert check.wait() == 1
            start = Command(tmp_path, stack.web.url, "start", "demo.tail", "lines=1")
            assert start.wait() != 0
            assert stack.get(f"/api/v1/runs/{run_id}").status_code == 200
        finally:
            server.config_set("maxmemory-policy", "noeviction")
            server.config_set("maxmemory", 0)
    for said in (check.out.decode(), start.err):
        assert "the store deletes keys by itself" in said
        assert "maxmemory-policy allkeys-lru" in said
        assert "set maxmemory-policy to noeviction" in said
    again = command(stack, tmp_path, "check", "--lines", "5")
    assert again.wait() == 0, again.out


def test_a_run_that_nobody_takes_is_told_from_one_that_is_slow(stack: Stack, tmp_path: Path) -> None:
    slow = command(stack, tmp_path, "check", "--lines", "10", "--seconds", "60", "--timeout", "8")
    assert slow.wait() == 1
    assert re.search(r"Not well: \d of 10 lines of run \S+ had come after 8 s, and it is running", slow.out.decode())
    stack.worker.kill()
    waits = command(stack, tmp_path, "check", "--timeout", "6")
    assert waits.wait() == 1
    text = waits.out.decode()
    assert re.search(r"still waits after 6 s: no worker takes from the queue runtail-check", text), text


def test_the_canary_tells_what_it_saw_as_metrics(tmp_path: Path) -> None:
    directory = tmp_path / "stack"
    port = free_port()
    with RedisServer(directory / "redis") as server, Stack(directory, server.url, app="runtail_worker.app") as stack:
        canary = command(stack, tmp_path, "canary", "--every", "5", "--port", str(port))

        def counted() -> dict[str, float]:
            text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
            return {name: float(value) for name, value in re.findall(r"^(runtail_\S+) (\S+)$", text, re.MULTILINE)}

        def ran(result: str) -> bool:
            try:
                return counted()[f'runtail_canary_runs_total{{result="{result}"}}'] >= 1
            except httpx.TransportError:
                return False

        wait_for(lambda: ran("succeeded"), DEADLINE_SECONDS, lambda: canary.err)
        first = counted()
        assert first["runtail_canary_missing_lines_total"] == first["runtail_canary_doubled_lines_total"] == 0
        assert first["runtail_canary_first_line_seconds_count"] >= 1
        stack.relay.process.kill()
        wait_for(lambda: ran("failed"), DEADLINE_SECONDS, lambda: canary.err)
        assert counted()["runtail_canary_last_success_timestamp_seconds"] > 0
        canary.popen.terminate()
        assert canary.wait() == 0
