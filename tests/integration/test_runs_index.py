"""The index of the list of runs finds exactly what the records say, whatever was done to runs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from runtail.log.writer import LogWriter
from runtail.protocol import RunState
from runtail.runs import candidates, index
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.counts import count_states
from runtail.runs.filter import Filter, Place
from runtail.runs.index import IndexKeeper, is_ready
from runtail.runs.listing import list_page
from runtail.runs.record import Run, read_run, read_runs
from runtail.runs.retention import delete, forget_expired
from runtail.runs.start import start
from runtail.store import Store
from tests.support.relay import now_ms
from tests.support.runs import finish, make_store, open_run, roll_back, snapshot
from tests.support.waiting import wait_for

TASKS: list[dict[str, Any]] = [
    {"name": "build.app", "queue": "builds", "labels": {"team": "builders"}},
    {"name": "build.docs", "queue": "builds", "labels": {"team": "writers"}},
    {"name": "Report.daily", "queue": "reports"},
]
ROOTS = ["run-1", "run-2", "none"]
PEOPLE = [("ann", "user:ann"), ("Ann B", "user:b"), ("bob", "user:bob"), ("", "")]
#: What a release without an index writes of a run.
OLDER: dict[Any, Any] = {"task": "old.task", "queue": "old", "who": "", "line": "1", "created_ms": "1"}


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix)


@pytest.fixture
def keeper(store: Store) -> IndexKeeper:
    """One that has built the index of an empty store."""
    made = IndexKeeper(store)
    built(store, made)
    return made


def built(store: Store, keeper: IndexKeeper, now: float = 1000.0) -> None:
    """Let a keeper work until the index can be used."""
    for _ in range(50):
        keeper.step(now)
        if is_ready(store):
            return
    raise AssertionError("the index is not ready")


def everything(store: Store) -> list[Run]:
    """All runs by their records, in the list's order."""
    rows: Any = store.client.zrange(store.keys.runs(), 0, -1, withscores=True)
    ids = [run_id.decode() for run_id, _ in sorted(rows, key=lambda row: (row[1], row[0]), reverse=True)]
    return read_runs(store, ids)


def wanted_of(runs: list[Run], wanted: Filter) -> list[Run]:
    """The runs that a filter wants, decided without the index."""
    found = []
    for run in runs:
        key = wanted.label[0] if wanted.label else ""
        state, task, who, queue, who_id, labels = map(run.text, ("state", "task", "who", "queue", "who_id", "labels"))
        created_ms = run.number("created_ms")
        if (
            wanted.has_id(run.id.encode())
            and wanted.accepts(state, task, who, queue, who_id, labels, run.text(f"label:{key}"), run.text("root_id"))
            and (wanted.since_ms is None or created_ms >= wanted.since_ms)
            and (wanted.until_ms is None or created_ms < wanted.until_ms)
        ):
            found.append(run)
    return found


def walked(store: Store, wanted: Filter, limit: int) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    place: Place | None = None
    while True:
        page = list_page(store, wanted, limit=limit, after=place)
        ids += [run.id for run in page.runs]
        place = page.following
        if place is None:
            return ids


def own(asker: str, tasks: set[str]) -> Callable[[str, str, str, str], bool]:
    """Who sees some tasks, and own runs."""

    def visible(task: str, _queue: str, _labels: str, who_id: str) -> bool:
        return task in tasks or (bool(asker) and who_id == asker)

    return visible


def some_filter(dice: random.Random, runs: list[Run]) -> Filter:
    """A filter of one to four conditions."""
    times = [run.number("created_ms") for run in runs] or [0]
    every = ["states", "task", "who", "label", "root", "since", "until", "visible", "id"]
    kinds = dice.sample(every, dice.randint(1, 4))
    asker = dice.choice(["user:ann", "user:b", ""])
    visible = own(asker, set(dice.sample(["build.app", "build.docs", "Report.daily"], dice.randint(0, 2))))
    label = dice.choice([("team", "builders"), ("team", "x"), ("ticket", "1"), ("ticket", "2"), ("none", "x")])
    return Filter(
        states=frozenset(dice.sample(list(RunState), dice.randint(1, 3))) if "states" in kinds else None,
        task=dice.choice(["build.app", "build.*", "*DAILY*", "*", "no.such"]) if "task" in kinds else None,
        who=dice.choice(["ann", "ANN B", "o", ""]) if "who" in kinds else None,
        label=label if "label" in kinds else None,
        root=dice.choice(ROOTS) if "root" in kinds else None,
        since_ms=dice.choice(times) if "since" in kinds else None,
        until_ms=dice.choice(times) if "until" in kinds else None,
        id_prefix=dice.choice(["run-1", "run-", "plain-3", "none", "r"]) if "id" in kinds else None,
        visible=visible if "visible" in kinds else None,
        asker=asker,
    )


def check(store: Store, dice: random.Random, filters: int = 12) -> None:
    """Compare lists and numbers with the records."""
    assert is_ready(store)
    runs = everything(store)
    for _ in range(filters):
        wanted = some_filter(dice, runs)
        assert walked(store, wanted, dice.choice([1, 3, 50])) == [run.id for run in wanted_of(runs, wanted)], wanted
        numbers = Counter(run.text("state") for run in wanted_of(runs, replace(wanted, states=None)))
        assert count_states(store, wanted) == {str(state): numbers[state] for state in RunState}, wanted


class Life:
    """Does something to runs, through what web and workers call."""

    def __init__(self, store: Store, dice: random.Random) -> None:
        self._store, self._dice = store, dice
        self._writers: dict[str, LogWriter] = {}
        self._made = 0

    def step(self) -> None:
        """Do one thing at random."""
        getattr(self, self._dice.choice(["start", "plain", "claim", "label", "end", "end", "delete", "expire"]))()

    def _published(self, *_: Any) -> None:
        """Nothing waits for messages here."""

    def start(self) -> None:
        who, who_id = self._dice.choice(PEOPLE)
        added = self._dice.choice([{}, {"ticket": "1"}, {"ticket": "2", "note": "x"}])
        self._made += 1
        start(self._store, self._published, task=self._dice.choice(TASKS), kwargs={}, who=who, who_id=who_id,
              run_id=f"run-{self._made}", added_labels=added)  # fmt: skip

    def plain(self) -> None:
        """A delivery of a task that nobody started here; sometimes of an id that ended before."""
        task = self._dice.choice(TASKS)
        self._made += 1
        run_id = f"plain-{self._dice.randint(0, 5)}"
        delivery = Delivery(run_id, task["name"], "worker@test", publication=f"p{self._made}", queue=task["queue"],
                            labels=task.get("labels") or {}, parent=self._dice.choice(["", "plain-1"]),
                            root=self._dice.choice(ROOTS))  # fmt: skip
        self._claimed(delivery)

    def claim(self) -> None:
        queued = [run for run in everything(self._store) if run.state is RunState.QUEUED]
        if queued:
            run = self._dice.choice(queued)
            own = {"v": 1, "run": run.id, "attempt": 1, "store": self._store.uuid(), "execution": run.execution}
            root = self._dice.choice(["", *ROOTS])
            self._claimed(Delivery(run.id, run.text("task"), "worker@test", headers=own, parent=root, root=root))

    def _claimed(self, delivery: Delivery) -> None:
        self._made += 1
        claimed = claim(self._store, delivery, owner="o", token=f"token-{self._made}")
        if isinstance(claimed, Claimed):
            self._writers[delivery.run_id] = LogWriter(self._store, claimed.claim)

    def label(self) -> None:
        if self._writers:
            writer = self._dice.choice(list(self._writers.values()))
            writer.labels = {"ticket": self._dice.choice(["1", "2"]), "team": "x"}
            writer.add("o", b"line\n", now_ms())
            writer.flush()

    def end(self) -> None:
        if self._writers:
            run_id = self._dice.choice(list(self._writers))
            state = self._dice.choice([RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED])
            finish(self._writers.pop(run_id), state)

    def delete(self) -> None:
        runs = everything(self._store)
        if runs and self._dice.random() < 0.4:
            run_id = self._dice.choice(runs).id
            self._writers.pop(run_id, None)
            delete(self._store, run_id)

    def expire(self) -> None:
        """What the server does when a record's time is over, and the reaper after it."""
        ended = [run for run in everything(self._store) if run.state.terminal]
        if ended and self._dice.random() < 0.4:
            run_id = self._dice.choice(ended).id
            self._store.client.delete(self._store.keys.run(run_id), self._store.keys.log(run_id))
            if self._dice.random() < 0.5:
                ttl_ms = self._store.settings.log_ttl_seconds * 1000
                forget_expired(self._store, now_ms=self._store.now_ms() + ttl_ms + 1)


@pytest.mark.parametrize("seed", range(4))
def test_lists_and_numbers_are_those_of_the_records(
    store: Store, keeper: IndexKeeper, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    if seed % 2:
        # As with many runs: the server does not intersect the sets.
        monkeypatch.setattr(candidates, "_MOST_FEW", 1)
    life = Life(store, dice)
    for n in range(240):
        life.step()
        if n % 20 == 19:
            forget_expired(store, now_ms=store.now_ms() + store.settings.log_ttl_seconds * 1000 + 1)
            check(store, dice)
    for run in everything(store):
        delete(store, run.id)
    assert is_ready(store)
    left = {key.decode().removeprefix(store.keys.index("")) for key in store.client.scan_iter(store.keys.index("*"))}
    assert left == {"kept"}, "nothing of a run stays when it is gone"


def test_runs_of_a_release_without_index_are_found_when_it_is_built(store: Store) -> None:
    dice = random.Random(7)
    life = Life(store, dice)
    for _ in range(120):
        life.step()
    assert not list(store.client.scan_iter(store.keys.index("*"))), "nobody keeps it, so nobody writes it"
    assert not is_ready(store)
    runs, failed = everything(store), Filter(states=frozenset({"failed"}))
    assert walked(store, failed, 50) == [run.id for run in wanted_of(runs, failed)], "from the records"
    assert count_states(store, failed) is None
    built(store, IndexKeeper(store))
    check(store, dice, 40)


def test_changes_that_nobody_notes_are_found(store: Store, keeper: IndexKeeper) -> None:
    """What workers of a release without an index write beside a web service that has one."""
    client, keys = store.client, store.keys
    writer = open_run(store, "mine")
    keeper.step(1001)
    client.hset(keys.run("theirs"), mapping={**OLDER, "state": "running"})
    client.zadd(keys.runs(), {"theirs": now_ms()})
    client.sadd(keys.running(), "theirs")
    running = Filter(states=frozenset({"running"}))
    assert set(walked(store, running, 50)) == {"mine", "theirs"}, "the numbers do not agree, so the records decide"
    keeper.step(1002)
    assert is_ready(store)
    assert set(walked(store, running, 50)) == {"mine", "theirs"}
    # One ends and another begins: all numbers stay as they were.
    for run_id, state in (("theirs", "failed"), ("next", "running")):
        client.hset(keys.run(run_id), mapping={**OLDER, "state": state})
    client.srem(keys.running(), "theirs")
    client.sadd(keys.running(), "next")
    client.zadd(keys.finished(), {"theirs": now_ms()})
    client.zadd(keys.runs(), {"next": now_ms()})
    finish(writer)
    delete(store, "mine")
    keeper.step(1003 + index.LOOK_SECONDS)
    assert is_ready(store)
    assert walked(store, running, 50) == ["next"]
    assert walked(store, Filter(states=frozenset({"failed"})), 50) == ["theirs"]


def test_an_index_that_disagrees_for_long_is_built_again(store: Store, keeper: IndexKeeper) -> None:
    for n in range(3):
        finish(open_run(store, f"r{n}"))
    keeper.step(1001)
    # A run of long ago that no look back finds, as if somebody had restored a part of the store.
    store.client.hset(store.keys.run("ancient"), mapping={**OLDER, "state": "succeeded"})
    store.client.zadd(store.keys.runs(), {"ancient": 1})
    keeper.step(1002)
    assert not is_ready(store)
    assert len(walked(store, Filter(states=frozenset({"succeeded"})), 50)) == 4
    built(store, keeper, 1003 + index.PATIENCE_SECONDS)
    assert len(walked(store, Filter(states=frozenset({"succeeded"})), 50)) == 4


def test_after_a_time_without_a_keeper_nothing_is_believed(store: Store, keeper: IndexKeeper) -> None:
    """A web service without an index was there meanwhile: it made a run and deleted another, so the numbers agree."""
    finish(open_run(store, "seen"))
    finish(open_run(store, "deleted"))
    keeper.step(1001)
    client, keys = store.client, store.keys
    assert 0 < client.ttl(keys.index("kept")) <= index.KEPT_SECONDS
    client.delete(keys.index("kept"))
    client.hset(keys.run("unseen"), mapping={**OLDER, "state": "succeeded"})
    client.zadd(keys.runs(), {"unseen": 1})
    client.delete(keys.run("deleted"))
    client.zrem(keys.runs(), "deleted")
    succeeded = Filter(states=frozenset({"succeeded"}))
    assert set(walked(store, succeeded, 50)) == {"seen", "unseen"}
    built(store, IndexKeeper(store))
    assert set(walked(store, succeeded, 50)) == {"seen", "unseen"}


def test_a_rolled_back_store_has_the_index_of_its_records(store: Store, keeper: IndexKeeper) -> None:
    dice = random.Random(3)
    life = Life(store, dice)
    for _ in range(60):
        life.step()
    before = snapshot(store)
    for _ in range(60):
        life.step()
    assert is_ready(store)
    roll_back(store, before)
    check(store, dice, 30)


def test_a_keeper_that_goes_on_for_another_begins_to_build_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MOST_IN_A_ROUND", 250)
    for n in range(700):
        store.client.hset(store.keys.run(f"r{n}"), mapping={**OLDER, "state": "succeeded"})
        store.client.zadd(store.keys.runs(), {f"r{n}": n})
    IndexKeeper(store).step(1000)
    assert store.client.get(store.keys.index("kept")) == b"building"
    other = IndexKeeper(store)
    built(store, other)
    assert len(walked(store, Filter(task="old.task"), 200)) == 700


def test_a_page_looks_at_the_runs_of_the_rarest_condition_only(
    store: Store, keeper: IndexKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = store.client.pipeline(transaction=False)
    for n in range(3000):
        state = "failed" if n % 1000 == 0 else "succeeded"
        pipeline.hset(store.keys.run(f"r{n}"), mapping={**OLDER, "state": state, "task": f"t.{n % 2}"})
        pipeline.zadd(store.keys.runs(), {f"r{n}": n})
        pipeline.sadd(store.keys.index("changed"), f"r{n}")
    pipeline.execute()
    built(store, keeper, 1001)
    looked: list[int] = []
    read = candidates.Rows.read

    def counted(rows: candidates.Rows, run_ids: Any) -> Any:
        looked.append(len(run_ids))
        return read(rows, run_ids)

    monkeypatch.setattr(candidates.Rows, "read", counted)
    both = Filter(states=frozenset({"failed"}), task="t.0")
    assert walked(store, both, 50) == ["r2000", "r1000", "r0"]
    assert sum(looked) == 3


def test_the_web_service_keeps_the_index_and_counts_runs(api: httpx.Client, store: Store) -> None:
    finish(open_run(store, "a", task="x.one"), RunState.FAILED)
    open_run(store, "b", task="x.two")
    wait_for(lambda: is_ready(store), 20)
    counts = api.get("/run-counts").json()["counts"]
    assert counts == {**dict.fromkeys(map(str, RunState), 0), "failed": 1, "running": 1}
    assert api.get("/run-counts", params={"task": "*TWO*"}).json()["counts"]["failed"] == 0
    assert api.get("/run-counts", params={"since": 1}).json()["counts"] == counts
    assert [run["id"] for run in api.get("/runs", params={"task": "*.o*"}).json()["runs"]] == ["a"]
    assert [run["id"] for run in api.get("/runs", params={"task": "x.two", "state": "running"}).json()["runs"]] == ["b"]
    assert api.get("/run-counts", params={"state": "failed"}).status_code == 422
    assert read_run(store, "b").state is RunState.RUNNING
