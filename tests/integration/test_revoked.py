"""``app.control.revoke``, which other tools call to stop a task, is a cancellation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtail.runs.record import Run
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("revoked")
    with (
        RedisServer(tmp_path_factory.mktemp("redis")) as server,
        Installation(folder, server.url, app="tests.support.capture_app", services=("web",)) as fleet,
    ):
        fleet.add(concurrency=1).wait_ready()
        yield fleet


def wait_output(fleet: Installation, run_id: str, text: bytes) -> None:
    wait_for(lambda: fleet.find(run_id) and text in fleet.output(run_id), 60, fleet.members[0].process.evidence)


def works_on(fleet: Installation) -> None:
    """The worker takes the next task."""
    assert fleet.wait_ended([fleet.send("t.printing")])[0].state == "succeeded"


@pytest.mark.parametrize("announced", [True, False], ids=["api", "delay"])
@pytest.mark.parametrize("signal", [None, "SIGTERM", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGHUP"])
def test_a_running_task_that_is_terminated_is_cancelled(
    fleet: Installation, signal: str | None, announced: bool
) -> None:
    run_id = fleet.start("t.sleeps") if announced else fleet.send("t.sleeps")
    wait_output(fleet, run_id, b"asleep")
    more = {"signal": signal} if signal else {}
    fleet.client.control.revoke(run_id, terminate=True, **more)
    run = fleet.wait_ended([run_id])[0]
    why = f"cancelled: revoked through Celery, with {signal or 'SIGTERM'}"
    assert (run.state, run.text("why")) == ("cancelled", why)
    assert len(fleet.events(run_id, "cancel-requested")) == len(fleet.events(run_id, "cancel")) == 1
    works_on(fleet)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGUSR1"])
@pytest.mark.parametrize("by", ["id", "stamp"])
def test_a_task_that_fails_before_celery_tells_of_its_revocation_is_cancelled(
    fleet: Installation, signal: str, by: str
) -> None:
    """Celery signals the process, stores the revocation, and tells of it last."""
    task = fleet.client.signature("t.fails_at_a_signal", queue="celery")
    task.stamp(batch=f"{signal}-{by}")
    run_id = task.apply_async().id
    wait_output(fleet, run_id, b"asleep")
    if by == "id":
        fleet.client.control.revoke(run_id, terminate=True, signal=signal)
    else:
        fleet.client.control.revoke_by_stamped_headers({"batch": [f"{signal}-{by}"]}, terminate=True, signal=signal)
    run = fleet.wait_ended([run_id])[0]
    assert (run.state, run.text("why")) == ("cancelled", f"cancelled: revoked through Celery, with {signal}")
    works_on(fleet)


def test_killed_ten_times_it_is_cancelled_ten_times(fleet: Installation) -> None:
    """Celery says that it revoked a run a while after it killed its process, which is known before."""
    found: list[Run] = []
    for _ in range(10):
        run_id = fleet.send("t.sleeps", nap=0.01)
        wait_output(fleet, run_id, b"asleep")
        fleet.client.control.revoke(run_id, terminate=True, signal="SIGKILL")
        found += fleet.wait_ended([run_id])
    assert [(str(run.state), run.maybe("signal")) for run in found] == [("cancelled", 9)] * 10


def test_a_task_that_cleans_up_has_its_time(fleet: Installation) -> None:
    run_id = fleet.start("t.cleans_up", {"seconds": 1.5})
    wait_output(fleet, run_id, b"begun")
    fleet.client.control.revoke(run_id, terminate=True)
    assert fleet.wait_ended([run_id])[0].state == "cancelled"
    assert fleet.output(run_id).endswith(b"cleaning 14\nclean\n")


@pytest.mark.parametrize("terminate", [True, False])
def test_a_queued_run_that_is_revoked_is_cancelled_when_its_message_is_discarded(
    fleet: Installation, tmp_path: Path, terminate: bool
) -> None:
    flag = tmp_path / "flag"
    busy = fleet.start("t.waits", {"path": str(flag)})
    fleet.wait_running([busy])
    # The second waits in the worker, the others in the broker.
    waiting = [fleet.start("t.sleeps", {"seconds": 0.1, "nap": 0.01}) for _ in range(4)]
    unknown = fleet.send("t.sleeps", 0.1, 0.01)
    fleet.client.control.revoke([*waiting, unknown], terminate=terminate)
    stays(lambda: fleet.find(busy).state == "running", 1.0)  # type: ignore[union-attr]
    flag.touch()
    ended = fleet.wait_ended([busy, *waiting])
    assert [str(run.state) for run in ended] == ["succeeded", *["cancelled"] * 4]
    assert all(fleet.output(run.id) == b"" and run.number("attempt") == 0 for run in ended[1:] if not terminate)
    works_on(fleet)
    # Nobody had heard of it, and it never ran: there is nothing to tell.
    found = fleet.find(unknown)
    assert found is None or found.state == "cancelled"


def test_a_revoked_task_that_is_not_terminated_runs_on(fleet: Installation, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    run_id = fleet.start("t.waits", {"path": str(flag)})
    fleet.wait_running([run_id])
    fleet.client.control.revoke(run_id)
    works_on_later = fleet.start("t.printing")
    stays(lambda: fleet.find(run_id).state == "running", 1.0)  # type: ignore[union-attr]
    flag.touch()
    assert [run.state for run in fleet.wait_ended([run_id, works_on_later])] == ["succeeded", "succeeded"]


def test_a_message_that_expired_ends_its_run(fleet: Installation) -> None:
    """A retry waits under a record that is known, longer than its message is valid."""
    first = fleet.client.send_task("t.retries_later", expires=1, queue="celery")
    run = fleet.wait_ended([first.id])[0]
    assert (run.state, run.text("why")) == ("cancelled", "cancelled before it began: expired in Celery")
    assert fleet.output(first.id).startswith(b"attempt 0\n")
    assert b"attempt 1" not in fleet.output(first.id)
