"""``runtail audit`` against a real web service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from tests.support.command import Command
from tests.support.runs import make_store
from tests.support.services import Service
from tests.support.waiting import wait_for

Runtail = Callable[..., Command]


@pytest.fixture
def runtail(redis_url: str, key_prefix: str, tmp_path: Path) -> Iterator[Runtail]:
    """Calls the program; the log has four entries: of the service's start, two starts of runs, and a deletion."""
    store = make_store(redis_url, key_prefix)
    with Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix}) as web:
        wait_for(lambda: store.client.xlen(store.keys.audit()) == 1, 20)
        audit = Audit(store, write=lambda _: None)
        ann = Principal("user", "user:ann", "Ann", frozenset())
        for run in ("r1", "r2"):
            audit.record("run-start", principal=ann, address="10.0.0.1", run=run, task="t", why="a\tb\nc\x1b[31m")
        audit.record("run-delete", "failed", principal=None, run="r1", right="run:delete")
        audit.stop()
        wait_for(lambda: store.client.xlen(store.keys.audit()) == 4, 20)
        yield lambda *arguments: Command(tmp_path, web.url, "audit", *arguments)


def ran(command: Command, status: int = 0) -> list[list[str]]:
    """Return the cells that a command wrote."""
    assert command.wait() == status, command.err
    return [line.split("\t") for line in command.out.decode().splitlines()]


def test_a_line_each_with_tabs_between(runtail: Runtail) -> None:
    # Reading is an entry, too, and may be there already.
    rows = [row for row in ran(runtail()) if row[1] != "audit-read"]
    assert [row[1:3] for row in rows] == [
        ["run-delete", "failed"], ["run-start", "ok"], ["run-start", "ok"], ["service-start", "ok"],
    ]  # fmt: skip
    assert rows[1][3:] == ["1", "Ann", "user:ann", "10.0.0.1", "r2", "t", "", "a\ufffdb\ufffdc\ufffd[31m"]


def test_filters(runtail: Runtail) -> None:
    assert len(ran(runtail("--who", "ANN"))) == 2
    assert len(ran(runtail("--event", "run-delete", "--event", "login"))) == 1
    assert len(ran(runtail("--run", "r1", "--since", "1h"))) == 2
    nothing = runtail("--until", "2001-01-01")
    assert ran(nothing) == []
    assert nothing.err == "No such entry.\n"
    assert "is not a time" in (wrong := runtail("--since", "soon"), wrong.wait())[0].err


def test_pages(runtail: Runtail) -> None:
    first = runtail("--event", "run-start", "--limit", "1")
    assert [row[7] for row in ran(first)] == ["r2"]
    hint = "There are more entries: --cursor "
    assert first.err.startswith(hint)
    second = runtail("--event", "run-start", "--limit", "1", "--cursor", first.err.removeprefix(hint).strip())
    assert [row[7] for row in ran(second)] == ["r1"]
    wrong = runtail("--cursor", "x")
    assert wrong.wait() == 123
    assert "`next`" in wrong.err


def test_json(runtail: Runtail) -> None:
    command = runtail("--json", "--run", "r2")
    assert command.wait() == 0
    (entry,) = json.loads(command.out)["entries"]
    assert (entry["event"], entry["who_id"], entry["run"]) == ("run-start", "user:ann", "r2")
    assert b"\x1b" not in command.out
