"""What a start request is told of wrong parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtail_web.parameters import check_parameters
from runtail_web.problems import Problem

NULL = {"type": "null"}
PORTS = {"type": "array", "items": {"type": "integer"}}


@pytest.mark.parametrize(
    ("rule", "value", "field", "words"),
    [
        ({"type": "integer"}, "abc", "x", "'abc' is not a whole number"),
        ({"type": "integer"}, 1.5, "x", "1.5 is not a whole number"),
        ({"type": "number"}, "abc", "x", "'abc' is not a number"),
        ({"type": "boolean"}, 1, "x", "1 is not true or false"),
        ({"type": "string"}, 1, "x", "1 is not text"),
        ({"type": "object"}, [], "x", "[] is not an object"),
        (PORTS, "http", "x", "'http' is not a list"),
        (PORTS, [80, "http"], "x.1", "'http' is not a whole number"),
        ({"type": ["integer", "null"]}, "abc", "x", "'abc' is not a whole number or null"),
        ({"anyOf": [{"type": "integer"}, NULL]}, "abc", "x", "'abc' is not a whole number or null"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, [], "x", "[] is not a whole number or text"),
        # The branch that is meant says what is wrong.
        ({"anyOf": [PORTS, NULL]}, [80, "http"], "x.1", "'http' is not a whole number"),
        ({"anyOf": [{"type": "integer", "minimum": 1}, NULL]}, 0, "x", "must be at least 1"),
        ({"anyOf": [{"type": "string", "minLength": 3}, NULL]}, "", "x", "must have at least 3 characters"),
        ({"type": "string", "minLength": 1}, "", "x", "is required and must not be empty"),
        ({"type": "array", "items": {"type": "integer", "maximum": 9}}, [1, 10], "x.1", "must be at most 9"),
        ({"type": "object", "minProperties": 1}, {}, "x", "must have at least 1 entry"),
        ({"enum": ["a", 2]}, "c", "x", "must be one of a, 2"),
        ({"const": "a"}, "c", "x", "'c' does not fit"),
        ({"not": {"type": "string"}}, "c", "x", "'c' does not fit"),
        ({"format": "date"}, "31.1.2026", "x", "'31.1.2026' is not a date, as in 2026-01-31"),
        ({"format": "date"}, "2026-02-30", "x", "'2026-02-30' is not a date, as in 2026-01-31"),
        ({"format": "date-time"}, "2026-01-31T14:05", "x",
         "'2026-01-31T14:05' is not a time with its zone, as in 2026-01-31T14:05:00Z"),
        ({"format": "date-time"}, "2026-01-31T25:05:00Z", "x",
         "'2026-01-31T25:05:00Z' is not a time with its zone, as in 2026-01-31T14:05:00Z"),
        ({"format": "ipv4"}, "1.2.3", "x", "'1.2.3' is not an IPv4 address"),
        ({"anyOf": [{"enum": ["a"]}, {"enum": ["b"]}]}, "c", "x", "'c' does not fit"),
    ],
)  # fmt: skip
def test_wrong_values_are_named_in_plain_words(rule: dict[str, Any], value: object, field: str, words: str) -> None:
    task = {"name": "t", "schema": {"type": "object", "properties": {"x": rule}}}
    with pytest.raises(Problem) as refused:
        check_parameters(task, {"x": value})
    assert refused.value.members["errors"] == [{"field": field, "message": words}]


VECTORS = json.loads((Path(__file__).parents[1] / "support/bounds_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("rule", "value", "words"), VECTORS["values"])
def test_bounds_are_told_in_the_words_of_the_page(rule: dict[str, Any], value: object, words: str | None) -> None:
    task = {"name": "t", "schema": {"type": "object", "properties": {"x": rule}}}
    if words is None:
        check_parameters(task, {"x": value})
        return
    with pytest.raises(Problem) as refused:
        check_parameters(task, {"x": value})
    assert [error["message"] for error in refused.value.members["errors"]] == [words]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"format": "date-time"}, "2026-01-31T14:05:00Z"),
        ({"format": "date-time"}, "2026-01-31T14:05:00.250+05:30"),
        ({"format": "date"}, "2026-01-31"),
        ({"format": "date"}, 7),
        # What is not checked.
        ({"format": "uri"}, "nowhere"),
        ({"format": "regex"}, "("),
        ({"type": "string", "x-multiline": True}, "a"),
    ],
)
def test_these_fit(rule: dict[str, Any], value: object) -> None:
    check_parameters({"name": "t", "schema": {"type": "object", "properties": {"x": rule}}}, {"x": value})


def test_the_bounds_of_a_secret_are_told_without_its_value() -> None:
    rule = {"anyOf": [{"type": "string", "minLength": 8, "pattern": "^[a-z]+$"}, NULL], "writeOnly": True}
    task = {"name": "t", "secrets": ["x"], "schema": {"type": "object", "properties": {"x": rule}}}
    with pytest.raises(Problem) as refused:
        check_parameters(task, {"x": "hunter2"})
    assert refused.value.members["errors"] == [{"field": "x", "message": "must have at least 8 characters"}]


def test_a_secret_is_never_quoted() -> None:
    rule = {"anyOf": [PORTS, NULL], "writeOnly": True}
    task = {"name": "t", "secrets": ["x"], "schema": {"type": "object", "properties": {"x": rule}}}
    for value in ("hunter2", [80, "hunter2"]):
        with pytest.raises(Problem) as refused:
            check_parameters(task, {"x": value})
        assert "hunter2" not in str(refused.value.members)
