"""The store's copy of the audit log: what is kept, and what happens when the store does not take it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from runtail.access.principal import anyone
from runtail.auth import audit_stream
from runtail.auth.audit import Audit
from runtail.auth.audit_log import Page, Wanted, read_page
from runtail.store import Store
from tests.support.redis_server import RedisServer
from tests.support.runs import make_store
from tests.support.waiting import wait_for

EVERYTHING = Wanted()


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix)


@pytest.fixture
def audit(store: Store) -> Iterator[Audit]:
    made = Audit(store, write=lambda _: None)
    yield made
    made.stop()


def runs_of(page: Page) -> list[str]:
    return [entry.run for _, entry in page.entries]


def fill(audit: Audit, store: Store, first: int, last: int) -> None:
    """Write entries about runs with these numbers and wait until the store has them."""
    for number in range(first, last + 1):
        audit.record("run-start", principal=anyone("ann" if number % 2 else "bob"), run=str(number), task="t")
    wait_for(lambda: store.client.xlen(store.keys.audit()) >= last, 20)


def test_the_stream_is_beside_what_workers_may_use(store: Store) -> None:
    assert store.keys.audit() == store.settings.key_prefix.removesuffix(":") + "-auth:audit"
    assert not store.keys.audit().startswith(store.settings.key_prefix)


def test_pages_are_exact_while_entries_come(audit: Audit, store: Store) -> None:
    fill(audit, store, 1, 100)
    seen, after = [], None
    for turn in range(10):
        page = read_page(store, EVERYTHING, limit=10, after=after)
        seen += runs_of(page)
        after = page.following
        fill(audit, store, 101 + turn, 101 + turn)
    assert seen == [str(number) for number in range(100, 0, -1)]
    assert after is not None
    assert read_page(store, EVERYTHING, limit=10, after=after) == Page([], None)


def test_filters(audit: Audit, store: Store) -> None:
    fill(audit, store, 1, 20)
    audit.record("denied", principal=None, run="7", right="run:read")
    wait_for(lambda: store.client.xlen(store.keys.audit()) == 21, 20)
    now_ms = int(time.time() * 1000)

    def count(wanted: Wanted) -> int:
        return len(read_page(store, wanted, limit=500).entries)

    assert count(Wanted(who="AN")) == 10
    assert count(Wanted(events=frozenset(("denied", "login")))) == 1
    assert count(Wanted(run="7")) == 2
    assert count(Wanted(run="7", who="bob")) == 0
    assert count(Wanted(since_ms=now_ms - 60_000)) == 21
    assert count(Wanted(since_ms=now_ms + 60_000)) == 0
    assert count(Wanted(until_ms=now_ms - 60_000)) == 0
    middle = read_page(store, EVERYTHING, limit=10).entries[-1][1].t_ms
    assert count(Wanted(since_ms=middle)) + count(Wanted(until_ms=middle)) == 21


def test_a_filter_that_matches_little_goes_on_where_it_stopped(
    audit: Audit, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(audit, store, 1, 60)
    monkeypatch.setattr("runtail.auth.audit_log.MAX_SCANNED", 20)
    monkeypatch.setattr("runtail.auth.audit_log.SCAN_COUNT", 10)
    pages, after = [], None
    while True:
        page = read_page(store, Wanted(run="3"), limit=5, after=after)
        pages.append(runs_of(page))
        after = page.following
        if after is None:
            break
    assert pages == [[], [], ["3"], []]


def test_entries_that_cannot_be_read_are_left_out_and_counted(audit: Audit, store: Store) -> None:
    fill(audit, store, 1, 1)
    for value in (b"", b"no json", b"[]", b'{"t_ms": "now"}', b'{"t_ms": 1}', b'{"t_ms": true, "event": "login"}'):
        store.client.xadd(store.keys.audit(), {"e": value})
    store.client.xadd(store.keys.audit(), {"other": "field"})
    # Of a version to come.
    store.client.xadd(store.keys.audit(), {"e": b'{"t_ms": 2, "event": "new", "outcome": "ok", "more": [1]}'})
    assert [entry.event for _, entry in read_page(store, EVERYTHING, limit=10).entries] == ["new", "run-start"]
    assert store.unreadable["audit"] == 7


def test_old_entries_go(store: Store) -> None:
    now_ms, day_ms = int(time.time() * 1000), audit_stream.DAY_MS
    # Redis removes whole nodes, of 100 entries.
    for number in range(300):
        store.client.xadd(store.keys.audit(), {"e": "{}"}, id=f"{now_ms - 91 * day_ms}-{number}")
    for number in range(100):
        store.client.xadd(store.keys.audit(), {"e": "{}"}, id=f"{now_ms - 89 * day_ms}-{number}")
    audit = Audit(store, write=lambda _: None)
    audit.record("login", principal=None)
    wait_for(lambda: store.client.xlen(store.keys.audit()) <= 201, 20)
    audit.stop()
    assert store.client.xlen(store.keys.audit()) >= 101


def test_the_stream_has_a_bound(audit: Audit, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_stream, "MOST_ENTRIES", 200)
    for number in range(1000):
        audit.record("run-start", principal=None, run=str(number))
    wait_for(lambda: runs_of(read_page(store, EVERYTHING, limit=1)) == ["999"], 20)
    assert 200 <= store.client.xlen(store.keys.audit()) < 400


def test_a_store_that_is_away_delays_nobody_and_gets_the_entries_later(
    own_redis_server: RedisServer, key_prefix: str
) -> None:
    store = make_store(own_redis_server.url, key_prefix)
    lines: list[bytes] = []
    audit = Audit(store, write=lines.append)
    audit.record("run-start", principal=None, run="before")
    wait_for(lambda: store.client.xlen(store.keys.audit()) == 1, 20)
    own_redis_server.pause()
    began = time.thread_time()
    for number in range(50):
        audit.record("run-start", principal=None, run=str(number))
    took = time.thread_time() - began
    assert len(lines) == 51
    assert took < 1.0
    own_redis_server.resume()
    wait_for(lambda: store.client.xlen(store.keys.audit()) >= 51, 60)
    audit.stop()
    assert {entry.run for _, entry in read_page(store, EVERYTHING, limit=200).entries} == {
        "before", *map(str, range(50)),
    }  # fmt: skip


def test_what_the_store_never_gets_is_counted(
    own_redis_server: RedisServer, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_stream, "MOST_WAITING", 10)
    store = make_store(own_redis_server.url, key_prefix)
    audit = Audit(store, write=lambda _: None)
    own_redis_server.kill()
    for number in range(500):
        audit.record("run-start", principal=None, run=str(number))
    assert audit.lost()["store",] > 0
    audit.stop()
    wait_for(lambda: audit.lost()["store",] == 500, 20)


def test_a_user_without_the_permission_is_counted(store: Store, redis_url: str, key_prefix: str) -> None:
    store.client.acl_setuser(
        f"{key_prefix}reader",
        enabled=True,
        nopass=True,
        keys=["*"],
        categories=["+@read", "+@transaction", "+@connection"],
        reset=True,
    )
    try:
        url = redis_url.replace("redis://", f"redis://{key_prefix.replace(':', '%3A')}reader:x@")
        audit = Audit(make_store(url, key_prefix), write=lambda _: None)
        audit.record("login", principal=None)
        wait_for(lambda: audit.lost()["store",] == 1, 20)
        audit.stop()
    finally:
        store.client.acl_deluser(f"{key_prefix}reader")
