"""A call's arguments by name, as JSON, and never too large."""

import json
from typing import Any

import pytest

from runtail.masking.mask import Masker
from runtail.secret import HIDDEN, SHORTENED
from runtail.worker.task.arguments import MAX_BYTES, MAX_TEXT, TOO_LARGE, bind, recorded


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
    assert bind(task, args, kwargs).named == named


def test_call_that_does_not_fit_is_kept_as_it_came() -> None:
    def strict(a: int) -> None: ...

    assert bind(strict, (1, 2), {"x": 3}).named == {"0": 1, "1": 2, "x": 3}


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


def secretive(user: str, token: Any = "by-default", *codes: int, **rest: Any) -> None: ...


@pytest.mark.parametrize(
    ("args", "kwargs", "names", "shown", "values"),
    [
        (("ann", "s3cret"), {}, {"token"}, {"user": "ann", "token": HIDDEN}, ["s3cret"]),
        (("ann",), {}, {"token"}, {"user": "ann"}, ["by-default"]),
        (("ann",), {"token": [1, {"deep": "x"}]}, {"token"}, {"user": "ann", "token": HIDDEN}, [[1, {"deep": "x"}]]),
        (("ann", "t", 1, 2), {}, {"codes"}, {"user": "ann", "token": "t", "codes": HIDDEN}, [(1, 2)]),
        (("ann",), {"pin": 4711, "a": 1}, {"pin"}, {"user": "ann", "pin": HIDDEN, "a": 1}, [4711]),
        (("ann",), {"pin": 4711, "a": 1}, {"rest"}, {"user": "ann", "pin": HIDDEN, "a": HIDDEN}, [1, 4711]),
    ],
)
def test_secret_arguments_by_any_way(
    args: tuple[Any, ...], kwargs: dict[str, Any], names: set[str], shown: dict[str, Any], values: list[Any]
) -> None:
    bound = bind(secretive, args, kwargs, names)
    assert recorded(bound.named, bound.hidden) == shown
    assert list(bound.secrets) == values


def test_what_does_not_fit_may_be_the_secret() -> None:
    def strict(user: str, token: str) -> None: ...

    for args, kwargs, shown in [
        (("ann", "s3cret", "more"), {}, {"0": HIDDEN, "1": HIDDEN, "2": HIDDEN}),
        ((), {"user": "ann", "tokn": "s3cret"}, {"user": "ann", "tokn": HIDDEN}),
        ((), {"token": "s3cret"}, {"token": HIDDEN}),
    ]:
        bound = bind(strict, args, kwargs, {"token"})
        assert recorded(bound.named, bound.hidden) == shown
        assert "s3cret" in bound.secrets


def test_texts_are_masked_before_they_are_shortened() -> None:
    secret = "Tr0ub4dor-and-3-horses"
    mask = Masker([secret.encode(), b"271828"]).whole
    for before in range(MAX_TEXT - len(secret) - 1, MAX_TEXT + 1):
        [shown] = recorded({"note": "x" * before + secret}, (), mask).values()
        assert set(shown) <= set("x*…")
    value = {"list": [secret, {secret: 1}], "pin": 271828, "near": 2718, "odd": {secret}, "yes": True}
    assert recorded({"value": value}, (), mask) == {
        "value": {"list": ["***", {"***": 1}], "pin": "***", "near": 2718, "odd": ["***"], "yes": True}
    }


def test_bounded() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert len(json.dumps(recorded({"x": endless}))) < MAX_BYTES
    shortened = recorded({"text": ["y" * 1900] * 20, "small": 1})
    assert shortened["small"] == 1
    assert len(json.dumps(shortened)) <= MAX_BYTES
    assert recorded({str(number): "z" * 2000 for number in range(1000)}) == TOO_LARGE


def test_what_was_shortened_can_be_told_by_its_end() -> None:
    # Nobody may start a run again with such a value (runtail_web.rerun).
    assert recorded({"long": "x" * (MAX_TEXT + 1)})["long"].endswith(SHORTENED)
    assert recorded({"text": ["y" * 1900] * 20})["text"].endswith(SHORTENED)
    assert list(TOO_LARGE) == [SHORTENED]
