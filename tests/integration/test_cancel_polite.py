"""A cancelled task that ends by itself is not waited for, at the default grace; what it left gets the grace."""

import time
from collections.abc import Iterator

import httpx
import pytest

from runtail.runs.record import Run
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for
from tests.support.worker import exists


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("polite")
    with (
        RedisServer(tmp_path_factory.mktemp("redis")) as server,
        Installation(folder, server.url, app="tests.support.capture_app", services=("web",)) as fleet,
    ):
        fleet.add(concurrency=1).wait_ready()
        yield fleet


def cancel(fleet: Installation, run_id: str) -> None:
    answer = httpx.post(f"{fleet.web.url}/api/v1/runs/{run_id}/cancel", json={}, timeout=30)
    assert answer.status_code in (200, 202), answer.text


def started(fleet: Installation, task: str, text: bytes, **kwargs: object) -> str:
    """Start a run over the API; return when it has written *text*."""
    run_id = fleet.start(task, kwargs)
    wait_for(lambda: text in fleet.output(run_id), 60, lambda: fleet.members[0].process.evidence())
    return run_id


def seconds_to_end(fleet: Installation, run: Run) -> float:
    """From when its worker heard of the cancel to the end, by the store's clock."""
    ((asked, _),), ((end, _),) = (fleet.event_entries(run.id, kind) for kind in ("cancel-requested", "end"))
    return (end.t_ms - asked.t_ms) / 1000


@pytest.mark.parametrize("nap", [1.0, 0.01, 60.0])
def test_a_task_that_ends_at_term_ends_within_a_second(fleet: Installation, nap: float) -> None:
    run_id = started(fleet, "t.sleeps", b"asleep", nap=nap)
    cancel(fleet, run_id)
    run = fleet.wait_ended([run_id])[0]
    assert (run.state, run.maybe("signal")) == ("cancelled", 15)
    assert seconds_to_end(fleet, run) < 1
    assert [event["killed"] for event in fleet.events(run_id, "cancel")] == [0]


def test_a_task_gets_the_time_that_its_finally_takes(fleet: Installation) -> None:
    run_id = started(fleet, "t.cleans_up", b"begun", seconds=3)
    cancel(fleet, run_id)
    waiting = fleet.wait([run_id], lambda run: run.json("cancel"))[0]
    assert waiting.state == "running"
    run = fleet.wait_ended([run_id])[0]
    assert (run.state, run.maybe("signal")) == ("cancelled", 15)
    assert fleet.output(run_id).endswith(b"cleaning 29\nclean\n")
    assert 3 <= seconds_to_end(fleet, run) < 5


def test_what_ignores_term_is_killed_after_the_grace_and_the_next_task_is_not_hit(fleet: Installation) -> None:
    script = "trap '' TERM; while :; do sleep 0.1; done"
    run_id = started(fleet, "t.leaves_stubborn_child", b"child ", script=script)
    child = int(fleet.output(run_id).split()[1])
    # They wait in the broker for this worker's only process.
    followers = [fleet.start("t.sleeps", {"seconds": 0.2, "nap": 0.01}) for _ in range(3)]
    cancel(fleet, run_id)
    began = time.monotonic()
    run = fleet.wait_ended([run_id])[0]
    grace = fleet.store.settings.cancel_grace_seconds
    assert grace - 1 < time.monotonic() - began < grace + 5
    assert run.state == "succeeded"
    assert not exists(child)
    assert fleet.output(run_id).endswith(b"not yet\n")
    assert {str(follower.state) for follower in fleet.wait_ended(followers)} == {"succeeded"}


def test_many_polite_tasks_one_after_the_other(fleet: Installation) -> None:
    for _ in range(4):
        victim = started(fleet, "t.sleeps", b"asleep", nap=0.5)
        follower = fleet.start("t.sleeps", {"seconds": 0.1, "nap": 0.01})
        cancel(fleet, victim)
        ended, followed = fleet.wait_ended([victim, follower])
        assert (ended.state, followed.state) == ("cancelled", "succeeded")
        assert seconds_to_end(fleet, ended) < 1
