"""RUNTAIL_LOG_FORMAT and RUNTAIL_LOG_LEVEL over all processes that have a log of their own."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.audit_lines import own_log
from tests.support.command import PROGRAM
from tests.support.http_get import http_get
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.stack import Stack
from tests.support.waiting import wait_for
from tests.support.worker import Worker

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\w+) [\w.]+: .+")
FIELDS = {"time", "level", "component", "logger", "message"}


def parsed(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Every line, each of which must be one of ours."""
    found = [json.loads(line) for line in lines]
    assert all(one.keys() >= FIELDS for one in found)
    return found


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_web_and_relay_write_json_and_nothing_else(tmp_path: Path, own_redis_server: RedisServer, mode: str) -> None:
    settings = {
        "store_url": own_redis_server.url,
        "log_format": "json",
        "log_level": "debug",
        "socket_async_mode": mode,
    }
    with Service("web", tmp_path, settings) as web, Service("socket", tmp_path, settings) as relay:
        httpx.get(f"{web.url}/api/v1/runs", params={"task": "who-asks"}, headers={"Host": "localhost"})
        for service in (web, relay):
            # What is no HTTP, and a client that goes away in the middle.
            for data in (b"\x16\x03\x01 no HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
                with socket.create_connection(("127.0.0.1", service.port)) as client:
                    client.sendall(data)
        own_redis_server.kill()
        # The relay keeps its viewers, and says so.
        relay.process.wait_for_log("the pub/sub connection ended", 30)
        web.process.wait_for_log("waits for the store", 30)
        wait_for(lambda: http_get(f"http://127.0.0.1:{web.admin_port}/readyz")[0] != 200, 30)
        assert http_get(f"{web.url}/api/v1/runs")[0] == 503
        own_redis_server.start()
        web.process.wait_for_log("the reaper goes on", 30)
        relay.process.wait_for_log("the pub/sub connection is back", 30)
        for service in (web, relay):
            service.process.signal(signal.SIGTERM)
        assert [service.process.wait(60) for service in (web, relay)] == [0, 0]
        for service, component in ((web, "web"), (relay, "relay")):
            found = parsed(own_log(service.process))
            assert {one["component"] for one in found} == {component}
            for once in ("ready on", "waits for the store" if service is web else "the pub/sub connection ended"):
                assert len([one for one in found if once in one["message"]]) == 1
        (asked,) = [one for one in parsed(own_log(web.process)) if one.get("path") == "/api/v1/runs"][:1]
        assert (asked["method"], asked["status"], asked["client"]) == ("GET", 200, "127.0.0.1")
        assert "who-asks" not in web.process.output()


def test_text_has_one_form_and_no_requests(tmp_path: Path, redis_url: str, key_prefix: str) -> None:
    settings = {"store_url": redis_url, "key_prefix": key_prefix}
    with Service("web", tmp_path, settings) as web, Service("socket", tmp_path, settings) as relay:
        httpx.get(f"{web.url}/api/v1/runs")
        for service in (web, relay):
            service.process.terminate(60)
            lines = own_log(service.process)
            assert lines
            assert [line for line in lines if not LINE.fullmatch(line)] == []
        assert "/api/v1/runs" not in web.process.output()


def test_the_workers_own_processes(tmp_path: Path, own_redis_server: RedisServer) -> None:
    """Launcher, keeper and shipper; what Celery says, and what tasks write, is theirs."""
    seconds = {"RUNTAIL_WORKER_DRAIN_SECONDS": "0.1", "RUNTAIL_ORPHAN_SECONDS": "1"}
    with Worker(
        tmp_path, own_redis_server.url, launcher=(PROGRAM, "worker", "--"),
        environment={"RUNTAIL_LOG_FORMAT": "json", **seconds},
    ) as worker:  # fmt: skip
        worker.wait_ready()
        run_id = worker.send("t.writes_until", str(tmp_path / "never"), 0.01)
        worker.wait_output(run_id, b"line 3\n")
        worker.keeper().terminate()
        own_redis_server.kill()
        worker.process.wait_for_log("is away", 30)
        worker.process.signal(signal.SIGTERM)
        worker.process.wait(60)
        found = parsed(line for line in worker.process.output().splitlines() if line.startswith("{"))
    said = {(one["component"], one["level"]): one["message"] for one in found}
    assert "SIGTERM noted" in said["keeper", "INFO"]
    assert "running tasks may go on for 0.1 s" in said["worker", "INFO"]
    assert {component for component, _level in said} == {"keeper", "shipper", "worker"}
    for component in ("keeper:", "shipper:", "runtail worker:"):
        assert component not in worker.process.output()


@pytest.mark.parametrize("module", ["runtail_web", "runtail_socket"])
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"RUNTAIL_BEAT_SECONDS": "fast"}, "RUNTAIL_BEAT_SECONDS='fast' is not a float"),
        ({"RUNTAIL_LOG_LEVEL": "loud"}, "RUNTAIL_LOG_LEVEL='loud' is not one of debug, info, warning, error"),
        ({"RUNTAIL_STORE_URL": "ftp://h"}, "RUNTAIL_STORE_URL must name a Redis or Valkey server, not 'ftp' is none"),
    ],
)
def test_why_a_service_does_not_start_is_a_line_as_well(
    start_process: Any, module: str, environment: dict[str, str], message: str
) -> None:
    ports = {f"RUNTAIL_{name}_PORT": str(free_port()) for name in ("WEB", "WEB_ADMIN", "SOCKET", "SOCKET_ADMIN")}
    process = start_process(
        sys.executable, "-m", module, environment={"RUNTAIL_LOG_FORMAT": "json", **ports, **environment}
    )
    assert process.wait(60) != 0
    (line,) = parsed(process.output().splitlines())
    assert (line["level"], line["message"]) == ("ERROR", message)


@pytest.mark.parametrize("module", ["runtail_web", "runtail_socket"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "8080"], "--port: set RUNTAIL_{}_PORT in the environment instead"),
        (["--store-url=redis://:a-password@h"], "--store-url: set RUNTAIL_STORE_URL in"),
        (["--wrong", "a-password"], "--wrong: set environment variables instead"),
        (["a-password"], "something else: set environment variables instead"),
    ],
)
def test_a_service_refuses_arguments(start_process: Any, module: str, arguments: list[str], words: str) -> None:
    process = start_process(sys.executable, "-m", module, *arguments, environment={"RUNTAIL_LOG_FORMAT": "json"})
    assert process.wait(60) == 2
    (line,) = parsed(process.output().splitlines())
    words = words.format(module.removeprefix("runtail_").upper())
    assert line["message"].startswith(f"python -m {module} takes no arguments, but got {words}")
    assert "a-password" not in line["message"]


def test_the_relays_mode(start_process: Any) -> None:
    process = start_process(
        sys.executable, "-m", "runtail_socket",
        environment={"RUNTAIL_LOG_FORMAT": "json", "RUNTAIL_SOCKET_ASYNC_MODE": "threads"},
    )  # fmt: skip
    assert process.wait(60) != 0
    (line,) = parsed(process.output().splitlines())
    assert line["message"] == "RUNTAIL_SOCKET_ASYNC_MODE='threads' is neither eventlet nor gevent"


def test_a_reader_of_a_run_sees_only_what_the_task_wrote(tmp_path: Path, redis_url: str) -> None:
    with Stack(tmp_path, redis_url, app="runtail_worker.app", log_format="json", log_level="debug") as stack:
        run_id = stack.start("runtail.check", {"lines": 2, "seconds": 0})
        assert stack.wait_ended(run_id).state == "succeeded"
        assert b'"component"' not in stack.output(run_id)
