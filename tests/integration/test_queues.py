"""Where a message may wait at a Redis broker, with messages that kombu itself puts there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import kombu
import pytest
import redis

from runtail.runs.queues import MAX_MESSAGES, RedisQueues
from runtail.runs.transport import DEFAULT, Transport
from tests.support.redis_server import RedisServer

#: It has no types.
KOMBU: Any = kombu

OPTIONS: list[dict[str, Any]] = [
    {},
    {"global_keyprefix": "team-a:"},
    {"sep": ":", "priority_steps": range(10), "queue_order_strategy": "priority"},
    {"priority_steps": [0, 5]},
    {"global_keyprefix": "{b}", "unacked_key": "taken", "sep": "/", "priority_steps": [9, 0, 4]},
]


@pytest.fixture
def client(own_redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the broker's database."""
    with contextlib.closing(own_redis_server.client()) as made:
        yield made


@contextlib.contextmanager
def channel(server: RedisServer, options: dict[str, Any], database: int = 0) -> Iterator[Any]:
    """A channel of an app with these options."""
    url = f"redis://127.0.0.1:{server.port}/{database}"
    with KOMBU.Connection(url, transport_options=options) as connection, connection.channel() as made:
        yield made


def queue_of(name: str, exchange: str, routing_key: str) -> Any:
    """A queue as Celery declares it."""
    return KOMBU.Queue(name, KOMBU.Exchange(exchange), routing_key=routing_key)


def publish(made: Any, run_id: str, queue: Any, routing_key: str | None = None, **more: Any) -> None:
    """Send what Celery sends, as far as it matters here."""
    producer = KOMBU.Producer(made, exchange=queue.exchange, routing_key=routing_key or queue.routing_key)
    producer.publish([[], {}, {}], headers={"id": run_id, "task": "t"}, declare=[queue], **more)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_message_is_found_wherever_it_waits(
    own_redis_server: RedisServer, client: redis.Redis, options: dict[str, Any]
) -> None:
    queues, transport = RedisQueues(client), Transport.from_options(options)
    assert Transport.from_options(transport.options()) == transport
    queue = queue_of("mails", "mails", "mails")
    with channel(own_redis_server, options) as made:
        for priority in range(10):
            run_id = f"run-{priority}"
            assert queues.holds(run_id, "mails", transport) is False
            publish(made, run_id, queue, priority=priority)
            assert queues.holds(run_id, "mails", transport) is True
            message = queue(made).get(no_ack=False)
            assert message is not None
            assert client.llen(transport.keyprefix + "mails") == 0
            assert queues.holds(run_id, "mails", transport) is True, "a worker has it"
            message.ack()
            assert queues.holds(run_id, "mails", transport) is False


@pytest.mark.parametrize("run_id", ["sync-é", 'a"b', "a\\b", "日本", "x y", "😀"])
def test_an_id_is_found_as_kombu_writes_it(own_redis_server: RedisServer, client: redis.Redis, run_id: str) -> None:
    with channel(own_redis_server, {}) as made:
        publish(made, run_id, queue_of("q", "q", "q"))
    assert RedisQueues(client).holds(run_id, "q") is True
    assert RedisQueues(client).holds(run_id + "!", "q") is False


def test_a_queue_is_known_by_its_routing_key_too(own_redis_server: RedisServer, client: redis.Redis) -> None:
    queues = RedisQueues(client)
    with channel(own_redis_server, {}) as made:
        publish(made, "r", queue_of("video", "media", "media.video"))
    assert queues.holds("r", "media.video", sent_here=False) is None
    queues.find()
    assert queues.holds("r", "media.video", sent_here=False) is True
    assert queues.holds("other", "media.video", sent_here=False) is False


@pytest.mark.parametrize(
    ("options", "database"),
    [({}, 1), ({"global_keyprefix": "team-b:"}, 0), ({"sep": ":"}, 0)],
    ids=["another database", "another prefix", "another separator"],
)
def test_what_was_not_declared_here_may_wait_elsewhere(
    own_redis_server: RedisServer, client: redis.Redis, options: dict[str, Any], database: int
) -> None:
    queues = RedisQueues(client)
    with channel(own_redis_server, options, database) as made:
        publish(made, "r", queue_of("q", "q", "q"))
    queues.find()
    assert queues.holds("r", "q", sent_here=False) is None
    with channel(own_redis_server, {}) as made:
        queue_of("q", "q", "q")(made).declare()
    queues.find()
    assert queues.holds("another-run", "q", sent_here=False) is False


def test_a_key_of_another_type_holds_no_message(client: redis.Redis) -> None:
    client.zadd("runs", {"r": 1})
    client.set("unacked", "r")
    assert RedisQueues(client).holds("r", "runs") is False


def test_of_too_many_messages_nothing_is_told(client: redis.Redis) -> None:
    client.hset("unacked", mapping={str(number): "m" for number in range(MAX_MESSAGES + 1)})
    assert RedisQueues(client).holds("r", "q") is None


@pytest.mark.parametrize(
    "options",
    [
        None, {}, {"global_keyprefix": 5, "sep": None, "priority_steps": "0123", "unacked_key": ["x"]},
        {"priority_steps": []}, {"priority_steps": ["1"]}, {"priority_steps": [True]}, {"priority_steps": [-1]},
        {"priority_steps": list(range(1000))}, {"global_keyprefix": "x" * 300}, {"visibility_timeout": 5},
    ],
    ids=str,
)  # fmt: skip
def test_what_kombu_could_not_use_is_left_out(options: Any) -> None:
    assert Transport.from_options(options) == DEFAULT
    assert DEFAULT.options() == {}
