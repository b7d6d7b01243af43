"""How a run ends, from what is known."""

from typing import Any

import pytest

from runtail.protocol import RunState
from runtail.worker.messages import Cancelled
from runtail.worker.shipper.run import Death
from runtail.worker.shipper.run_outcome import Facts, RunOutcome, decide

CANCELLED = Cancelled(op="cancelled", run="r", key="k", signal=15, pids=4, killed=1, why="")
KILLED = Death(signal=9)


def said(state: str, **fields: Any) -> dict[str, Any]:
    return {"state": state, "why": "", "exit_status": None, "retry": None, "requeue": False, **fields}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(said("succeeded")), RunOutcome(RunState.SUCCEEDED, "")),
        (
            Facts(said("succeeded", why="sys.exit(0)", exit_status=0)),
            RunOutcome(RunState.SUCCEEDED, "sys.exit(0)", 0),
        ),
        (Facts(said("failed", why="E: x")), RunOutcome(RunState.FAILED, "E: x")),
        (Facts(said("failed", why="n", exit_status=3)), RunOutcome(RunState.FAILED, "n", 3)),
        (Facts(None, KILLED), RunOutcome(RunState.FAILED, "signal 9 (SIGKILL)", None, 9)),
        (
            Facts(None, Death(exit_status=4)),
            RunOutcome(RunState.FAILED, "the process exited with status 4", 4),
        ),
        (Facts(None), RunOutcome(RunState.FAILED, "the process died, status unknown")),
        (
            Facts(None, Death(9, None, "out of memory")),
            RunOutcome(RunState.FAILED, "out of memory; signal 9 (SIGKILL)", None, 9),
        ),
        (
            Facts(said("interrupted"), Death(why="time limit of 5 s exceeded")),
            RunOutcome(RunState.FAILED, "time limit of 5 s exceeded"),
        ),
    ],
)
def test_each_end_follows_from_its_facts(facts: Facts, expected: RunOutcome) -> None:
    assert decide(facts) == expected
    assert not decide(facts).released


def test_a_cancelled_run_names_who_why_and_how() -> None:
    cancel = {"who": "ann", "why": "typo", "at_ms": 1}
    for outcome in (None, said("interrupted"), said("failed", why="SystemExit")):
        found = decide(Facts(outcome, KILLED, cancel=cancel, cancelled=CANCELLED))
        assert found.state is RunState.CANCELLED
        assert (found.why, found.signal) == ("cancelled by ann: typo", 15)
        assert found.event == {"kind": "cancel", "who": "ann", "signal": 15, "pids": 4, "killed": 1}


def test_a_task_that_finished_before_it_was_cancelled_succeeded() -> None:
    assert decide(Facts(said("succeeded"), cancel={"who": "ann"})).state is RunState.SUCCEEDED


@pytest.mark.parametrize("redelivers", [True, False])
@pytest.mark.parametrize("requeues", [True, False])
@pytest.mark.parametrize("worker_gone", [True, False])
def test_a_death_that_the_broker_makes_good_is_no_end(redelivers: bool, requeues: bool, worker_gone: bool) -> None:
    """Of a dead worker the broker gives back what was not acknowledged, a living one decides itself."""
    found = decide(Facts(None, KILLED, redelivers=redelivers, requeues=requeues, worker_gone=worker_gone))
    assert found.released == (redelivers if worker_gone else requeues)
    if found.released:
        assert (found.why, found.awaits) == ("redelivery expected", "redelivery")
    else:
        assert found.state is (RunState.LOST if worker_gone else RunState.FAILED)


def test_a_time_limit_gives_no_message_back() -> None:
    death = Death(signal=9, why="time limit of 5 s exceeded")
    found = decide(Facts(None, death, redelivers=True, requeues=True))
    assert (found.state, found.why) == (RunState.FAILED, "time limit of 5 s exceeded; signal 9 (SIGKILL)")


@pytest.mark.parametrize(
    ("restart", "attempt", "state"),
    [(True, 1, RunState.QUEUED), (True, 3, RunState.LOST), (False, 1, RunState.LOST)],
)
def test_interrupted_follows_the_rule_of_a_lost_run(restart: bool, attempt: int, state: RunState) -> None:
    for facts in (
        Facts(said("interrupted"), restart=restart, attempt=attempt),
        Facts(None, KILLED, worker_gone=True, restart=restart, attempt=attempt),
    ):
        found = decide(facts)
        assert found.state is state
        assert found.event is not None
        assert found.event["kind"] == "interrupted"


@pytest.mark.parametrize("why", ["the process exited with status 0", "killed by signal 9 (SIGKILL)"])
def test_how_an_interrupted_task_left_does_not_make_it_a_failed_one(why: str) -> None:
    """The worker sees its process end, sometimes before the shipper has decided."""
    found = decide(Facts(said("interrupted", why="told to stop by a signal"), Death(9, None, why)))
    assert (found.state, found.why, found.signal) == (RunState.LOST, "told to stop by a signal", 9)
    assert decide(Facts(said("interrupted"), Death(9, None, why), redelivers=True)).awaits == "redelivery"
    assert decide(Facts(said("interrupted"), Death(9, None, why), restart=True)).released


def test_retry_and_requeue_are_releases() -> None:
    retry = {"retries": 1, "max": 3, "eta_ms": 5, "reason": "r"}
    found = decide(Facts(said("retry", why="retry 1 of 3: r", retry=retry)))
    assert found == RunOutcome(
        RunState.QUEUED, "retry 1 of 3: r", event={"kind": "retry", **retry}, eta_ms=5, awaits="retry"
    )
    assert decide(Facts(said("rejected", requeue=True))).released
    assert not decide(Facts(said("rejected"))).released


def test_a_replaced_task_releases_its_run_for_the_one_that_replaces_it() -> None:
    found = decide(Facts(said("replaced", why="replaced by etl.load, which has not begun", replaced_by="etl.load")))
    event = {"kind": "replaced", "task": "etl.load"}
    assert found == RunOutcome(RunState.QUEUED, "replaced by etl.load, which has not begun", event=event,
                            awaits="replacement")  # fmt: skip


def test_a_released_run_says_which_message_it_waits_for() -> None:
    assert decide(Facts(None, redelivers=True, worker_gone=True)).awaits == "redelivery"
    assert decide(Facts(None, requeues=True)).awaits == "redelivery"
    assert decide(Facts(said("interrupted"), redelivers=True)).awaits == "redelivery"
    assert decide(Facts(said("rejected", requeue=True))).awaits == "redelivery"
    assert decide(Facts(said("interrupted"), restart=True)).awaits is None
