"""How long a message waits for an execution that holds its run, by a clock of the test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from runtail.log.writer import LogWriter
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Refused, Unrecorded
from runtail.store import Store
from runtail.worker.shipper.claim_loop import ClaimLoop
from tests.support.runs import finish, make_store

PUBLICATION = str(uuid.uuid4())


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    """A store with the default lease of 10 s."""
    made = make_store(redis_url, key_prefix)
    yield made
    made.client.close()


@pytest.fixture
def arrive(store: Store) -> Callable[..., ClaimLoop]:
    """Makes what asks for the run ``r`` when a message has arrived."""

    def made(*, publication: str | None = None, headers: Any = None, **record: Any) -> ClaimLoop:
        record |= {"task": "tests.task", "publication": str(uuid.uuid4()) if publication is None else publication}
        run: Any = SimpleNamespace(record=record, id="r", key=str(uuid.uuid4()), headers=headers, labels={})
        return ClaimLoop(run, store, "owner", "worker")

    return made


@pytest.fixture
def writer(store: Store, arrive: Callable[..., ClaimLoop]) -> LogWriter:
    """The execution that holds the run."""
    claimed = arrive(publication=PUBLICATION).ask(0.0)
    assert isinstance(claimed, Claimed)
    return LogWriter(store, claimed.claim)


def ask(claiming: ClaimLoop, writer: LogWriter, *times: float) -> list[Any]:
    """Ask at these times, the holder beating in between."""
    answers = []
    for now in times:
        answers.append(claiming.ask(now))
        writer.flush()
    return answers


def test_a_duplicate_is_refused_but_not_before_an_end_could_have_been_stored(
    arrive: Callable[..., ClaimLoop], writer: LogWriter
) -> None:
    again = arrive(publication=PUBLICATION, redelivered=True)
    assert ask(again, writer, 100.0, 100.5, 101.0, 101.9) == [None] * 4
    assert ask(again, writer, 102.1) == [Refused("held")]


def test_a_redelivery_before_the_end_of_the_first_is_stored_is_the_next_attempt(
    arrive: Callable[..., ClaimLoop], writer: LogWriter
) -> None:
    again = arrive(publication=PUBLICATION, redelivered=True)
    assert ask(again, writer, 100.0, 100.5, 101.5) == [None] * 3
    writer.release("x", events.encode(events.INTERRUPTED, reason="x"), t_ms=1, awaits="redelivery")
    claimed = again.ask(101.6)
    assert isinstance(claimed, Claimed)
    assert claimed.claim.attempt == 2


@pytest.mark.parametrize("step", [{"retries": 1}, {"nesting": 1}])
def test_what_continues_a_run_waits_some_seconds_and_is_run_unrecorded_then(
    arrive: Callable[..., ClaimLoop], writer: LogWriter, step: dict[str, Any]
) -> None:
    following = arrive(**step)
    assert ask(following, writer, *range(100, 106)) == [None] * 6
    assert following.poll_seconds <= 0.1
    assert ask(following, writer, 106.1) == [Unrecorded()]
    assert writer.flush().overlaps == 1


def test_what_continues_a_run_goes_on_once_it_is_released(arrive: Callable[..., ClaimLoop], writer: LogWriter) -> None:
    following = arrive(nesting=1)
    assert ask(following, writer, 100.0, 104.0) == [None] * 2
    writer.release("x", events.encode(events.REPLACED, task="t"), t_ms=1, awaits="replacement")
    claimed = following.ask(104.1)
    assert isinstance(claimed, Claimed)
    assert claimed.claim.attempt == 2


def test_another_use_of_the_id_waits_for_a_second(arrive: Callable[..., ClaimLoop], writer: LogWriter) -> None:
    other = arrive()
    assert ask(other, writer, 100.0, 100.9) == [None] * 2
    assert ask(other, writer, 101.0) == [Unrecorded()]
    assert writer.flush().overlaps == 1


def test_another_use_of_the_id_whose_first_is_over_within_the_second_is_recorded(
    arrive: Callable[..., ClaimLoop], writer: LogWriter
) -> None:
    other = arrive()
    assert ask(other, writer, 100.0) == [None]
    finish(writer)
    claimed = other.ask(100.3)
    assert isinstance(claimed, Claimed)
    assert claimed.claim.execution == 2


def test_without_a_publication_a_redelivery_is_in_doubt(arrive: Callable[..., ClaimLoop], store: Store) -> None:
    claimed = arrive(publication="").ask(0.0)
    assert isinstance(claimed, Claimed)
    writer = LogWriter(store, claimed.claim)
    again = arrive(publication="", redelivered=True)
    assert ask(again, writer, 100.0, 101.0) == [None] * 2
    assert ask(again, writer, 102.5) == [Unrecorded()]
    # One whose holder stands still takes over: a worker that died.
    third = arrive(publication="", redelivered=True)
    assert [third.ask(now) for now in (200.0, 205.0, 209.9)] == [None] * 3
    taken = third.ask(210.0)
    assert isinstance(taken, Claimed)
    assert taken.claim.attempt == 2


def test_a_holder_that_beats_now_and_then_is_not_taken_over(
    arrive: Callable[..., ClaimLoop], writer: LogWriter
) -> None:
    again = arrive(publication=PUBLICATION, redelivered=True)
    assert again.ask(100.0) is None
    writer.flush()
    # It moved: it has not stood still for a lease, it lives.
    assert again.ask(110.5) == Refused("held")


def test_a_claim_tells_how_long_a_run_was_queued_and_due(store: Store, arrive: Callable[..., ClaimLoop]) -> None:
    def claimed(eta_ms: int | None) -> int | None:
        now_ms = store.now_ms()
        record: Any = {"state": "queued", "attempt": "1", "since_ms": now_ms - 90_000, "epoch": "7"}
        if eta_ms is not None:
            record["eta_ms"] = now_ms + eta_ms
        store.client.delete(store.keys.run("r"))
        store.client.hset(store.keys.run("r"), mapping=record)
        answer = arrive(retries=1).ask(0.0)
        assert isinstance(answer, Claimed)
        return answer.claim.waited_ms

    waited_ms = claimed(None)
    assert waited_ms is not None
    assert 90_000 <= waited_ms < 150_000
    # It was due 10 s ago, or is not yet.
    waited_ms = claimed(-10_000)
    assert waited_ms is not None
    assert 10_000 <= waited_ms < 70_000
    assert claimed(60_000) == 0


def test_how_long_a_plain_message_waited_is_not_known(arrive: Callable[..., ClaimLoop]) -> None:
    answer = arrive().ask(0.0)
    assert isinstance(answer, Claimed)
    assert answer.claim.waited_ms is None
