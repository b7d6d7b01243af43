"""What a start request is told of wrong parameters."""

from __future__ import annotations

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
        ({"anyOf": [{"type": "integer", "minimum": 1}, NULL]}, 0, "x", "0 is less than the minimum of 1"),
        ({"anyOf": [{"enum": ["a"]}, {"enum": ["b"]}]}, "c", "x", "'c' does not fit"),
    ],
)
def test_wrong_values_are_named_in_plain_words(rule: dict[str, Any], value: object, field: str, words: str) -> None:
    task = {"name": "t", "schema": {"type": "object", "properties": {"x": rule}}}
    with pytest.raises(Problem) as refused:
        check_parameters(task, {"x": value})
    assert refused.value.members["errors"] == [{"field": field, "message": words}]


def test_a_secret_is_never_quoted() -> None:
    rule = {"anyOf": [PORTS, NULL], "writeOnly": True}
    task = {"name": "t", "secrets": ["x"], "schema": {"type": "object", "properties": {"x": rule}}}
    for value in ("hunter2", [80, "hunter2"]):
        with pytest.raises(Problem) as refused:
            check_parameters(task, {"x": value})
        assert "hunter2" not in str(refused.value.members)
