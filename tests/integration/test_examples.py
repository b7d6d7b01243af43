"""The examples of ``runtail dev``: runs in every state whose logs verify, and that are gone again on request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtail.log import reader
from runtail.protocol import GENESIS, Cut, RunState, View
from runtail.runs.record import Run
from tests.support.examples import Examples
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

MARK = {"example": "shop"}
DAY_MS = 86_400_000


@pytest.fixture
def stack(tmp_path: Path, own_redis_server: RedisServer) -> Iterator[Examples]:
    """A worker with the tasks that ``runtail dev`` gives it."""
    with Examples(tmp_path, own_redis_server.url, services=("web",)) as stack:
        yield stack


def verdict(stack: Examples, run: Run) -> str:
    """What a reader says who has checked the whole log."""
    view = View()
    view.begin(run.number("epoch"), 1, GENESIS)
    for item in reader.entries(stack.store, run.id):
        assert not isinstance(item, Cut)
        view.feed([item.wire()], epoch=run.number("epoch"))
    assert view.end is not None
    assert (view.end["state"], view.end["why"]) == (run.state, run.text("why"))
    assert view.verdict is not None
    assert view.verdict.verified
    return view.verdict.text


def test_bounds_of_parameters_are_kept(stack: Examples) -> None:
    # Its worker has published them.
    stack.wait_ended(stack.start("examples.remove"))
    kwargs = {"shards": 0, "day": "31.1.2026"}
    answer = httpx.post(f"{stack.web.url}/api/v1/runs", json={"task": "etl.load_orders", "kwargs": kwargs})
    assert answer.status_code == 422
    assert {error["field"]: error["message"] for error in answer.json()["errors"]} == {
        "shards": "must be at least 1",
        "day": "'31.1.2026' is not a date, as in 2026-01-31",
    }
    assert len(stack.listed()) == 1


def test_examples_of_every_state_are_made_once_and_removed(stack: Examples) -> None:
    filling = stack.wait_ended(stack.start("examples.fill"))
    assert filling.state is RunState.SUCCEEDED, stack.output(filling.id).decode()

    def listed() -> list[Run]:
        return [run for run in stack.listed() if run.id != filling.id]

    def is_marked(run: Run) -> bool:
        return {**run.labels, **run.added_labels}.items() >= MARK.items()

    stack.wait([run.id for run in listed()], is_marked)
    # Those that go on have begun, and one waits for a worker that does not come.
    wait_for(lambda: {run.state for run in listed()} == set(RunState), 30, stack.evidence)
    wait_for(lambda: sum(run.state is RunState.QUEUED for run in listed()) == 1, 30, stack.evidence)
    examples = listed()

    for run in examples:
        if run.state.terminal:
            lines = run.summary()["lines"]
            assert verdict(stack, run) == f"complete: {lines:,} lines, verified"
            assert run.number("created_ms") < run.number("started_ms") < run.number("finished_ms")
        assert run.text("who")
        assert run.text("title")
    assert min(run.number("created_ms") for run in examples) < time.time() * 1000 - 4 * DAY_MS
    assert any(run.number("attempt") == 2 for run in examples)
    assert [run.text("task") for run in examples if run.state is RunState.QUEUED] == ["ml.train"]
    assert all(run.json("result") for run in examples if run.state is RunState.SUCCEEDED)
    failed = next(run for run in examples if run.text("task") == "etl.load_orders" and run.state is RunState.FAILED)
    assert b"::error::" in stack.output(failed.id)
    assert b"Traceback" in stack.output(failed.id)
    assert failed.text("why").startswith("UniqueViolation: ")

    building = next(run.id for run in examples if run.text("task") == "images.build" and not run.state.terminal)
    wait_for(lambda: stack.events(building, "group"), 30, stack.evidence)
    assert b"Logging in with token ***\n" in stack.output(building)

    again = stack.wait_ended(stack.start("examples.fill"))
    assert b"there already" in stack.output(again.id)
    assert len(stack.listed()) == len(examples) + 2

    removing = stack.wait_ended(stack.start("examples.remove"))
    assert removing.state is RunState.SUCCEEDED, stack.output(removing.id).decode()
    assert [run.id for run in stack.listed()] == [removing.id]
    assert stack.store.client.zcard(stack.store.keys.finished()) == 1
