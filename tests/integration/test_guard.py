"""The store is guarded: nothing is evicted, and logs leave room for everything else (W12)."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import pytest

from runtail.errors import ConfigError
from runtail.guard import Guard, Memory, check_at_start, read_memory, refusal
from runtail.protocol import RunState
from runtail.runs.cancel import cancel
from runtail.runs.record import read_run
from runtail.runs.start import start
from runtail.settings import load_settings
from tests.support.capture_rig import Rig
from tests.support.http_get import http_get
from tests.support.ports import free_port
from tests.support.processes import StartProcess
from tests.support.redis_server import RedisServer
from tests.support.runs import finish, make_store, open_run
from tests.support.waiting import wait_for

EVICTING = {"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server with 64 MB."""
    directory = tmp_path / "redis"
    directory.mkdir()
    with RedisServer(directory, settings={"maxmemory": "64mb"}) as running:
        yield running


@pytest.fixture
def evicting(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that deletes keys by itself."""
    directory = tmp_path / "redis"
    directory.mkdir()
    with RedisServer(directory, settings=EVICTING) as running:
        yield running


@pytest.mark.parametrize(
    ("limit", "policy", "allowed", "refused"),
    [
        (0, "allkeys-lru", False, False),
        (1, "noeviction", False, False),
        (1, "", False, False),
        (1, "allkeys-lru", False, True),
        (1, "volatile-ttl", False, True),
        (1, "volatile-ttl", True, False),
    ],
)
def test_what_is_refused(limit: int, policy: str, allowed: bool, refused: bool) -> None:
    why = refusal(Memory(0, limit, policy), load_settings({}, allow_eviction=allowed))
    assert (why is not None) == refused
    if why:
        assert policy in why
        assert "RUNTAIL_ALLOW_EVICTION=1" in why


@pytest.mark.parametrize("service", ["web", "socket"])
def test_services_refuse_a_store_that_evicts(service: str, evicting: RedisServer, start_process: StartProcess) -> None:
    process = start_process(
        sys.executable, "-m", f"runtail_{service}",
        environment={
            "RUNTAIL_BROKER_URL": evicting.url,
            f"RUNTAIL_{service.upper()}_PORT": str(free_port()),
            f"RUNTAIL_{service.upper()}_ADMIN_PORT": str(free_port()),
        },
    )  # fmt: skip
    assert process.wait(20) != 0
    assert "maxmemory-policy allkeys-lru" in process.output()
    assert "RUNTAIL_ALLOW_EVICTION=1" in process.output()
    assert "Traceback" not in process.output()


def test_a_store_that_is_away_at_the_start_is_not_refused(evicting: RedisServer) -> None:
    settings = load_settings({}, broker_url=evicting.url)
    with pytest.raises(ConfigError, match="noeviction"):
        check_at_start(settings)
    check_at_start(dataclasses.replace(settings, allow_eviction=True))
    evicting.kill()
    check_at_start(settings)


def test_found_later_it_is_told_and_over_when_it_is_over(
    server: RedisServer, key_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    guard = Guard(make_store(server.url, key_prefix))
    guard.look()
    assert guard.problem is None
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-random")
        guard.look()
        guard.look()
        assert "allkeys-random" in str(guard.problem)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        client.config_set("maxmemory-policy", "noeviction")
    guard.look()
    assert guard.problem is None


def test_room_is_asked_for_each_second_and_oftener_where_it_is_little(server: RedisServer, key_prefix: str) -> None:
    store, now = make_store(server.url, key_prefix), 100.0
    asked = 0
    ask = store.client.info

    def count(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return ask(*arguments)

    store.client.info = count  # type: ignore[method-assign,assignment]
    guard = Guard(store, clock=lambda: now)
    assert [guard.has_room(0), guard.has_room(1_000_000), asked] == [True, True, 1]
    assert [guard.has_room(10_000_000), asked] == [True, 2]
    now += 1
    assert [guard.has_room(10_000_000), asked] == [True, 3]


def test_a_limit_of_our_own_where_the_server_has_none(own_redis_server: RedisServer, key_prefix: str) -> None:
    store = make_store(own_redis_server.url, key_prefix)
    used = read_memory(store).used_bytes
    for store_bytes, room in ((0, True), (used // 2, False), (used * 10, True)):
        settings = dataclasses.replace(store.settings, store_bytes=store_bytes)
        store.settings = settings
        assert Guard(store).has_room(0) is room


def test_a_worker_on_a_store_that_evicts_runs_tasks_and_records_nothing(
    tmp_path: Path, evicting: RedisServer, key_prefix: str
) -> None:
    port = free_port()
    with Rig(tmp_path, evicting.url, key_prefix, echo=True, worker_admin_port=port) as rig:
        task = rig.run("print('echoed')")
        assert task.report()["answer"]["op"] == "go"
        assert task.record is None
        announced = rig.run("print('waited')", announced=True)
        wait_for(lambda: "echoed" in rig.keeper.output(), 10, rig.evidence)
        assert announced.process.is_running()
        wait_for(lambda: http_get(f"http://127.0.0.1:{port}/readyz")[0] == 503, 10)
        assert "runtail_worker_store_evicts 1.0" in http_get(f"http://127.0.0.1:{port}/metrics")[1]
        assert http_get(f"http://127.0.0.1:{port}/healthz")[0] == 200
        assert "nothing is recorded" in rig.keeper.output()
        with evicting.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
        assert str(announced.wait_ended().state) == "succeeded"
        assert announced.output() == b"waited\n"
        wait_for(lambda: http_get(f"http://127.0.0.1:{port}/readyz")[0] == 200, 10)
        # A worker that records already goes on, and says so.
        with evicting.client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        wait_for(lambda: http_get(f"http://127.0.0.1:{port}/readyz")[0] == 503, 10)
        assert str(rig.run("print('on')").wait_ended().state) == "succeeded"


def test_enqueues_and_states_succeed_while_logs_are_at_their_ceiling(
    tmp_path: Path, server: RedisServer, key_prefix: str
) -> None:
    over = tmp_path / "over"
    flood = (
        "import os\n"
        f"while not os.path.exists({str(over)!r}): os.write(1, b'%0100d\\n' % 7 * 500)\n"
        "print('last words'); raise ValueError('its own')"
    )
    with Rig(tmp_path, server.url, key_prefix, quota_bytes=1 << 30, spool_bytes=8 << 20) as rig:
        store = rig.store
        guard = Guard(store)
        floods = [rig.run(flood), rig.run(flood)]

        def at_the_ceiling() -> bool:
            guard.look()
            return guard.full

        wait_for(at_the_ceiling, 60, rig.evidence)
        app = celery.Celery(broker=server.url)
        failures = []
        for number in range(1000):
            try:
                app.send_task("tests.task", args=(number,), queue=key_prefix + "queue", retry=False)
                published: list[Any] = []
                run, _ = start(
                    store,
                    lambda *message, published=published: published.append(message),
                    task={"name": "tests.task"},
                    kwargs={"n": number},
                )
                if number % 2:
                    writer = open_run(store, run.id, token=f"t-{number}", headers=published[0][4])
                    finish(writer)
                else:
                    cancel(store, run.id, who="ann")
                states = {RunState.SUCCEEDED, RunState.CANCELLED}
                if read_run(store, run.id).state not in states:
                    failures.append(run.id)
            except Exception as error:  # noqa: BLE001 - any is a failure
                failures.append(str(error))
        assert failures == []
        assert store.client.llen(key_prefix + "queue") == 1000
        memory = read_memory(store)
        assert memory.used_bytes < memory.limit_bytes
        # A run that begins and ends meanwhile has its states, and says what is missing.
        meanwhile = rig.run("print('not stored')")
        assert meanwhile.wait_ended().number("overflow_bytes") == len("not stored\n")
        assert [event["kind"] for event in meanwhile.events()] == ["start", "overflow", "end"]
        # The ends of the floods come in time, with the tasks' own states.
        over.touch()
        began = time.monotonic()
        for task in floods:
            run = task.wait_ended(30)
            assert (str(run.state), run.text("why")) == ("failed", "ValueError: its own")
            events = list(task.events())
            told = sum(event["bytes"] for event in events if event["kind"] == "overflow")
            assert told == run.number("overflow_bytes") == events[-1]["overflow_bytes"] > 0
            assert events[-1]["kind"] == "end"
        assert time.monotonic() - began < 40


def test_a_full_store_makes_tasks_wait_if_that_is_wanted(tmp_path: Path, server: RedisServer, key_prefix: str) -> None:
    with server.client() as client:
        client.mset({f"others-{n}": b"x" * (1 << 20) for n in range(29)})
        client.mset({f"others-{n}": b"x" * (1 << 20) for n in range(29, 46)})
        with Rig(tmp_path, server.url, key_prefix, spool_bytes=1 << 20, overflow="block") as rig:
            task = rig.run("import os\nfor n in range(40000): os.write(1, b'%0100d\\n' % n)")
            shipper = rig.wait_shipper()
            task.wait_state("running")
            beat = task.wait_state("running").number("beat")
            # Its lease is renewed all the same.
            wait_for(lambda: (run := task.record) is not None and run.number("beat") > beat + 2, 20)
            assert task.process.is_running()
            assert shipper.is_running()
            assert task.output() == b""
            client.delete(*(f"others-{n}" for n in range(46)))
            run = task.wait_ended()
            assert run.number("overflow_bytes") == 0
            assert run.number("bytes") == 40000 * 101
