"""What ``make chart`` reads of values.yaml, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from helm.tools.generate import OWNED, Flaw, Reader, Schema, settings_schema
from runtail.settings import SETTINGS


def schema(source: str) -> dict[str, Any]:
    properties: dict[str, Any] = Schema(Reader(source).keys).document()["properties"]
    return properties


def test_types_are_those_of_the_values() -> None:
    made = schema(
        "# -- A number.\na: 1\n\n# -- A switch,\n# of two lines.\nb: false\n# -- A part.\nc:\n  # -- A text.\n  d: x\n"
    )
    assert made["a"] == {"description": "A number.", "type": "integer"}
    assert made["b"] == {"description": "A switch, of two lines.", "type": "boolean"}
    assert made["c"]["additionalProperties"] is False
    assert made["c"]["properties"]["d"]["type"] == "string"


def test_a_comment_says_what_the_value_does_not() -> None:
    made = schema(
        "# -- Names.\n# @type: [string]\na: []\n# -- Open.\n# @type: open\nb:\n  # -- A.\n  c: 1\n"
        "# -- Map.\n# @map: b\nd: {}\n# -- Like.\n# @as: b\ne:\n  # -- F.\n  f: 2\n"
        "# -- Extended.\n# @with: b\ng:\n  # -- H.\n  h: 3\n"
    )
    assert made["a"]["items"] == {"type": "string"}
    assert made["b"]["additionalProperties"] is True
    assert made["d"]["additionalProperties"]["properties"].keys() == {"c"}
    assert made["e"]["properties"].keys() == {"c", "f"}
    assert made["g"]["properties"].keys() == {"c", "h"}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("a: 1\n", "values.yaml:1: a has no comment that begins with `# -- `"),
        ("# -- A.\na:\n  b: 1\n", "values.yaml:3: a.b has no comment"),
        ("# A comment.\na: 1\n", "a has no comment that begins"),
        ("# -- A.\n# @sort: x\na: 1\n", "a has an unknown @sort"),
        ("# -- no sentence\na: 1\n", "the comment of a is no sentence"),
    ],
)
def test_a_key_without_a_text_is_refused_with_its_line(source: str, sentence: str) -> None:
    with pytest.raises(Flaw) as flaw:
        Reader(source)
    assert sentence in str(flaw.value)


def test_every_setting_is_in_the_schema_or_the_charts_own() -> None:
    properties = settings_schema()["properties"]
    assert properties.keys() == {setting.variable for setting in SETTINGS}
    assert [name for name, one in properties.items() if not one] == [
        setting.variable for setting in SETTINGS if setting.variable in OWNED
    ]
