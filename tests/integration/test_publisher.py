"""What the web service does when RabbitMQ does not take a declaration of a queue."""

from __future__ import annotations

from typing import Any, cast

import amqp
import pytest
from celery import Celery

from runtail_web.publisher import TaskPublisher
from tests.support.runs import make_store


class Broker:
    """Answers as RabbitMQ does for a queue that workers have declared with arguments, such as priorities or quorum."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send_task(self, name: str, **options: Any) -> None:
        """Celery's: without ``declare`` it declares the queue, and with other arguments that is refused."""
        if options.get("declare") != []:
            raise amqp.PreconditionFailed("inequivalent arg 'x-max-priority' for queue 'q'", (50, 10), "406")
        self.sent.append((name, options))


def test_a_queue_that_was_declared_with_arguments_is_published_to(redis_url: str, key_prefix: str) -> None:
    store, broker = make_store(redis_url, key_prefix), Broker()
    TaskPublisher(store, cast(Celery, broker))("r-1", "tests.task", {"n": 1}, "q", {"runtail": {}})
    assert [(name, options["queue"], options["task_id"]) for name, options in broker.sent] == [
        ("tests.task", "q", "r-1")
    ]
    store.client.close()


def test_another_refusal_is_told(redis_url: str, key_prefix: str) -> None:
    class Refusing(Broker):
        def send_task(self, name: str, **options: Any) -> None:
            raise amqp.AccessRefused("no", (50, 10), "403")

    store = make_store(redis_url, key_prefix)
    with pytest.raises(amqp.AccessRefused):
        TaskPublisher(store, cast(Celery, Refusing()))("r-1", "tests.task", {}, "q", {})
    store.client.close()
