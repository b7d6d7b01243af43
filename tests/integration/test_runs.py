"""Runs in a real Redis: start, claim, cancel, hold, idempotency, lists, retention."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from runtail.errors import (
    ExclusiveHeld,
    IdempotencyConflict,
    PublishFailed,
    RunEnded,
    RunNotFound,
    StartError,
    StoreUnavailable,
)
from runtail.log import reader
from runtail.log.writer import LogWriter
from runtail.protocol import Entry, RunState
from runtail.protocol import event as events
from runtail.runs.cancel import cancel
from runtail.runs.claim import Claimed, Delivery, Held, Refused, claim
from runtail.runs.ending import write_events
from runtail.runs.listing import list_page, list_tasks, list_workers, waiting_reason
from runtail.runs.record import read_run
from runtail.runs.retention import delete, forget_expired, keep_budget
from runtail.runs.start import start
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, write_lines
from tests.support.waiting import wait_for

TASK: dict[str, Any] = {"name": "tests.task", "queue": "celery", "exclusive": False, "restart": False}


class Broker:
    """Remembers what was published; may refuse."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, Mapping[str, Any], str, Mapping[str, Any]]] = []
        self.refuses = False

    def publish(
        self, run_id: str, task: str, kwargs: Mapping[str, Any], queue: str, headers: Mapping[str, Any]
    ) -> None:
        """A publisher for ``start``."""
        if self.refuses:
            raise OSError("the broker is away")
        self.messages.append((run_id, task, kwargs, queue, headers))

    def delivery(self, index: int = -1) -> Delivery:
        """The delivery of a published message."""
        run_id, task, kwargs, queue, headers = self.messages[index]
        return Delivery(run_id, task, "worker@test", headers=headers["runtail"], kwargs=kwargs, queue=queue)


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    """A store under the test's prefix."""
    made = make_store(redis_url, key_prefix)
    yield made
    made.client.close()


@pytest.fixture
def broker() -> Broker:
    """A broker that takes everything until told otherwise."""
    return Broker()


def take(store: Store, delivery: Delivery, token: str = "token-1", takeover: Held | None = None) -> Any:
    """Claim as the one worker of these tests."""
    return claim(store, delivery, owner="owner-1", token=token, takeover=takeover)


def kinds(store: Store, run_id: str) -> list[str]:
    """The kinds of a run's events."""
    items = reader.entries(store, run_id)
    return [events.decode(i)["kind"] for i in items if isinstance(i, Entry) and i.type == "e"]


def test_a_started_run_is_queued_published_and_says_who_asked(store: Store, broker: Broker) -> None:
    run, created = start(store, broker.publish, task=TASK, kwargs={"a": 1}, who="ana")
    assert created
    assert run.state is RunState.QUEUED
    assert run.number("published") == 1
    summary = run.summary()
    assert (summary["task"], summary["kwargs"], summary["who"]) == ("tests.task", {"a": 1}, "ana")
    headers = broker.messages[0][4]["runtail"]
    assert headers == {"v": 1, "run": run.id, "attempt": 1, "store": store.uuid(), "execution": 1}
    assert [r.id for r in list_page(store).runs] == [run.id]


def test_the_same_key_gives_the_same_run_and_another_body_is_refused(store: Store, broker: Broker) -> None:
    first, _ = start(store, broker.publish, task=TASK, kwargs={"a": 1}, idempotency_key="k")
    again, created = start(store, broker.publish, task=TASK, kwargs={"a": 1}, idempotency_key="k")
    assert again.id == first.id
    assert not created
    assert len(broker.messages) == 1
    with pytest.raises(IdempotencyConflict):
        start(store, broker.publish, task=TASK, kwargs={"a": 2}, idempotency_key="k")
    with pytest.raises(StartError):
        start(store, broker.publish, task=TASK, kwargs={}, run_id=first.id)


def test_a_failed_publication_leaves_a_tombstone_that_refuses_a_late_message(store: Store, broker: Broker) -> None:
    task = {**TASK, "exclusive": True}
    broker.refuses = True
    with pytest.raises(PublishFailed):
        start(store, broker.publish, task=task, kwargs={}, run_id="r", idempotency_key="k")
    assert read_run(store, "r").state is RunState.FAILED
    headers = {"v": 1, "run": "r", "attempt": 1, "store": store.uuid()}
    late = Delivery("r", "tests.task", "w", headers=headers)
    assert take(store, late) == Refused("ended", "failed")
    broker.refuses = False
    run, created = start(store, broker.publish, task=task, kwargs={}, idempotency_key="k")
    assert created
    assert run.id != "r"


def test_an_exclusive_task_is_refused_until_its_run_is_over(store: Store, broker: Broker) -> None:
    task = {**TASK, "exclusive": True}
    run, _ = start(store, broker.publish, task=task, kwargs={})
    with pytest.raises(ExclusiveHeld, match=r"^Task is already running$") as refused:
        start(store, broker.publish, task=task, kwargs={})
    assert refused.value.holder == run.id
    claimed = take(store, broker.delivery())
    finish(LogWriter(store, claimed.claim))
    assert start(store, broker.publish, task=task, kwargs={})[1]


def test_a_hold_whose_run_is_gone_holds_nothing(store: Store, broker: Broker) -> None:
    task = {**TASK, "exclusive": True}
    run, _ = start(store, broker.publish, task=task, kwargs={})
    store.client.delete(store.keys.run(run.id))
    assert start(store, broker.publish, task=task, kwargs={})[1]


def test_only_one_of_two_deliveries_runs(store: Store, broker: Broker) -> None:
    start(store, broker.publish, task=TASK, kwargs={})
    first = take(store, broker.delivery())
    assert isinstance(first, Claimed)
    assert first.claim.attempt == 1
    again = take(store, broker.delivery())
    assert isinstance(again, Claimed)
    assert again.claim.attempt == 1
    assert again.claim.token == "token-1"
    held = take(store, broker.delivery(), "token-2")
    assert isinstance(held, Held)
    LogWriter(store, again.claim).flush()
    # The holder's beat moved on: what was seen before takes nothing over.
    assert isinstance(take(store, broker.delivery(), "token-2", held), Held)
    finish(LogWriter(store, again.claim))
    assert take(store, broker.delivery(), "token-2") == Refused("ended", "succeeded")


def test_a_holder_that_stood_still_is_taken_over_and_fenced(store: Store, broker: Broker) -> None:
    start(store, broker.publish, task=TASK, kwargs={})
    first = LogWriter(store, take(store, broker.delivery()).claim)
    write_lines(first, 1, 3)
    held = take(store, broker.delivery(), "token-2")
    second = take(store, broker.delivery(), "token-2", held)
    assert isinstance(second, Claimed)
    assert (second.claim.attempt, second.claim.resumed) == (2, False)
    first.add("o", b"zombie\n", 1)
    with pytest.raises(Exception, match="superseded"):
        first.flush()


def test_a_new_shipper_makes_no_new_attempt_of_an_execution_that_was_given_up(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 5)
    run = read_run(store, writer.claim.run_id)
    write_events(store, run, "reaper", [events.encode(events.WORKER_LOST, worker="w")], release="silent; restarting")
    delivery = Delivery(run.id, "tests.task", "worker@test")
    assert claim(store, delivery, owner="owner-1", token="token-1") == Refused("superseded")
    claimed = claim(store, delivery, owner="owner-2", token="token-2")
    assert isinstance(claimed, Claimed)
    assert claimed.claim.attempt == 2


def test_a_run_tells_when_its_first_attempt_began_and_when_its_last(store: Store) -> None:
    writer = open_run(store)
    first = read_run(store, writer.claim.run_id).summary()
    assert first["first_started_ms"] == first["started_ms"] > 0
    wait_for(lambda: time.time() * 1000 > first["started_ms"] + 2, 5)
    writer.release("again", events.encode(events.RETRY, retries=1, max=3, reason="x"), t_ms=1)
    delivery = Delivery(writer.claim.run_id, "tests.task", "worker@test")
    assert isinstance(claim(store, delivery, owner="owner-2", token="token-2"), Claimed)
    second = read_run(store, writer.claim.run_id).summary()
    assert second["attempt"] == 2
    assert second["first_started_ms"] == first["started_ms"] < second["started_ms"]
    # A record from before this was noted has the last attempt's.
    store.client.hdel(store.keys.run(writer.claim.run_id), "first_started_ms")
    old = read_run(store, writer.claim.run_id).summary()
    assert old["first_started_ms"] == old["started_ms"]


def test_a_run_nobody_announced_gets_its_record_when_it_is_claimed(store: Store) -> None:
    writer = open_run(store, "plain")
    assert read_run(store, "plain").state is RunState.RUNNING
    assert [run.id for run in list_page(store).runs] == ["plain"]
    finish(writer)


def test_a_message_of_a_deleted_run_is_refused_but_not_after_an_emptied_store(store: Store, broker: Broker) -> None:
    run, _ = start(store, broker.publish, task=TASK, kwargs={"a": 1})
    delete(store, run.id)
    assert take(store, broker.delivery()) == Refused("deleted", "")
    store.client.delete(store.keys.store())
    claimed = take(store, broker.delivery())
    assert isinstance(claimed, Claimed)
    assert read_run(store, run.id).json("kwargs") == {"a": 1}


def test_a_queued_run_is_cancelled_at_once_and_its_message_refused(store: Store, broker: Broker) -> None:
    run, _ = start(store, broker.publish, task=TASK, kwargs={})
    ended = cancel(store, run.id, who="ana", why="wrong parameters")
    assert (ended.state, ended.text("why")) == (RunState.CANCELLED, "cancelled by ana before it began")
    assert kinds(store, run.id) == ["cancel", "end"]
    assert take(store, broker.delivery()) == Refused("ended", "cancelled")
    with pytest.raises(RunEnded):
        cancel(store, run.id)
    with pytest.raises(RunNotFound):
        cancel(store, "nobody")


def test_a_running_run_learns_of_the_request_with_its_next_renewal(store: Store) -> None:
    writer = open_run(store, "r")
    assert writer.flush().cancel is None
    cancel(store, "r", who="ana")
    cancel(store, "r", who="ben")
    request = writer.flush().cancel
    assert request is not None
    assert request["who"] == "ana"


def test_waiting_runs_say_why(store: Store, broker: Broker) -> None:
    run, _ = start(store, broker.publish, task={**TASK, "queue": "builds"}, kwargs={})
    assert waiting_reason(run, []) == "waiting: no worker listens to queue builds"
    assert waiting_reason(run, [{"queues": ["builds"]}]) == "waiting for a worker"
    assert list_tasks(store) == []
    assert list_workers(store) == []


def test_the_oldest_ended_runs_go_when_the_budget_is_full(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, budget_bytes=20_000)
    living = open_run(store, "living")
    write_lines(living, 1, 1000, per_entry=100)
    for number in range(10):
        writer = open_run(store, f"run-{number}")
        write_lines(writer, 1, 300, per_entry=100)
        finish(writer)
    assert keep_budget(store) > 0
    left = {run.id for run in list_page(store).runs}
    assert "living" in left
    assert "run-9" in left
    assert "run-0" not in left
    total = int(store.client.get(store.keys.finished_bytes()) or 0)
    assert 15_000 < total <= 20_000
    assert store.client.exists(store.keys.log("run-0")) == 0
    assert store.client.zcard(store.keys.finished()) == len(left) - 1
    store.client.close()


def test_indexes_forget_runs_whose_record_expired(store: Store) -> None:
    writer = open_run(store, "r")
    finish(writer)
    assert 0 < store.client.ttl(store.keys.run("r")) <= store.settings.log_ttl_seconds
    later_ms = store.now_ms() + store.settings.log_ttl_seconds * 1000 + 1000
    assert forget_expired(store, now_ms=later_ms) == 0
    store.client.delete(store.keys.run("r"), store.keys.log("r"))
    assert forget_expired(store, now_ms=later_ms) == 1
    assert list_page(store).runs == []
    assert store.client.zcard(store.keys.finished()) == 0
    assert store.client.get(store.keys.finished_bytes()) == b"0"


def test_a_store_that_is_away_says_so(key_prefix: str) -> None:
    store = make_store("redis://127.0.0.1:1/0", key_prefix)
    with pytest.raises(StoreUnavailable) as away:
        read_run(store, "r")
    assert away.value.retry_after_seconds > 0
