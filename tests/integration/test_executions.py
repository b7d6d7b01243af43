"""An id that is used again names the newest execution; the earlier ones keep their logs (docs/decisions/0016)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from runtail import header
from runtail.errors import Fenced, RunNotFound
from runtail.log import reader
from runtail.log.writer import LogWriter
from runtail.protocol import Entry, RunState
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.listing import list_page
from runtail.runs.record import read_run
from runtail.runs.retention import delete, keep_budget
from runtail.runs.start import mark, start
from runtail.store import Store
from tests.support.runs import change_master, finish, make_store, roll_back, snapshot, write_lines

ID = "sync-42"


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    """A store under the test's prefix."""
    made = make_store(redis_url, key_prefix)
    yield made
    made.client.close()


def execute(store: Store, run_id: str = ID, **facts: Any) -> LogWriter:
    """Claim as a message that was never published before."""
    delivery = Delivery(run_id, "tests.task", "w", publication=str(uuid.uuid4()), **facts)
    claimed = claim(store, delivery, owner="o", token=str(uuid.uuid4()))
    assert isinstance(claimed, Claimed), claimed
    return LogWriter(store, claimed.claim)


def executed(store: Store, lines: int, run_id: str = ID, state: RunState = RunState.SUCCEEDED) -> LogWriter:
    """Execute with so many lines of output, to the end."""
    writer = execute(store, run_id)
    write_lines(writer, 1, lines)
    finish(writer, state, f"{lines} lines")
    return writer


def output(store: Store, run_id: str) -> int:
    """Lines in a run's log, which must be whole."""
    items = list(reader.entries(store, run_id))
    return sum(item.n for item in items if isinstance(item, Entry))


def test_three_executions_keep_their_logs_and_name_each_other(store: Store) -> None:
    for lines in (5, 11, 23):
        executed(store, lines)
    names = [f"{ID}~1", f"{ID}~2", ID]
    runs = [read_run(store, name) for name in names]
    assert [output(store, name) for name in names] == [5, 11, 23]
    assert [run.text("why") for run in runs] == ["5 lines", "11 lines", "23 lines"]
    links = [(run.execution, run.text("earlier_execution"), run.text("newer_execution")) for run in runs]
    assert links == [(1, "", names[1]), (2, names[0], names[2]), (3, names[1], "")]
    assert runs[0].number("epoch") < runs[1].number("epoch") < runs[2].number("epoch")
    # Their attempts are their own, and so is their place in the list.
    assert [run.number("attempt") for run in runs] == [1, 1, 1]
    assert sorted(run.id for run in list_page(store).runs) == sorted(names)


def test_what_belongs_to_an_execution_goes_with_it(store: Store) -> None:
    published: list[Any] = []
    task = {"name": "tests.task"}
    run, _ = start(
        store,
        lambda *sent: published.append(sent),
        task=task,
        kwargs={"a": 1},
        run_id=ID,
        who="ana",
        idempotency_key="k",
    )
    first = execute(store, headers=published[0][4][header.HEADER])
    write_lines(first, 1, 50)
    finish(first, RunState.FAILED)
    keys, client = store.keys, store.client
    size, ttl = client.hget(keys.finished_sizes(), ID), client.ttl(keys.log(ID))
    execute(store)
    name = f"{ID}~1"
    moved = read_run(store, name)
    assert (moved.text("who"), moved.json("kwargs"), moved.text("announced")) == ("ana", {"a": 1}, "1")
    assert client.hget(keys.finished_sizes(), name) == size
    assert not client.hexists(keys.finished_sizes(), ID)
    assert client.get(keys.finished_bytes()) == size
    ended: Any = client.zrange(keys.finished(), 0, -1)
    assert ended == [name.encode()]
    assert client.smembers(keys.running()) == {ID.encode()}
    assert 0 <= ttl - client.ttl(keys.log(name)) <= 5
    assert client.ttl(keys.run(ID)) == -1
    # The same request is still answered with the run that it started.
    again, created = start(store, lambda *_: None, task=task, kwargs={"a": 1}, idempotency_key="k")
    assert (again.id, created) == (name, False)
    delete(store, name)
    assert client.get(keys.finished_bytes()) == b"0"
    assert client.get(keys.idempotency("k")) is None
    assert read_run(store, ID).summary()["earlier_execution"] is None
    with pytest.raises(RunNotFound):
        read_run(store, run.id + "~1")


def test_a_deletion_is_that_of_one_execution_and_its_number_is_not_used_again(store: Store) -> None:
    for lines in (1, 2, 3):
        executed(store, lines)
    delete(store, f"{ID}~2")
    assert read_run(store, f"{ID}~1").text("newer_execution") == ID
    assert read_run(store, ID).text("earlier_execution") == f"{ID}~1"
    delete(store, ID)
    assert read_run(store, f"{ID}~1").summary()["newer_execution"] is None
    with pytest.raises(RunNotFound) as gone:
        read_run(store, ID)
    assert gone.value.deleted
    executed(store, 4)
    assert read_run(store, ID).execution == 4
    executed(store, 5)
    assert (output(store, f"{ID}~4"), output(store, f"{ID}~1"), output(store, ID)) == (4, 1, 5)


def test_a_number_that_is_taken_is_not_overwritten(store: Store) -> None:
    executed(store, 7)
    executed(store, 8)
    # Nothing is known of how many there were: the mark has expired before the earlier run.
    delete(store, ID)
    store.client.delete(store.keys.deleted(ID))
    executed(store, 9)
    assert read_run(store, ID).text("earlier_execution") == f"{ID}~1"
    executed(store, 10)
    assert [output(store, name) for name in (f"{ID}~1", f"{ID}~2", ID)] == [7, 9, 10]


def test_the_budget_takes_the_oldest_execution_first(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, budget_bytes=12_000)
    for _ in range(4):
        executed(store, 400)
    assert keep_budget(store) > 0
    left = {run.id for run in list_page(store).runs}
    assert ID in left
    assert f"{ID}~1" not in left
    assert store.client.exists(store.keys.log(f"{ID}~1")) == 0
    store.client.close()


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_writer_of_an_earlier_execution_stays_fenced(store: Store, attempts: int) -> None:
    zombie = execute(store)
    for number in range(1, attempts):
        zombie.release("retry", events.encode(events.RETRY, retries=number), t_ms=1, awaits="retry")
        zombie = execute(store, retries=number)
    write_lines(zombie, 1, 10)
    finish(zombie)
    newest = execute(store)
    write_lines(newest, 1, 3)
    for _ in range(2):
        with pytest.raises(Fenced):
            zombie.reassert()
    assert not mark(store, ID, RunState.RUNNING, {"late_bytes": "7"}, execution=1)
    finish(newest)
    assert not mark(store, ID, RunState.SUCCEEDED, {"late_bytes": "7"}, execution=1)
    assert mark(store, ID, RunState.SUCCEEDED, {"late_bytes": "8"}, execution=2)
    assert (output(store, ID), output(store, f"{ID}~1")) == (3, 10)


@pytest.mark.parametrize("when", ["before the second claim", "before the first end"])
def test_a_rollback_to_before_an_execution_is_repaired_by_its_writer(store: Store, when: str) -> None:
    first = execute(store)
    write_lines(first, 1, 10)
    running = snapshot(store)
    finish(first)
    ended = snapshot(store)
    second = execute(store)
    epoch = second.epoch
    write_lines(second, 1, 20)
    roll_back(store, ended if when == "before the second claim" else running)
    change_master(store)
    write_lines(second, 21, 30)
    finish(second)
    assert (output(store, f"{ID}~1"), output(store, ID)) == (10, 30)
    run, earlier = read_run(store, ID), read_run(store, f"{ID}~1")
    assert (run.execution, run.text("earlier_execution")) == (2, earlier.id)
    assert (earlier.execution, earlier.text("newer_execution")) == (1, ID)
    assert run.number("epoch") > epoch
    members: Any = store.client.smembers(store.keys.running())
    # One whose end was taken back is what the reaper looks for.
    assert members == (set() if when == "before the second claim" else {earlier.id.encode()})


def test_an_emptied_store_in_which_the_id_was_used_again_belongs_to_the_newcomer(store: Store) -> None:
    executed(store, 1)
    second = execute(store)
    write_lines(second, 1, 5)
    roll_back(store, {})
    store.uuid()
    newcomer = execute(store)
    second.add("o", b"late\n", 1)
    with pytest.raises(Fenced):
        second.flush()
    write_lines(newcomer, 1, 2)
    finish(newcomer)
    assert output(store, ID) == 2


def test_a_retry_names_the_execution_it_was_started_from(store: Store) -> None:
    executed(store, 1)
    of = read_run(store, ID)
    first, _ = start(store, lambda *_: None, task={"name": "tests.task"}, kwargs={}, retry_of=of)
    assert read_run(store, first.id).summary()["retry_of"] == ID
    executed(store, 2)
    second, _ = start(
        store, lambda *_: None, task={"name": "tests.task"}, kwargs={}, retry_of=read_run(store, f"{ID}~1")
    )
    for run in (first, second):
        assert read_run(store, run.id).summary()["retry_of"] == f"{ID}~1"


def test_a_reader_of_the_id_is_told_by_the_epoch(store: Store) -> None:
    executed(store, 9)
    location = reader.locate(store, ID, 5)
    executed(store, 30)
    found = reader.head(store, ID)
    assert found.epoch > location.head.epoch
    assert reader.raise_epoch(store, ID, location.cursor) == found.epoch
    assert reader.head(store, f"{ID}~1").epoch == location.head.epoch
