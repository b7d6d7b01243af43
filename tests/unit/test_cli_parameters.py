"""``key=value`` of the command line."""

from __future__ import annotations

from typing import Any

import pytest

from runtail.cli.parameters import WrongParameter, parse

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "lines": {"type": "integer"},
        "pause": {"type": "number"},
        "fast": {"type": "boolean"},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "ports": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        "options": {"type": "object"},
        "how": {"enum": ["quick", "slow", 3]},
        "anything": {},
    },
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["name=web"], {"name": "web"}),
        (["name=5"], {"name": "5"}),
        (["name="], {"name": ""}),
        (["name=a=b"], {"name": "a=b"}),
        (["name=[1]"], {"name": "[1]"}),
        (["lines=5"], {"lines": 5}),
        (["lines=-5"], {"lines": -5}),
        (["pause=0.5"], {"pause": 0.5}),
        (["pause=2"], {"pause": 2.0}),
        (["fast=yes"], {"fast": True}),
        (["fast=OFF"], {"fast": False}),
        (["maybe=7"], {"maybe": 7}),
        (["maybe=null"], {"maybe": None}),
        (["either=7"], {"either": 7}),
        (["either=seven"], {"either": "seven"}),
        (["tags=a"], {"tags": ["a"]}),
        (["tags=a", "tags=b,c"], {"tags": ["a", "b,c"]}),
        (['tags=["a","b"]'], {"tags": ["a", "b"]}),
        (["ports=80", "ports=443"], {"ports": [80, 443]}),
        (["ports=80"], {"ports": [80]}),
        (["ports=null"], {"ports": None}),
        (['options={"a": 1}'], {"options": {"a": 1}}),
        (["how=slow"], {"how": "slow"}),
        (["how=3"], {"how": 3}),
        (["anything=5"], {"anything": "5"}),
        (["unknown=5"], {"unknown": "5"}),
        (["anything:=5", "name:=null"], {"anything": 5, "name": None}),
        (['name:="a b"', "lines=1"], {"name": "a b", "lines": 1}),
        ([], {}),
    ],
)
def test_values_have_the_types_of_the_schema(arguments: list[str], expected: dict[str, Any]) -> None:
    assert parse(arguments, SCHEMA) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lines=abc"], "lines: 'abc' is not a whole number"),
        (["lines=1.5"], "lines: '1.5' is not a whole number"),
        (["pause=nan"], "pause: 'nan' is not a number"),
        (["fast=maybe"], "fast: 'maybe' is not true or false"),
        (["maybe=x"], "maybe: 'x' is not a whole number or null"),
        (["ports=http"], "ports: 'http' is not a whole number"),
        (["how=loud"], "how: 'loud' is none of quick, slow, 3"),
        (["options=[1]"], "options: '[1]' is not JSON of an object"),
        (["lines=1", "lines=2"], "lines is given twice"),
        (["lines=1", "lines:=2"], "lines is given twice"),
        (["lines:=1", "lines=2"], "lines is given twice"),
        (["lines:=[1"], "lines: '[1' is not JSON"),
        (["lines"], "'lines' is not a parameter"),
        (["=5"], "'=5' is not a parameter"),
        ([":=5"], "':=5' is not a parameter"),
    ],
)
def test_what_does_not_fit_is_named(arguments: list[str], words: str) -> None:
    with pytest.raises(WrongParameter) as caught:
        parse(arguments, SCHEMA)
    assert words in str(caught.value)
