"""Presets: what a task may declare."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runtail import presets

SCHEMA = {"properties": {"shards": {}, "region": {}, "token": {}}, "additionalProperties": False}
NIGHTLY = {"nightly": {"shards": 8, "region": "eu"}}


def declared(found: Any, schema: dict[str, Any] = SCHEMA) -> dict[str, dict[str, Any]]:
    return presets.declared_by(SimpleNamespace(runtail={"presets": found}), schema, {"token"})


def test_a_task_declares_presets() -> None:
    assert declared(NIGHTLY) == NIGHTLY
    assert declared({"anything": {"more": [1]}}, {"additionalProperties": True}) == {"anything": {"more": [1]}}
    assert declared(None) == {}
    for task in (SimpleNamespace(), SimpleNamespace(runtail=None)):
        assert presets.declared_by(task, SCHEMA, ()) == {}


@pytest.mark.parametrize(
    ("bad", "part"),
    [
        ({"x": {"token": "s3cret"}}, "the preset x has the secret parameter token: everybody reads presets"),
        ({"x": {"shard": 1}}, "the preset x has 'shard', and the task has no such parameter"),
        (["x"], "an object of at most 50 objects"),
        ({str(n): {} for n in range(51)}, "an object of at most 50 objects"),
        ({"x": 7}, "the preset x is an object of values by parameter, and not 7"),
        ({"": {}}, "'' cannot be the name of a preset"),
        ({"a\nb": {}}, "cannot be the name of a preset"),
        ({"x": {"shards": object()}}, "the preset x cannot be written as JSON"),
        ({"x": {"region": "y" * 9000}}, "bytes of JSON: at most 8192"),
    ],
)
def test_what_cannot_be_a_preset_is_refused_in_words(bad: Any, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        declared(bad)
    assert "s3cret" not in str(caught.value)
