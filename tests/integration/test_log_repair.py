"""What a store that went back may do to a log: every way in which a repair once went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runtail.errors import Fenced, RunDeleted, StoreUnavailable
from runtail.log import reader
from runtail.log.writer import LogWriter
from runtail.protocol import Cursor, Entry, RunState, View
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.record import read_run
from runtail.runs.retention import delete
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, roll_back, snapshot, write_lines


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    """A store under the test's prefix."""
    made = make_store(redis_url, key_prefix)
    yield made
    made.client.close()


def proved(store: Store, run_id: str) -> tuple[str, list[dict[str, Any]], str]:
    """A new reader's output, events and verdict."""
    items = list(reader.entries(store, run_id))
    view = View()
    epoch = reader.head(store, run_id).epoch
    view.begin(epoch, 1, bytes(32))
    view.feed([item.wire() for item in items], epoch=epoch)
    output = b"".join(i.payload for i in items if isinstance(i, Entry) and i.type == "o").decode()
    happened = [events.decode(i) for i in items if isinstance(i, Entry) and i.type == "e"]
    return output, happened, view.verdict.text if view.verdict else "running"


def numbered(first: int, last: int) -> str:
    """The lines that write_lines writes."""
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def test_a_mismatch_does_not_forget_the_retained_tail(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 20)
    before = snapshot(store)
    write_lines(writer, 21, 40)
    ahead = Cursor(writer.epoch, writer.last._replace(seq=99), 1, bytes(32))
    raised = reader.raise_epoch(store, writer.claim.run_id, ahead, certain=True)
    writer.flush()
    assert writer.epoch == raised
    roll_back(store, before)
    write_lines(writer, 41, 50)
    finish(writer)
    assert proved(store, writer.claim.run_id)[0] == numbered(1, 50)
    assert writer.losses == 0


def test_a_silent_writer_whose_whole_attempt_was_lost_says_so(store: Store) -> None:
    clock = Clock()
    claimed = open_run(store).claim
    writer = LogWriter(store, claimed, clock=clock)
    before = snapshot(store)
    write_lines(writer, 1, 30)
    clock.now += store.settings.retained_seconds + 1
    writer.flush()
    assert not writer.retained
    roll_back(store, before)
    writer.flush()
    write_lines(writer, 31, 40)
    finish(writer)
    output, happened, verdict = proved(store, claimed.run_id)
    assert output == numbered(31, 40)
    assert (happened[0]["kind"], happened[0]["from"], happened[0]["to"]) == ("store-lost", 1, 30)
    assert verdict == "40 lines, verified; lines 1-30 were lost"


def test_lost_events_are_said_though_no_line_is_missing(store: Store) -> None:
    clock = Clock()
    writer = LogWriter(store, open_run(store).claim, clock=clock)
    write_lines(writer, 1, 10)
    before = snapshot(store)
    writer.add("e", events.encode(events.WARNING, text="careful"), 1)
    writer.flush()
    clock.now += store.settings.retained_seconds + 1
    writer.flush()
    roll_back(store, before)
    writer.flush()
    write_lines(writer, 11, 20)
    finish(writer)
    output, happened, verdict = proved(store, writer.claim.run_id)
    assert output == numbered(1, 20)
    assert [event["kind"] for event in happened] == ["store-lost", "end"]
    assert verdict.startswith("20 lines, verified")


def test_a_store_that_goes_back_twice_is_not_counted_twice(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, retained_bytes=100)
    writer = open_run(store)
    write_lines(writer, 1, 10)
    first = snapshot(store)
    write_lines(writer, 11, 30)
    second = snapshot(store)
    write_lines(writer, 31, 100)
    roll_back(store, second)
    call = store.scripts.call

    def away_at_the_repair(name: str, run_id: str, ask: dict[str, Any], *rest: Any, **more: Any) -> Any:
        if "raise" in ask:
            store.scripts.call = call  # type: ignore[method-assign]
            raise StoreUnavailable("away")
        return call(name, run_id, ask, *rest, **more)

    store.scripts.call = away_at_the_repair  # type: ignore[method-assign,assignment]
    with pytest.raises(StoreUnavailable):
        write_lines(writer, 101, 110)
    roll_back(store, first)
    write_lines(writer, 111, 120)
    finish(writer)
    run = read_run(store, writer.claim.run_id)
    output, happened, verdict = proved(store, writer.claim.run_id)
    assert output.startswith(numbered(1, 10))
    assert output.endswith(numbered(111, 120))
    assert "does not match" not in verdict
    lost = [event for event in happened if event["kind"] == "store-lost"]
    assert lost[0]["from"] == 11
    assert run.number("bytes") == len(numbered(1, 120)) == happened[-1]["bytes"]
    store.client.close()


def test_a_loss_that_is_repaired_in_two_steps_keeps_its_bytes(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, retained_bytes=100)
    writer = open_run(store)
    write_lines(writer, 1, 10)
    before = snapshot(store)
    write_lines(writer, 11, 100)
    roll_back(store, before)
    scripts, calls = store.scripts.call, 0

    def between(name: str, *args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += name == "append"
        if calls == 2:  # a reader is faster than the repair
            calls += 1
            ahead = Cursor(read_run(store, writer.claim.run_id).number("epoch"), writer.last, 1, bytes(32))
            reader.raise_epoch(store, writer.claim.run_id, ahead, certain=True)
        return scripts(name, *args, **more)

    store.scripts.call = between  # type: ignore[method-assign]
    write_lines(writer, 101, 110)
    finish(writer)
    run = read_run(store, writer.claim.run_id)
    assert run.number("bytes") == len(numbered(1, 110)) == proved(store, writer.claim.run_id)[1][-1]["bytes"]
    store.client.close()


def test_counters_wait_for_the_entries_they_speak_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3)
    monkeypatch.setattr("runtail.log.writer.MAX_CALL_BYTES", 10)
    for number in range(4, 8):
        writer.add("o", f"line {number}\n".encode(), 1)
    seen: list[tuple[int, int]] = []
    call = store.scripts.call

    def watched(*args: Any, **more: Any) -> Any:
        reply = call(*args, **more)
        run = read_run(store, writer.claim.run_id)
        seen.append((run.number("line"), run.number("consumed")))
        return reply

    store.scripts.call = watched  # type: ignore[method-assign]
    writer.flush(counters={"consumed": 99})
    assert seen == [(5, 0), (6, 0), (7, 0), (8, 99)]


def test_a_run_whose_beginning_was_rolled_back_is_not_taken_for_deleted(store: Store) -> None:
    store.uuid()
    before = snapshot(store)
    writer = open_run(store)
    write_lines(writer, 1, 30)
    roll_back(store, before)
    write_lines(writer, 31, 40)
    finish(writer)
    output, _, verdict = proved(store, writer.claim.run_id)
    assert output == numbered(1, 40)
    assert "does not match" not in verdict
    assert read_run(store, writer.claim.run_id).state is RunState.SUCCEEDED


def test_a_deleted_run_stays_deleted_after_its_store_was_emptied_before(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3)
    roll_back(store, {})
    write_lines(writer, 4, 6)
    delete(store, writer.claim.run_id)
    writer.add("o", b"more\n", 1)
    with pytest.raises(RunDeleted):
        writer.flush()


def test_an_append_of_a_dead_shipper_that_arrives_late_is_refused(store: Store) -> None:
    dead = open_run(store, "r")
    write_lines(dead, 1, 3)
    dead.add("o", b"line 4\n", 1)
    successor = open_run(store, "r")  # the same token: a new shipper of the same execution
    assert successor.claim.resumed
    with pytest.raises(Fenced, match="owner"):
        dead.flush()
    write_lines(successor, 4, 6)
    finish(successor)
    assert proved(store, "r")[0] == numbered(1, 6)


def test_an_emptied_store_gets_the_exclusive_hold_again(store: Store) -> None:
    delivery = Delivery("r", "tests.exclusive", "w", exclusive=True)
    claimed = claim(store, delivery, owner="o", token="t")
    assert isinstance(claimed, Claimed)
    writer = LogWriter(store, claimed.claim)
    roll_back(store, {})
    writer.flush()
    assert store.client.get(store.keys.exclusive("tests.exclusive")) == b"r"
    finish(writer)
    assert store.client.get(store.keys.exclusive("tests.exclusive")) is None


def test_a_hold_whose_run_is_gone_does_not_refuse_a_plain_delay(store: Store) -> None:
    def take(run_id: str) -> Any:
        return claim(store, Delivery(run_id, "tests.exclusive", "w", exclusive=True), owner="o", token=run_id)

    assert isinstance(take("first"), Claimed)
    assert not isinstance(take("second"), Claimed)
    delete(store, "first")
    assert isinstance(take("third"), Claimed)
