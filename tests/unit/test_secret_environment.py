"""Which values of a worker's environment and of its app's configuration are secrets."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from runtail.settings import BY_NAME
from runtail.worker.task.environment import SecretEnvironment

DEFAULT = str(BY_NAME["mask_env"].default)


def configured(patterns: str = DEFAULT, **conf: Any) -> set[bytes]:
    """Return what is masked with these settings, and nothing in the environment."""
    app = Celery("secretive", set_as_current=False)
    app.conf.update(conf)
    return set(SecretEnvironment(patterns, app).secrets({}))


@pytest.mark.parametrize(
    ("conf", "secrets"),
    [
        ({"broker_url": "redis://:open-sesame@broker:6379/0"}, {b"open-sesame"}),
        ({"broker_url": "amqp://app:p%40ss%2Fw0rd@mq//"}, {b"p%40ss%2Fw0rd", b"p@ss/w0rd"}),
        ({"broker_url": "amqp://a:first-one@h1//;amqp://a:second-one@h2//"}, {b"first-one", b"second-one"}),
        ({"broker_url": ["redis://:first-one@h1", "redis://:second-one@h2"]}, {b"first-one", b"second-one"}),
        ({"broker_read_url": "redis://:reading@h", "broker_write_url": "redis://:writing@h"}, {b"reading", b"writing"}),
        ({"result_backend": "db+postgresql://results:sw0rdfish@db/results"}, {b"sw0rdfish"}),
        ({"result_backend": "mongodb://u:m0ng0-pw@h1,h2/db?replicaSet=rs"}, {b"m0ng0-pw"}),
        ({"result_backend": "redis://h/0?password=in-the-query&db=1"}, {b"in-the-query"}),
        ({"broker_url": "sqs://AKIAEXAMPLE:aws-secret@"}, {b"aws-secret"}),
        ({"broker_transport_options": {"sentinel_kwargs": {"password": "s3ntinel"}}}, {b"s3ntinel"}),
        ({"mongodb_backend_settings": {"user": "u", "password": "m0ng0-pw"}}, {b"m0ng0-pw"}),
        ({"s3_access_key_id": "id", "s3_secret_access_key": "aws-secret"}, {b"aws-secret"}),
        ({"security_key_password": b"of-the-key"}, {b"of-the-key"}),
        # Of an extension.
        ({"redbeat_redis_url": "redis://:b3at@h/1"}, {b"b3at"}),
        # A default that everybody knows, and what is no secret.
        ({"broker_url": "amqp://guest:guest@localhost//"}, set()),
        ({"broker_url": "pyamqp://", "result_backend": "rpc://"}, set()),
        ({"task_default_routing_key": "celery", "broker_transport_options": {"unacked_key": "unacked"}}, set()),
        ({"security_key": "/etc/ssl/private/worker.key"}, set()),
    ],
)  # fmt: skip
def test_the_apps_passwords_are_secrets(conf: dict[str, Any], secrets: set[bytes]) -> None:
    assert configured(**conf) == secrets


def test_an_app_configured_in_djangos_way(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery("django", set_as_current=False)
    settings = SimpleNamespace(
        CELERY_BROKER_URL="redis://:open-sesame@broker/0", CELERY_RESULT_BACKEND="redis://:other-one@results/0",
        STATIC_URL="/static/", DEBUG=True,
    )  # fmt: skip
    app.config_from_object(settings, namespace="CELERY")
    assert set(SecretEnvironment(DEFAULT, app).secrets({})) == {b"open-sesame", b"other-one"}


def test_no_patterns_no_secrets() -> None:
    assert configured("", broker_url="redis://:open-sesame@broker/0") == set()


def test_a_default_password_in_a_variable_is_none_either() -> None:
    environment = SecretEnvironment(DEFAULT)
    assert environment.secrets({"CELERY_BROKER_URL": "amqp://guest:guest@mq//"}) == []
    assert environment.secrets({"BROKER": "redis://h/0?password=in-the-query"}) == [b"in-the-query"]
    # A variable that is called so is another matter.
    assert environment.secrets({"MQ_PASSWORD": "guest"}) == [b"guest"]


def test_a_password_that_is_too_short_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    app = Celery("short", set_as_current=False)
    app.conf.broker_url = "redis://:ab@broker/0"
    with caplog.at_level(logging.WARNING, "celery.runtail"):
        environment = SecretEnvironment(DEFAULT, app)
        environment.secrets({})
        environment.secrets({})
    assert [record.getMessage() for record in caplog.records] == [
        "Runtail: the setting broker_url: A secret of fewer than 3 bytes is not masked: it would hide half of the log."
    ]
