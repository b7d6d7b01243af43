"""Which message may run: every way in which a task id comes twice (docs/decisions/0015), at the claim."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from runtail import header
from runtail.errors import Fenced, RunDeleted
from runtail.log.writer import LogWriter
from runtail.protocol import Awaits, RunState
from runtail.protocol import event as events
from runtail.runs.cancel import cancel
from runtail.runs.claim import Claimed, Delivery, Held, Refused, Unrecorded, claim
from runtail.runs.record import Run, read_run
from runtail.runs.retention import delete
from runtail.runs.start import abort, start
from runtail.store import Store
from tests.support.runs import finish, make_store

ID = "nightly-7"


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    """A store under the test's prefix."""
    made = make_store(redis_url, key_prefix)
    yield made
    made.client.close()


def message(run_id: str = ID, **facts: Any) -> Delivery:
    """Return a message that was never published before."""
    return Delivery(run_id, "tests.task", "w", **{"publication": str(uuid.uuid4()), **facts})


def take(store: Store, delivery: Delivery, **more: Any) -> Any:
    """Claim with a token that is new."""
    return claim(store, delivery, owner="o", token=str(uuid.uuid4()), **more)


def taken(store: Store, delivery: Delivery, **more: Any) -> LogWriter:
    """Claim, and return the writer."""
    claimed = take(store, delivery, **more)
    assert isinstance(claimed, Claimed), claimed
    return LogWriter(store, claimed.claim)


def release(writer: LogWriter, awaits: Awaits | None) -> None:
    """Give the run back to the queue."""
    writer.release("again", events.encode(events.INTERRUPTED, reason="x"), t_ms=1, awaits=awaits)


def started(store: Store, **task: Any) -> tuple[Run, dict[str, Any]]:
    """Start a run as the API does; return it and its message's header."""
    published: list[Any] = []
    run, _ = start(store, lambda *sent: published.append(sent), task={"name": "tests.task", **task}, kwargs={})
    return run, published[0][4][header.HEADER]


# The same publication again.


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.LOST])
def test_the_same_publication_after_the_end_is_refused(store: Store, state: RunState) -> None:
    first = message()
    finish(taken(store, first), state)
    assert take(store, first) == Refused("ended", state)


def test_the_same_publication_is_held_while_its_execution_lives_and_taken_over_when_it_stands_still(
    store: Store,
) -> None:
    first = message()
    writer = taken(store, first)
    held = take(store, first)
    assert (held, held.kind) == (Held(1, 1), "same")
    writer.flush()
    assert isinstance(take(store, first, takeover=held), Held)
    assert take(store, first, overlaps=True).kind == "same"
    assert taken(store, first, takeover=take(store, first)).claim.attempt == 2


def test_a_redelivery_that_the_run_waits_for_is_its_next_attempt(store: Store) -> None:
    first = message()
    release(taken(store, first), "redelivery")
    assert taken(store, first).claim.attempt == 2


def test_a_duplicate_of_a_message_whose_retry_is_waited_for_is_refused(store: Store) -> None:
    first = message()
    release(taken(store, first), "retry")
    assert take(store, first) == Refused("duplicate")
    retry = message(retries=1)
    writer = taken(store, retry)
    assert writer.claim.attempt == 2
    assert take(store, first) == Refused("duplicate")
    finish(writer)
    assert [take(store, each).reason for each in (first, retry)] == ["ended", "ended"]


def test_a_late_redelivery_of_an_earlier_execution_is_refused(store: Store) -> None:
    first, second = message(), message()
    finish(taken(store, first))
    writer = taken(store, second)
    assert take(store, first) == Refused("duplicate")
    finish(writer)
    assert take(store, first) == Refused("ended", "succeeded")


# What continues a run.


@pytest.mark.parametrize(
    ("awaits", "step"), [("retry", {"retries": 1}), ("replacement", {"nesting": 1}), (None, {"retries": 4})]
)
def test_a_retry_and_a_replacement_are_the_next_attempt(
    store: Store, awaits: Awaits | None, step: dict[str, Any]
) -> None:
    release(taken(store, message()), awaits)
    assert taken(store, message(**step)).claim.attempt == 2


def test_what_continues_a_run_waits_for_the_end_of_the_first(store: Store) -> None:
    writer = taken(store, message())
    following = message(nesting=1)
    held = take(store, following)
    assert (held, held.kind) == (Held(1, 1), "next")
    # Its worker died: it takes over as any redelivery does.
    assert taken(store, following, takeover=held).claim.attempt == 2
    with pytest.raises(Fenced):
        writer.flush()


def test_what_continues_a_run_that_goes_on_for_long_is_run_unrecorded(store: Store) -> None:
    writer = taken(store, message())
    assert writer.flush().overlaps == 0
    assert take(store, message(retries=1), overlaps=True) == Unrecorded()
    assert writer.flush().overlaps == 1


def test_a_replacement_of_a_replacement_and_its_retries_go_on(store: Store) -> None:
    for number, step in enumerate([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)], start=1):
        writer = taken(store, message(nesting=step[0], retries=step[1]))
        assert writer.claim.attempt == number
        release(writer, "replacement")


# The same id for something else.


def test_another_publication_while_the_first_lives_is_run_unrecorded_and_the_first_is_told(store: Store) -> None:
    writer = taken(store, message())
    held = take(store, message())
    assert held.kind == "other"
    assert take(store, message(), overlaps=True) == Unrecorded()
    assert take(store, message(), overlaps=True) == Unrecorded()
    assert writer.flush().overlaps == 2
    finish(writer)
    assert read_run(store, ID).execution == 1


def test_another_publication_whose_first_has_ended_meanwhile_is_recorded(store: Store) -> None:
    writer, second = taken(store, message()), message()
    assert isinstance(take(store, second), Held)
    finish(writer)
    assert taken(store, second, overlaps=True).claim.execution == 2


def test_another_publication_while_the_first_waits_for_its_retry_is_run_unrecorded(store: Store) -> None:
    release(taken(store, message()), "retry")
    assert take(store, message()).kind == "other"
    assert take(store, message(), overlaps=True) == Unrecorded()
    writer = taken(store, message(retries=1))
    assert (writer.claim.attempt, writer.claim.number("overlaps")) == (2, 1)


def test_a_plain_message_does_not_take_the_attempt_of_a_run_that_the_api_started(store: Store) -> None:
    run, headers = started(store)
    assert take(store, message(run.id)).kind == "other"
    assert take(store, message(run.id), overlaps=True) == Unrecorded()
    assert taken(store, message(run.id, headers=headers)).claim.attempt == 1


# Our header.


def test_a_message_with_our_header_is_refused_once_its_attempt_was_claimed(store: Store) -> None:
    run, headers = started(store)
    writer = taken(store, message(run.id, headers=headers))
    assert take(store, message(run.id, headers=headers)) == Refused("duplicate")
    release(writer, "redelivery")
    assert take(store, message(run.id, headers=headers)) == Refused("duplicate")


def test_of_a_message_and_its_republication_the_first_runs(store: Store) -> None:
    run, headers = started(store)
    original = message(run.id, headers=headers)
    release(taken(store, original), "redelivery")
    again = message(run.id, headers={**headers, "attempt": 2})
    assert taken(store, original).claim.attempt == 2
    assert take(store, again) == Refused("duplicate")


def test_a_retry_of_a_run_that_the_api_started_carries_its_first_header(store: Store) -> None:
    run, headers = started(store)
    first = message(run.id, headers=headers)
    release(taken(store, first), "redelivery")
    release(taken(store, first), "retry")
    retry = message(run.id, headers=headers, retries=1)
    writer = taken(store, retry)
    assert writer.claim.attempt == 3
    assert take(store, message(run.id, headers=headers)) == Refused("duplicate")
    finish(writer)


def test_a_restart_claims_its_attempt_and_what_it_replaced_comes_too_late(store: Store) -> None:
    run, headers = started(store)
    first = message(run.id, headers=headers)
    release(taken(store, first), None)
    assert take(store, first) == Refused("duplicate")
    writer = taken(store, message(run.id, headers={**headers, "attempt": 2}))
    assert writer.claim.attempt == 2
    assert take(store, message(run.id, headers={**headers, "attempt": 2})) == Refused("duplicate")


@pytest.mark.parametrize("how", ["cancelled", "given up", "deleted"])
@pytest.mark.parametrize("step", [{}, {"retries": 1}, {"nesting": 1}])
def test_our_header_is_refused_for_a_run_that_is_not_wanted_any_more(
    store: Store, how: str, step: dict[str, Any]
) -> None:
    run, headers = started(store)
    if how == "cancelled":
        cancel(store, run.id, who="ana")
    elif how == "given up":
        abort(store, run.id, "not started")
    else:
        delete(store, run.id)
    assert isinstance(take(store, message(run.id, headers=headers, **step)), Refused)
    # Somebody who chooses that id for a task of his own starts something else.
    assert taken(store, message(run.id)).claim.execution == 2
    assert isinstance(take(store, message(run.id, headers=headers)), Refused)


@pytest.mark.parametrize("step", [{"retries": 1}, {"nesting": 1}])
def test_what_continues_a_run_that_was_cancelled_while_it_waited_is_refused(store: Store, step: dict[str, Any]) -> None:
    release(taken(store, message()), "retry")
    cancel(store, ID, who="ana")
    assert take(store, message(**step)) == Refused("ended", "cancelled")
    assert taken(store, message()).claim.execution == 2


def test_a_retry_of_a_run_that_was_taken_for_dead_is_a_new_execution(store: Store) -> None:
    run, headers = started(store)
    finish(taken(store, message(run.id, headers=headers)), RunState.FAILED, "signal 9")
    assert taken(store, message(run.id, headers=headers, retries=1)).claim.execution == 2


# Exclusive tasks.


def test_an_exclusive_task_is_refused_and_only_a_lone_one_fails(store: Store) -> None:
    holder = taken(store, message("holder", exclusive=True))
    assert take(store, message(exclusive=True)) == Refused("exclusive", "holder", alone=True)
    assert take(store, message("holder", exclusive=True), overlaps=True) == Refused("exclusive", "holder")
    finish(holder)
    finish(taken(store, message(exclusive=True)))
    holder = taken(store, message("holder", exclusive=True))
    # The id has a result: that of its first execution.
    assert take(store, message(exclusive=True)) == Refused("exclusive", "holder")
    assert read_run(store, ID).execution == 1


def test_a_replacement_that_is_exclusive_is_refused_and_its_run_cannot_go_on(store: Store) -> None:
    holder = taken(store, message("holder", exclusive=True))
    release(taken(store, message()), "replacement")
    assert take(store, message(nesting=1, exclusive=True)) == Refused("exclusive", "holder", alone=True, awaited=True)
    finish(holder)
    writer = taken(store, message(nesting=1, exclusive=True))
    assert take(store, message("another", exclusive=True)) == Refused("exclusive", ID, alone=True)
    finish(writer)
    assert isinstance(take(store, message("another", exclusive=True)), Claimed)


# Celery's own tasks.


def test_a_task_of_celery_is_recorded_only_where_a_run_waits_for_it(store: Store) -> None:
    assert take(store, message(nesting=1, joins=True)) == Unrecorded()
    release(taken(store, message()), "replacement")
    assert take(store, message(joins=True)) == Unrecorded()
    writer = taken(store, message(nesting=1, joins=True))
    assert writer.claim.attempt == 2
    finish(writer)
    assert take(store, message(nesting=2, joins=True)) == Unrecorded()


# Brokers without publications.


def test_without_publications_a_redelivery_that_is_waited_for_is_the_next_attempt(store: Store) -> None:
    release(taken(store, message(publication="")), "redelivery")
    assert taken(store, message(publication="", redelivered=True)).claim.attempt == 2


@pytest.mark.parametrize(("redelivered", "kind"), [(True, "doubt"), (False, "other")])
def test_without_publications_a_living_run_is_only_sure_of_its_own_steps(
    store: Store, redelivered: bool, kind: str
) -> None:
    writer = taken(store, message(publication=""))
    again = message(publication="", redelivered=redelivered)
    assert take(store, again).kind == kind
    assert take(store, again, overlaps=True) == Unrecorded()
    assert writer.flush().overlaps == 1
    assert take(store, message(publication="", retries=1)).kind == "next"
    finish(writer)
    assert taken(store, again).claim.execution == 2


def test_without_publications_our_header_is_known_all_the_same(store: Store) -> None:
    run, headers = started(store)
    writer = taken(store, message(run.id, headers=headers, publication=""))
    again = message(run.id, headers=headers, publication="", redelivered=True)
    assert take(store, again).kind == "same"
    release(writer, "redelivery")
    writer = taken(store, again)
    assert writer.claim.attempt == 2
    finish(writer)
    assert take(store, again) == Refused("ended", "succeeded")


def test_a_successor_of_a_shipper_makes_no_execution_of_one_that_is_over(store: Store) -> None:
    delivery = message(publication="")
    claimed = claim(store, delivery, owner="o", token="t")
    assert isinstance(claimed, Claimed)
    finish(LogWriter(store, claimed.claim), RunState.LOST)
    assert claim(store, delivery, owner="o", token="t") == Refused("ended", "lost")
    taken(store, message())
    assert claim(store, delivery, owner="o", token="t") == Refused("duplicate")


def test_a_writer_of_a_deleted_execution_is_stopped_though_the_id_was_used_again(store: Store) -> None:
    writer = taken(store, message())
    delete(store, ID)
    with pytest.raises(RunDeleted):
        writer.flush()
    assert taken(store, message()).claim.execution == 2
    with pytest.raises(Fenced):
        writer.flush()
