"""Signatures of messages: what they cover, which keys count, and that a Celery app sends what it signed."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery

from runtail import sign
from runtail.errors import ConfigError
from runtail.header import HEADER, make, names, read
from runtail.settings import load_settings
from runtail.signature import is_valid, read_keys, signed

KEY, OTHER = "k" * 32, "o" * 32
MESSAGE: dict[str, Any] = {"task": "a.b", "task_id": "1", "content_type": "application/json", "body": b"[[], {}, {}]"}


def header(**changes: Any) -> dict[str, Any]:
    return signed(KEY, make("store", "1", 2, 3)[HEADER] | changes, queue="q", sent_ms=7, **MESSAGE)


def test_a_signature_is_accepted_by_each_of_the_keys_only() -> None:
    assert is_valid([KEY], header(), **MESSAGE)
    assert is_valid([OTHER, KEY], header(), **MESSAGE)
    assert not is_valid([OTHER], header(), **MESSAGE)
    assert not is_valid([], header(), **MESSAGE)


@pytest.mark.parametrize("name", MESSAGE)
def test_what_is_sent_cannot_be_changed(name: str) -> None:
    other = b"[[1], {}, {}]" if name == "body" else "x"
    assert not is_valid([KEY], header(), **{**MESSAGE, name: other})


@pytest.mark.parametrize("name", [*make("", "", 1, 1)[HEADER], "queue", "sent_ms", "who", "later"])
def test_no_field_of_the_header_can_be_changed_added_or_left_out(name: str) -> None:
    made = header(who="ann", later=1)
    assert is_valid([KEY], made, **MESSAGE)
    assert not is_valid([KEY], {**made, name: "x"}, **MESSAGE)
    assert not is_valid([KEY], {key: value for key, value in made.items() if key != name}, **MESSAGE)
    assert not is_valid([KEY], {**made, "more": 1}, **MESSAGE)


@pytest.mark.parametrize("sig", [None, 1, {}, [], "", "x", "\u00e9", "0" * 64])
def test_anything_may_stand_where_a_signature_should(sig: Any) -> None:
    assert not is_valid([KEY], {**header(), "sig": sig}, **MESSAGE)


def test_anything_may_stand_in_the_header() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert not is_valid([KEY], {**header(), "a": deep}, **MESSAGE)
    assert not is_valid([KEY], header(), **{**MESSAGE, "task": {"a": 1}})


def test_a_signed_message_that_nobody_announced_names_no_run() -> None:
    made = signed(KEY, None, queue="q", sent_ms=7, **MESSAGE)
    assert read(made, "1") is None
    assert not names({HEADER: made}, "1")
    assert names({HEADER: header()}, "1")


def test_keys_are_read_newest_first_and_not_too_short() -> None:
    assert read_keys(f" {KEY}, {OTHER},") == (KEY, OTHER)
    assert read_keys("") == ()
    with pytest.raises(ConfigError, match="32 characters") as refused:
        load_settings({"RUNTAIL_MESSAGE_KEYS": f"{KEY},secret"})
    assert "secret" not in str(refused.value)


def test_an_app_needs_a_key_to_sign() -> None:
    with pytest.raises(ConfigError, match="RUNTAIL_MESSAGE_KEYS is not set"):
        sign(Celery("keyless", set_as_current=False), load_settings({}))


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"serializer": "yaml"}])
def test_an_app_sends_what_it_signed(early: bool, options: dict[str, Any]) -> None:
    app = Celery("signing", broker=f"memory://{early}{len(options)}", set_as_current=False)
    if early:
        app.amqp.send_task_message  # noqa: B018 - it was made before anybody asked for signatures
    settings = load_settings({"RUNTAIL_MESSAGE_KEYS": KEY})
    sign(app, settings)
    sign(app, settings)
    app.conf.task_default_queue = "later"
    with app.connection_for_write() as connection:
        app.send_task("a.b", args=({"n": "\u00e9"},), connection=connection, **options)
        message = connection.default_channel.basic_get("later", no_ack=True)
    app.close()
    body = message.body.encode() if isinstance(message.body, str) else message.body
    ours = message.headers[HEADER]
    assert (ours["run"], ours["queue"]) == ("", "later")
    assert is_valid(
        [KEY], ours, task="a.b", task_id=message.headers["id"], content_type=message.content_type, body=body
    )
