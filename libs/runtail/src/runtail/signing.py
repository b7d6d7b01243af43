"""Makes a Celery app sign the messages of the tasks that it sends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runtail.errors import ConfigError

if TYPE_CHECKING:
    from runtail.settings import Settings

_SIGNS = "_runtail_signs"


def sign(app: Any, settings: Settings | None = None) -> None:
    """Sign each task that *app* sends, so that workers with ``RUNTAIL_MESSAGES=signed`` execute it.

    Call it in programs that send tasks, such as beat or a web application. Web signs what it starts, and a worker with
    :func:`runtail.install` what its tasks send. Calling it again changes nothing.

    :param settings: read from the environment by default.
    :raises ConfigError: if ``RUNTAIL_MESSAGE_KEYS`` is not set.
    """
    if settings is None:
        from runtail.settings import load_settings

        settings = load_settings(os.environ)
    # (Not at the top: `import runtail` is for tasks, which need none of it.)
    from runtail.signature import read_keys

    keys = read_keys(settings.message_keys)
    if not keys:
        raise ConfigError("RUNTAIL_MESSAGE_KEYS is not set: there is nothing to sign messages with")
    from celery.utils.imports import symbol_by_name

    base = symbol_by_name(app.amqp_cls)
    if getattr(base, _SIGNS, False):
        return
    # Not the signal before_task_publish: it does not say how the body will be written.
    signing = type("SigningAMQP", (base,), {"_create_task_sender": _maker(base, keys[0]), _SIGNS: True})
    app.amqp_cls = signing
    if "amqp" in vars(app):
        app.amqp.__class__ = signing
        # Its function that sends may have been made already.
        vars(app.amqp).pop("send_task_message", None)


def _maker(base: Any, key: str) -> Callable[[Any], Callable[..., Any]]:

    def create_task_sender(amqp: Any) -> Callable[..., Any]:
        send: Callable[..., Any] = base._create_task_sender(amqp)

        def send_task_message(producer: Any, name: str, message: Any, *args: Any, **options: Any) -> Any:
            return send(_SigningProducer(producer, key), name, message, *args, **options)

        return send_task_message

    return create_task_sender


class _SigningProducer:
    """A kombu producer that signs tasks; the rest it leaves to the one that it wraps."""

    def __init__(self, producer: Any, key: str) -> None:
        self._producer, self._key = producer, key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def publish(
        self,
        body: Any,
        *,
        headers: Mapping[str, Any] | None = None,
        routing_key: str | None = None,
        serializer: str | None = None,
        **options: Any,
    ) -> Any:
        """Publish a message."""
        if headers is None or "task" not in headers or "id" not in headers:
            # An event, or Celery's first message protocol.
            return self._producer.publish(
                body, headers=headers, routing_key=routing_key, serializer=serializer, **options
            )
        from kombu.serialization import dumps

        from runtail.header import HEADER
        from runtail.signature import signed

        # Written here and not by kombu, so that what is signed is what is sent.
        content_type, encoding, written = dumps(body, serializer=serializer)  # type: ignore[no-untyped-call]
        data = written.encode(encoding) if isinstance(written, str) else bytes(written)
        header = signed(
            self._key,
            headers.get(HEADER),
            task=str(headers["task"]),
            task_id=str(headers["id"]),
            queue=str(routing_key or ""),
            sent_ms=int(time.time() * 1000),
            content_type=content_type,
            body=data,
        )
        return self._producer.publish(
            written,
            headers={**headers, HEADER: header},
            routing_key=routing_key,
            content_type=content_type,
            content_encoding=encoding,
            **options,
        )
