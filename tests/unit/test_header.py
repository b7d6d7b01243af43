"""The message header ``runtail``: whoever can publish can write anything into it."""

from __future__ import annotations

from typing import Any

import pytest

from runtail.header import HEADER, MAX_WHO_CHARS, BadHeader, make, read
from runtail.worker.task import delivery

GOOD = make("store-1", "run-1", 2, 3)[HEADER]


def test_what_runtail_makes_is_read() -> None:
    assert read(GOOD, "run-1") == {**GOOD, "who": None}
    # Of a version in which executions were not counted.
    older = {name: value for name, value in GOOD.items() if name != "execution"}
    assert (read(older, "run-1") or {})["execution"] == 1
    assert read({**GOOD, "more": 1}, "run-1") == read(GOOD, "run-1")


def test_no_header_and_one_of_another_run_are_none() -> None:
    assert read(None, "run-1") is None
    assert read(GOOD, "run-2") is None


@pytest.mark.parametrize("value", ["text", 7, [], [GOOD], True, b"x"])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(BadHeader):
        read(value, "run-1")


WRONG: dict[str, list[Any]] = {
    "run": [None, 1, {}, ["run-1"]],
    "v": [None, 2, "1", {}],
    "attempt": [None, 0, -1, 1.5, "1", True, 2**40, {}, []],
    "execution": [0, "2", {}, 2**31],
    "store": [None, 5, {"a": 1}, "x" * 256],
    "who": [{"name": "ana"}, ["ana"], 7, True],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_wrong_types_and_sizes_are_refused(name: str, value: Any) -> None:
    with pytest.raises(BadHeader):
        read({**GOOD, name: value}, "run-1")


@pytest.mark.parametrize(
    ("who", "kept"),
    [
        ("ana", "ana"),
        ("ana\x1b[31m red\r\nadmin\x00\u202e", "ana red admin"),
        ("\x1b]52;c;aGk=\x07ben", "ben"),
        ("x" * 5000, "x" * MAX_WHO_CHARS),
        ("", None),
    ],
)
def test_who_is_believed_as_clean_short_text(who: str, kept: str | None) -> None:
    assert (read({**GOOD, "who": who}, "run-1") or {})["who"] == kept


@pytest.mark.parametrize("value", [None, "abc", -3, 1.5, True, [], {}, 2**63])
def test_counts_of_a_message_are_numbers(value: Any) -> None:
    found = delivery.facts({"retries": value, "replaced_task_nesting": value}, publications=True)
    assert (found["retries"], found["nesting"]) == (0, 0)


@pytest.mark.parametrize("properties", [None, "x", [], {}, {"delivery_tag": 1}, {"delivery_tag": "y" * 36}])
def test_a_publication_is_a_uuid_or_none(properties: Any) -> None:
    request = {"properties": properties, "delivery_info": properties}
    assert delivery.facts(request, publications=True)["publication"] == ""


def test_a_publication_counts_only_where_the_broker_keeps_it() -> None:
    request = {"properties": {"delivery_tag": "7f3a5c1e-8d0b-4f6e-9a27-1b6f0c2d4e58"}}
    assert delivery.facts(request, publications=True)["publication"] == request["properties"]["delivery_tag"]
    assert delivery.facts(request, publications=False)["publication"] == ""


@pytest.mark.parametrize(
    ("broker", "keeps"),
    [("redis://h", True), ("memory://", True), ("filesystem://", True), ("amqp://h", False), ("pyamqp://h", False)],
)
def test_which_brokers_keep_publications(broker: str, keeps: bool) -> None:
    from celery import Celery

    with Celery("x", broker=broker, set_as_current=False) as app:
        assert delivery.has_publications(app) is keeps
