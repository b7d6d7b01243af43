"""A call's arguments by name, as JSON, and never too large."""

import json
from typing import Any

import pytest

from runtail.capture.arguments import HIDDEN, MAX_BYTES, TOO_LARGE, bind, recorded


def task(a: int, b: str = "x", *more: int, key: bool = False, **rest: Any) -> None: ...


@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        ((1,), {}, {"a": 1}),
        ((1, "y"), {"key": True}, {"a": 1, "b": "y", "key": True}),
        ((1, "y", 2, 3), {"z": 4}, {"a": 1, "b": "y", "more": (2, 3), "z": 4}),
        ((), {"b": "y"}, {"b": "y"}),
        ((), {}, {}),
    ],
)
def test_bound_by_name(args: tuple[Any, ...], kwargs: dict[str, Any], named: dict[str, Any]) -> None:
    assert bind(task, args, kwargs) == named


def test_call_that_does_not_fit_is_kept_as_it_came() -> None:
    def strict(a: int) -> None: ...

    assert bind(strict, (1, 2), {"x": 3}) == {"0": 1, "1": 2, "x": 3}


def test_what_is_no_json_becomes_text() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    values = recorded({"s": {1, 2}, "nan": float("nan"), "big": 2**60, "odd": Odd(), "bytes": b"x", "lone": "\ud800"})
    assert values == {
        "s": [1, 2],
        "nan": "nan",
        "big": str(2**60),
        "odd": "<Odd>",
        "bytes": "b'x'",
        "lone": "\\ud800",
    }
    json.dumps(values).encode()


def test_secrets_are_hidden() -> None:
    assert recorded({"token": "abc", "x": 1}, ["token"]) == {"token": HIDDEN, "x": 1}


def test_bounded() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert len(json.dumps(recorded({"x": endless}))) < MAX_BYTES
    shortened = recorded({"text": ["y" * 1900] * 20, "small": 1})
    assert shortened["small"] == 1
    assert len(json.dumps(shortened)) <= MAX_BYTES
    assert recorded({str(number): "z" * 2000 for number in range(1000)}) == TOO_LARGE
