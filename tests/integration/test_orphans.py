"""Keeper and shipper end with their worker: soon, without using the processor, and not without a word."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.celery_worker import ROLES, CeleryWorker
from tests.support.idle import too_busy
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for
from tests.support.worker import exists

ORPHAN_SECONDS = 5.0
#: More than a line of ``f.counts``.
NOT_NOTED_BYTES = 64


@pytest.fixture
def fleet(tmp_path: Path, own_redis_server: RedisServer) -> Iterator[Installation]:
    (tmp_path / "notes").mkdir()
    with Installation(tmp_path, own_redis_server.url, orphan_seconds=ORPHAN_SECONDS) as fleet:
        yield fleet


def busy_member(fleet: Installation, number: int = 0) -> tuple[CeleryWorker, str]:
    """A worker with a run that writes without end, and has written."""
    member = fleet.add(queue=f"queue{number}").wait_ready()
    run_id = fleet.send("f.counts", str(fleet.directory / "notes"), 0.001, queue=f"queue{number}")
    wait_for(lambda: fleet.find(run_id) and len(fleet.output(run_id)) > 1000, 60, member.process.evidence)
    return member, run_id


def all_gone(members: list[CeleryWorker]) -> bool:
    return not any(member.processes() for member in members)


def left(members: list[CeleryWorker]) -> str:
    found = [(process.pid, process.cmdline()) for member in members for process in member.processes()]
    return f"{found}\n" + "\n".join(member.process.evidence() for member in members)


#: Each process is once the first, once the last.
ORDERS = [ROLES[n:] + ROLES[:n] for n in range(4)]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("store", ["up", "gone", "silent", "coming back"])
def test_whatever_is_killed_in_whatever_order_nothing_is_left(
    fleet: Installation, own_redis_server: RedisServer, store: str
) -> None:
    members = [busy_member(fleet, number)[0] for number in range(len(ORDERS))]
    if store == "gone":
        own_redis_server.kill()
    elif store != "up":
        own_redis_server.pause()
    for member, order in zip(members, ORDERS, strict=True):
        member.kill_in_order(order, 0.1)
    killed_at = time.monotonic()
    remaining = [process for member in members for process in member.processes()]
    assert too_busy(remaining) == {}
    if store == "coming back":
        own_redis_server.resume()
    # Its end is noticed, the last word is said, and Python ends: none of it takes long.
    bound = 5.0 if store in ("up", "coming back") else ORPHAN_SECONDS + 5.0
    wait_for(lambda: all_gone(members), bound - (time.monotonic() - killed_at) + 2.0, lambda: left(members))
    if store == "silent":
        own_redis_server.resume()


@pytest.mark.parametrize("silent", [False, True], ids=["gone", "silent"])
def test_what_is_lost_after_the_workers_end_is_said(
    fleet: Installation, own_redis_server: RedisServer, silent: bool
) -> None:
    member, run_id = busy_member(fleet)
    stored = len(fleet.output(run_id))
    own_redis_server.process.signal(signal.SIGSTOP if silent else signal.SIGKILL)
    note = fleet.directory / "notes" / f"{run_id}.1"
    written = int(note.read_text().split()[2])
    wait_for(lambda: int(note.read_text().split()[2]) > written + 50_000, 30, member.process.evidence)
    member.main.kill()
    killed_at = time.monotonic()
    assert too_busy(member.processes()) == {}
    wait_for(lambda: all_gone([member]), ORPHAN_SECONDS + 5, lambda: left([member]))
    assert time.monotonic() - killed_at > ORPHAN_SECONDS - 1
    said = re.findall(r"the worker has ended.*?(\d+) bytes: (.*)", member.process.output())
    assert [runs for _, runs in said] == [run_id]
    lost, total = int(said[0][0]), int(note.read_text().split()[2])
    # The task may have been killed when a line was written and not noted yet.
    assert 50_000 <= lost <= total - stored + NOT_NOTED_BYTES
    if silent:
        own_redis_server.resume()
        # It took one more batch, which it could not confirm.
        assert lost - 50_000 < total - len(fleet.output(run_id)) <= lost


@pytest.mark.parametrize("whom", [("keeper",), ("shipper",), ("keeper", "shipper")], ids=["keeper", "shipper", "both"])
def test_sigterm_after_the_workers_end_is_obeyed(
    fleet: Installation, own_redis_server: RedisServer, whom: tuple[str, ...]
) -> None:
    member, run_id = busy_member(fleet)
    own_redis_server.pause()
    keeper, shipper = member.keeper(), member.shipper()
    member.process.signal(signal.SIGKILL)
    wait_for(lambda: not any(exists(child.pid) for child in member.processes() if child not in (keeper, shipper)), 5)
    for process in (keeper, shipper):
        assert exists(process.pid)
    for role in whom:
        {"keeper": keeper, "shipper": shipper}[role].terminate()
    wait_for(lambda: all_gone([member]), 2.0, lambda: left([member]))
    assert f"bytes: {run_id}" in member.process.output()
    own_redis_server.resume()


@pytest.mark.parametrize("seconds", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_sigterm_to_every_process_takes_nothing_from_a_running_task(fleet: Installation, seconds: int) -> None:
    """What systemd does to stop a unit."""
    member = fleet.add(concurrency=2, arguments=["--prefetch-multiplier=1"]).wait_ready()
    run_id = fleet.send("f.ignores_term", seconds)
    wait_for(lambda: fleet.find(run_id) and b"line 3\n" in fleet.output(run_id), 60, member.process.evidence)
    for process in member.processes():
        os.kill(process.pid, signal.SIGTERM)
    assert member.process.wait(seconds + 30) == 0
    run = fleet.wait_ended([run_id])[0]
    assert run.state == "succeeded"
    assert fleet.output(run_id) == b"".join(b"line %d\n" % number for number in range(seconds * 10))
    wait_for(lambda: all_gone([member]), 5, lambda: left([member]))
    assert "SIGTERM noted" in member.process.output()


def test_nobody_uses_the_processor_while_the_worker_is_idle(fleet: Installation, own_redis_server: RedisServer) -> None:
    member = fleet.add(concurrency=2).wait_ready()
    fleet.wait_ended([fleet.send("f.prints_lines", 100)])
    assert too_busy(member.processes(), 2.0) == {}
    own_redis_server.kill()
    assert too_busy(member.processes(), 2.0) == {}
