"""What is kept of what a task returned."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest

from runtail.masking.mask import Masker
from runtail.worker.shipper.finish import kept_result
from runtail.worker.task.result import MAX_BYTES, kept

SECRET = b"hunter2-s3cret"


class Raises:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Counted(Mapping[str, int]):
    """A mapping without an end that knows how much of it was read."""

    def __init__(self) -> None:
        self.read = 0

    def __getitem__(self, key: str) -> int:
        return len(key)

    def __iter__(self) -> Iterator[str]:
        while True:
            self.read += 1
            yield f"key {self.read}"

    def __len__(self) -> int:
        return 10**9


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (7, 7),
        (True, True),
        (1.5, 1.5),
        ("é\n", "é\n"),
        ({"rows": 3, "files": ["a", "b"], 5: None}, {"rows": 3, "files": ["a", "b"], "5": None}),
        ((1, {2}), [1, [2]]),
        (float("inf"), "inf"),
        (2**53 + 1, str(2**53 + 1)),
        (10**400, str(10**400)),
        ("\ud800", "\\ud800"),
        (b"bytes", "b'bytes'"),
        (datetime.date(2026, 1, 31), "datetime.date(2026, 1, 31)"),
        (decimal.Decimal("1.10"), "Decimal('1.10')"),
        (Raises(), "<Raises>"),
    ],
)
def test_a_result_is_kept_as_json(value: Any, shown: Any) -> None:
    found = kept(value, Masker())
    assert found == {"value": shown, "cut": False}
    assert orjson.loads(orjson.dumps(found)) == found


def test_a_task_that_returns_nothing_has_no_result() -> None:
    assert kept(None, Masker()) is None
    assert kept_result(None, Masker()) == kept_result({"state": "succeeded"}, Masker()) == ""


def deep(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    ["x" * 10**7, ["y"] * 10**6, dict.fromkeys(range(10 ** 4), "z" * 50), '"' * 5000, "\U0001f600" * 4000, deep(10**5),
     itself(), 10**5000, ["\x01" * 400] * 30],
    ids=["text", "list", "object", "quotes", "wide", "deep", "itself", "number", "control"],
)  # fmt: skip
def test_only_the_beginning_of_a_large_result_is_kept(value: Any) -> None:
    found = kept(value, Masker())
    assert found is not None
    assert found["cut"]
    assert len(orjson.dumps(found)) < MAX_BYTES + 200
    assert "…" in orjson.dumps(found).decode()


def test_a_name_is_kept_before_its_value() -> None:
    found = kept({"small": 1, "large": ["x" * 100] * 100, "after": 2}, Masker())
    assert found is not None
    assert list(found["value"]) == ["small", "large", "…"]
    assert found["value"]["large"][0] == "x" * 100


def test_no_more_is_read_than_is_kept() -> None:
    endless = Counted()
    found = kept(endless, Masker())
    assert found is not None
    assert found["cut"]
    assert endless.read < MAX_BYTES / 4
    assert found["value"]["key 1"] == 5


def test_no_secret_is_kept() -> None:
    masker = Masker([SECRET, b"12345678"])
    value = {"token": f"is {SECRET.decode()}", SECRET.decode(): [12345678, 12345678.0]}
    assert kept(value, masker) == {"value": {"token": "is ***", "***": ["***", "***"]}, "cut": False}


def test_the_shipper_masks_what_only_it_knows() -> None:
    result = kept({"token": SECRET.decode(), "n": 12345678}, Masker())
    shown = kept_result({"state": "succeeded", "result": result}, Masker([SECRET, b"12345678"]))
    assert orjson.loads(shown) == {"value": {"token": "***", "n": "***"}, "cut": False}


def test_a_secret_that_the_cut_divides_is_not_kept() -> None:
    for masker_of_task, masker_of_shipper in ((Masker([SECRET]), Masker()), (Masker(), Masker([SECRET]))):
        for before in range(MAX_BYTES - 40, MAX_BYTES + 10):
            result = kept("x" * before + SECRET.decode(), masker_of_task)
            shown = kept_result({"state": "succeeded", "result": result}, masker_of_shipper)
            assert "hun" not in shown


@pytest.mark.parametrize("result", [7, "text", [], {"cut": False}])
def test_another_process_may_send_anything(result: Any) -> None:
    assert kept_result({"state": "succeeded", "result": result}, Masker()) == ""
