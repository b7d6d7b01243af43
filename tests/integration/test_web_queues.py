"""What the web service's metrics say of queues, also of messages that Runtail did not send."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from runtail import catalogue
from runtail.runs.queues import RedisQueues
from runtail.selection import Selection
from runtail.store import Store, connect
from runtail_web import queue_ages
from runtail_web.queue_watch import MAX_NAMES, OTHER, Names, Queue, QueueWatch
from tests.support.http_get import http_get
from tests.support.redis_server import RedisServer
from tests.support.runs import make_store
from tests.support.services import Service
from tests.support.waiting import wait_for


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(own_redis_server: RedisServer, key_prefix: str) -> Iterator[Store]:
    made = make_store(own_redis_server.url, key_prefix)
    yield made
    made.client.close()


@pytest.fixture
def sender(own_redis_server: RedisServer) -> Iterator[Celery]:
    """An app that only sends, as a team's web application would, without Runtail."""
    app = Celery("sender", broker=own_redis_server.url)
    app.conf.broker_transport_options = {"queue_order_strategy": "priority"}
    yield app
    app.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(store: Store, clock: Clock) -> QueueWatch:
    return QueueWatch(store, RedisQueues(connect(store.settings)), clock=clock)


def publish_worker(store: Store, name: str, queues: list[str], concurrency: int) -> None:
    worker = {"v": 1, "name": name, "queues": queues, "concurrency": concurrency, "tasks": [], "started_ms": 1}
    catalogue.publish(store, {"worker": worker, "tasks": [], "unrecorded": {}})


def test_plain_messages_of_all_priorities_are_counted(watch: QueueWatch, sender: Celery) -> None:
    for priority in (0, 3, 9):
        sender.send_task("x", queue="mails", priority=priority)
    sender.send_task("x")
    assert {name: queue.waiting for name, queue in watch.look().items()} == {"mails": 3, "celery": 1}


OTHER_APPS: list[dict[str, Any]] = [
    {"global_keyprefix": "team-a:"},
    {"sep": ":"},
    {"priority_steps": list(range(10))},
    {"global_keyprefix": "{b}", "sep": "/", "priority_steps": [0, 4, 9]},
]


@contextlib.contextmanager
def app_with(server: RedisServer, options: dict[str, Any]) -> Iterator[Celery]:
    """An app with options of its own, and a task."""
    with Celery("other", broker=server.url) as app:
        app.conf.broker_transport_options = {"queue_order_strategy": "priority", **options}

        @app.task(name="team.work", shared=False)
        def work() -> None:
            """Do nothing."""

        yield app


def tell_of_tasks(store: Store, app: Celery) -> None:
    """What a worker of the app does; it is gone again, as workers are when somebody looks at a queue's length."""
    tasks, unrecorded = catalogue.tasks_of(app, Selection("*"))
    document = {"worker": {"name": "gone@here"}, "tasks": tasks, "unrecorded": unrecorded}
    catalogue.publish(store, document)
    catalogue.withdraw(store, document)


@pytest.mark.parametrize("options", OTHER_APPS, ids=str)
def test_the_queues_of_an_app_with_options_of_its_own_are_seen(
    watch: QueueWatch,
    sender: Celery,
    store: Store,
    clock: Clock,
    own_redis_server: RedisServer,
    options: dict[str, Any],
) -> None:
    with app_with(own_redis_server, options) as app:
        tell_of_tasks(store, app)
        for priority in range(10):
            app.send_task("team.work", queue="builds", priority=priority)
        app.send_task("team.work", queue="both")
        sender.send_task("x", queue="both")
        assert {name: queue.waiting for name, queue in watch.look().items()} == {"builds": 10, "both": 2}
        clock.now += 40
        assert watch.look()["builds"].oldest_seconds == 40


def test_a_queue_is_found_where_its_app_puts_it_before_it_was_declared(
    watch: QueueWatch, store: Store, own_redis_server: RedisServer
) -> None:
    publish_worker(store, "w@here", ["builds"], 2)
    with app_with(own_redis_server, {"global_keyprefix": "team-a:"}) as app:
        tell_of_tasks(store, app)
    store.client.lpush("team-a:builds", "a message")
    assert watch.look() == {"builds": Queue(1, 1, 2, 0.0)}


def test_a_queue_that_nobody_takes_from_has_no_workers(watch: QueueWatch, sender: Celery, store: Store) -> None:
    publish_worker(store, "a@here", ["celery", "builds"], 4)
    publish_worker(store, "b@here", ["celery"], 2)
    sender.send_task("x", queue="misspelt")
    seen = watch.look()
    assert seen["celery"] == Queue(0, 2, 6, 0.0)
    assert seen["builds"] == Queue(0, 1, 4, 0.0)
    assert (seen["misspelt"].waiting, seen["misspelt"].workers) == (1, 0)


def test_celerys_own_queues_and_other_peoples_keys_are_none(watch: QueueWatch, sender: Celery, store: Store) -> None:
    store.client.sadd("_kombu.binding.celery.pidbox", b"\x06\x16\x06\x16celery@here.celery.pidbox")
    store.client.sadd("_kombu.binding.celeryev", b"worker.#\x06\x16\x06\x16celeryev.1b2c")
    store.client.sadd("_kombu.binding.reply.celery.pidbox", b"1\x06\x16\x06\x161.reply.celery.pidbox")
    store.client.sadd("_kombu.binding.mails", b"mails\x06\x16\x06\x16mails")
    store.client.set("mails", "no list")
    assert watch.look() == {"mails": Queue(0, 0, 0, 0.0)}


def test_the_oldest_message_is_as_old_as_it_was_watched(
    watch: QueueWatch, sender: Celery, store: Store, clock: Clock
) -> None:
    def oldest() -> float | None:
        return watch.look()["celery"].oldest_seconds

    sender.send_task("first")
    assert oldest() == 0
    clock.now += 100
    sender.send_task("second")
    assert oldest() == 100
    clock.now += 50
    # Taken from the other end, as workers do. The second was first seen 50 s ago.
    store.client.rpop("celery")
    assert oldest() == 50
    store.client.rpop("celery")
    assert oldest() == 0


def test_what_moves_is_never_old_however_long_the_queue_is_never_empty(
    watch: QueueWatch, sender: Celery, store: Store, clock: Clock
) -> None:
    for _ in range(40):
        sender.send_task("x")
        seen = watch.look()["celery"]
        assert seen.oldest_seconds is not None
        assert seen.oldest_seconds <= 20
        clock.now += 10
        if seen.waiting == 3:
            store.client.rpop("celery")


def test_many_messages_are_watched_by_a_few(watch: QueueWatch, sender: Celery, store: Store, clock: Clock) -> None:
    for _ in range(10 * queue_ages.MAX_MARKERS):
        sender.send_task("x")
        watch.look()
        clock.now += 1
    assert watch.look()["celery"].oldest_seconds == 10 * queue_ages.MAX_MARKERS
    for _ in range(5 * queue_ages.MAX_MARKERS):
        store.client.rpop("celery")
    half = watch.look()["celery"].oldest_seconds
    # Never more than it is; at most as much less as two markers are apart.
    assert half is not None
    assert 0.6 * 5 * queue_ages.MAX_MARKERS <= half <= 5 * queue_ages.MAX_MARKERS


def test_a_queue_too_long_to_be_searched_has_no_age_until_it_was_watched(
    watch: QueueWatch, sender: Celery, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_ages, "MAX_SEARCHED", 3)
    for _ in range(5):
        sender.send_task("x")
    assert watch.look()["celery"].oldest_seconds is None
    for _ in range(3):
        store.client.rpop("celery")
    assert watch.look()["celery"].oldest_seconds == 0
    clock.now += 7
    for _ in range(9):
        sender.send_task("x")
    assert watch.look()["celery"].oldest_seconds == 7


def test_a_run_counts_from_its_record_and_one_whose_time_is_to_come_does_not(watch: QueueWatch, store: Store) -> None:
    now_ms = store.now_ms()
    for run_id, queue, since_ms, eta_ms in (
        ("a", "builds", now_ms - 90_000, ""),
        ("b", "builds", now_ms - 30_000, ""),
        ("c", "later", now_ms - 90_000, str(now_ms + 60_000)),
    ):
        record: Any = {"state": "queued", "queue": queue, "since_ms": since_ms, "eta_ms": eta_ms}
        store.client.hset(store.keys.run(run_id), mapping=record)
        store.client.zadd(store.keys.queued(), {run_id: since_ms})
    seen = watch.look()
    assert seen["builds"].oldest_seconds == pytest.approx(90, abs=20)
    assert seen["later"].oldest_seconds == 0


def test_the_names_are_bounded_and_stay() -> None:
    names = Names()
    queues = {f"q{number:03}": Queue(1, 1, 1, 1.0) for number in range(MAX_NAMES)}
    assert names.sort(queues).keys() == queues.keys()
    more = {**queues, "a-stuck": Queue(7, 0, 0, 500.0), "a-served": Queue(2, 3, 6, 2.0), "z" * 101: Queue(0, 0, 0, 0.0)}
    sorted_ = names.sort(more)
    assert sorted_.keys() == {*queues, OTHER}
    # The worst of them is told.
    assert sorted_[OTHER] == Queue(9, 0, 6, 500.0)
    del more["q007"]
    assert names.sort(more).keys() == {*(queues.keys() - {"q007"}), "a-served", OTHER}


def test_without_a_redis_broker_workers_and_runs_are_known(store: Store) -> None:
    publish_worker(store, "a@here", ["celery"], 4)
    assert QueueWatch(store, None).look() == {"celery": Queue(None, 1, 4, None)}


def test_a_scrape_is_quick_while_the_store_hangs_and_says_so(
    own_redis_server: RedisServer, key_prefix: str, sender: Celery, store: Store, tmp_path: Path
) -> None:
    sender.send_task("x", queue="mails")
    with app_with(own_redis_server, {"global_keyprefix": "team-a:"}) as app:
        tell_of_tasks(store, app)
        app.send_task("team.work", queue="builds")
    with Service("web", tmp_path, {"broker_url": own_redis_server.url, "key_prefix": key_prefix}) as web:

        def scrape() -> str:
            return http_get(f"http://127.0.0.1:{web.admin_port}/metrics")[1]

        wait_for(lambda: 'runtail_web_queue_waiting{queue="mails"} 1.0' in scrape(), 30, scrape)
        wait_for(lambda: 'runtail_web_queue_waiting{queue="builds"} 1.0' in scrape(), 30, scrape)
        assert "runtail_web_store_up 1.0" in scrape()
        assert "runtail_web_store_limit_bytes 0.0" in scrape()
        own_redis_server.pause()
        try:
            took = times_until(scrape, lambda text: "runtail_web_store_up 0.0" in text)
            text = scrape()
        finally:
            own_redis_server.resume()
        # What is only known from the store is left out: old values would look like health.
        assert "runtail_web_queue_waiting{" not in text
        assert "runtail_web_runs{" not in text
        assert "runtail_web_requests_total{" in text
        # (The median: a busy machine may hold up one. Each would take 3 s if it asked the store.)
        assert statistics.median(took) < 1.0
        wait_for(lambda: 'runtail_web_queue_waiting{queue="mails"} 1.0' in scrape(), 30, scrape)


def times_until(scrape: Callable[[], str], said: Callable[[str], bool]) -> list[float]:
    """Scrape until it says something, and return the seconds that each took."""
    took: list[float] = []

    def once() -> bool:
        began = time.monotonic()
        text = scrape()
        took.append(time.monotonic() - began)
        return said(text)

    wait_for(once, 30, scrape)
    return took
