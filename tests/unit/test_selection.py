"""Which tasks are recorded, and what one costs that is not."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from celery import Celery
from celery.app.trace import build_tracer

from runtail.errors import ConfigError
from runtail.sealing import Seals
from runtail.selection import Selection
from runtail.settings import load_settings
from runtail.worker.task.environment import SecretEnvironment
from runtail.worker.task.streams import Streams
from runtail.worker.task.trace import Tracer

#: Of CPU time, for one execution of a task that is left out.
MOST_SECONDS = 50e-6


@pytest.mark.parametrize(
    ("patterns", "taken", "left_out"),
    [
        ("*", ["a", "etl.load"], []),
        ("*,!noisy.*", ["noisy", "etl.load", "not.noisy.at_all"], ["noisy.ping", "noisy.a.b"]),
        ("!noisy.*, !*.heartbeat", ["etl.load"], ["noisy.ping", "a.heartbeat"]),
        ("etl.*", ["etl.load"], ["mail.send", "ETL.load"]),
        (" etl.* , !etl.tmp.* , etl.tmp.keep ,", ["etl.load", "etl.tmp.keep"], ["etl.tmp.x", "mail"]),
        ("*.load_[ab],!*?.b.*", ["x.load_a"], ["x.load_c", "q.b.load_a"]),
    ],
)
def test_the_last_pattern_that_fits_decides(patterns: str, taken: list[str], left_out: list[str]) -> None:
    selection = Selection(patterns)
    assert [name for name in taken + left_out if selection.takes(name)] == taken


@pytest.mark.parametrize("patterns", ["", " , ", "!", "etl.*,!"])
def test_what_cannot_be_meant_is_refused(patterns: str) -> None:
    with pytest.raises(ConfigError, match=r"RUNTAIL_TASKS=.* has a pattern without a name"):
        load_settings({"RUNTAIL_TASKS": patterns})


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (None, ""),
        ({"secrets": ["x"]}, ""),
        ({"record": True}, ""),
        ({"record": False}, 'its code says so: runtail={"record": False}'),
    ],
)
def test_a_task_speaks_for_itself(options: dict[str, Any] | None, why: str) -> None:
    assert Selection("*").why_not(SimpleNamespace(name="a.b", runtail=options)) == why
    left_out = Selection("!a.*").why_not(SimpleNamespace(name="a.b", runtail=options))
    assert left_out == (why or "RUNTAIL_TASKS leaves it out")


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("selection", set_as_current=False, broker="memory://")
    yield app
    app.close()


def test_a_task_that_is_left_out_costs_next_to_nothing(app: Celery) -> None:
    @app.task(name="selection.noop", runtail={"record": False})
    def noop() -> None: ...

    app.finalize()
    task = app.tasks["selection.noop"]
    for any_task in app.tasks.values():
        any_task.__trace__ = build_tracer(any_task.name, any_task, app=app)
    original = task.__trace__

    def refuse(*_: Any) -> bool:
        raise AssertionError("it goes through the door")

    tracer = Tracer(
        app,
        refuse,
        cast(Streams, None),
        hostname="here",
        split=False,
        results=True,
        patience_seconds=1.0,
        selection=Selection("*"),
        reaps=False,
        environment=cast(SecretEnvironment, None),
        seals=Seals([]),
    )
    tracer.wrap_tasks()
    assert task.__trace__ is not original
    request = {"id": "an-id", "retries": 0}
    rounds = 500

    def cost(trace: Any) -> float:
        begun = time.process_time()
        for _ in range(rounds):
            trace("an-id", (), {}, request)
        return (time.process_time() - begun) / rounds

    assert task.__trace__("an-id", (), {}, request).info is None
    differences = [cost(task.__trace__) - cost(original) for _ in range(7)]
    print(f"left out: {sorted(differences)[3] * 1e6:.1f} µs more than without Runtail")
    assert sorted(differences)[3] <= MOST_SECONDS
