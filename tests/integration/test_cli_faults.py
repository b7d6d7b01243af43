"""``runtail follow`` when the log itself is lost, replaced, deleted or damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtail.cli import exits
from runtail.store import Store
from tests.support.command import Command
from tests.support.redis_server import RedisServer
from tests.support.relay import Producer, Relay, make_store
from tests.support.services import Service

StartRelay = Callable[..., Relay]
Follow = Callable[..., Command]


@pytest.fixture
def store(own_redis_server: RedisServer, key_prefix: str) -> Store:
    """A store to be broken."""
    return make_store(own_redis_server.url, key_prefix)


@pytest.fixture
def follow(start_relay: StartRelay, store: Store, tmp_path: Path) -> Iterator[Follow]:
    """Calls ``runtail follow RUN``, with web and relay on that store."""
    settings = store.settings
    relay = start_relay(url=settings.broker_url)
    about = {"broker_url": settings.broker_url, "key_prefix": settings.key_prefix, "socket_url": relay.url}
    with Service("web", tmp_path, about) as web:
        yield lambda run_id, *more: Command(tmp_path, web.url, "follow", run_id, *more)


def text(producer: Producer) -> bytes:
    """All that was written."""
    return b"".join(line + b"\n" for line in producer.expected())


def test_a_store_that_was_emptied_is_said_and_no_line_comes_twice(
    store: Store, own_redis_server: RedisServer, follow: Follow
) -> None:
    producer = Producer(store)
    producer.write(10)
    command = follow(producer.run_id)
    command.wait_for_lines(10)
    with own_redis_server.client() as client:
        client.flushall()
    producer.write(5)
    producer.end()
    assert command.wait() == 0, command.err
    assert command.out == text(producer)
    assert "── The log was replaced: " in command.err
    assert command.err.splitlines()[-1] == "── complete: 15 lines, verified from line 11"


def test_a_run_that_is_deleted_meanwhile_is_said(store: Store, follow: Follow) -> None:
    producer = Producer(store)
    producer.write(1)
    command = follow(producer.run_id)
    command.wait_for_lines(1)
    store.client.delete(store.keys.run(producer.run_id), store.keys.log(producer.run_id))
    assert command.wait() == exits.TROUBLE
    assert "there is no such run any more: it was deleted" in command.err
    assert command.out == text(producer)


def test_an_id_that_has_to_be_escaped_is_followed_and_one_that_cannot_be_is_refused(
    store: Store, follow: Follow
) -> None:
    producer = Producer(store, "nightly: 50% of #7? \\ ü;&=+%2F")
    producer.write(10)
    producer.end()
    command = follow(producer.run_id)
    assert command.wait() == 0, command.err
    assert command.out == text(producer)
    for run_id in ("a/b", ".."):
        command = follow(run_id)
        assert command.wait() != 0
        assert "There is no such run: an id" in command.err


def damage(store: Store, producer: Producer) -> None:
    """Change a byte of the second entry of output, and nothing else."""
    client: Any = store.client
    key = store.keys.log(producer.run_id)
    entries = client.xrange(key)
    client.delete(key)
    for id_, fields in entries:
        changed = {**fields, b"d": fields[b"d"].replace(b"line 11 ", b"line 1l ")}
        client.xadd(key, changed, id=id_)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_damaged_log_is_shown_up_to_the_damage_and_never_called_verified(
    store: Store, follow: Follow, options: tuple[str, ...]
) -> None:
    producer = Producer(store)
    producer.write(10)
    producer.write(10)
    producer.end()
    damage(store, producer)
    command = follow(producer.run_id, *options)
    assert command.wait() == exits.UNVERIFIED, command.err
    if options:
        verdict = json.loads(command.out.splitlines()[-1])["verdict"]
        assert (verdict["verified"], verdict["status"]) == (False, exits.UNVERIFIED)
    else:
        assert command.out == b"".join(line + b"\n" for line in producer.expected()[:10])
        assert "does not match its chain" in command.err.splitlines()[-1]
