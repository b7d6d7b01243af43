"""Bounds of parameters: what ``Annotated`` says besides the type."""

from __future__ import annotations

import logging
import re
from typing import Annotated, Any, Literal

import annotated_types
import orjson
import pydantic
import pytest

from runtail import Secret, catalogue
from runtail_web.parameters import check_parameters

SHARDS = {"minimum": 1, "maximum": 64}
NULL = {"type": "null"}


def schema_of(hint: Any, *, secret: bool = False, task_name: str = "") -> dict[str, Any]:
    """Return the rule of a parameter with a default and this annotation; web must understand it."""

    def task(x: Any = 0) -> None: ...

    task.__annotations__ = {"x": hint}
    schema = catalogue.schema_of(task, "", ["x"] if secret else [], task_name)
    check_parameters({"name": "t", "schema": schema}, {})
    rule: dict[str, Any] = orjson.loads(orjson.dumps(schema["properties"]["x"]))
    assert secret or rule.pop("default") == 0
    return rule


class Trap:
    """An object of somebody else."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    ("hint", "rule"),
    [
        (Annotated[int, SHARDS], {"type": "integer", "minimum": 1, "maximum": 64}),
        (Annotated[str, {"format": "date"}], {"type": "string", "format": "date"}),
        (Annotated[str, {"pattern": "^[a-z]+$"}, {"maxLength": 8}],
         {"type": "string", "pattern": "^[a-z]+$", "maxLength": 8}),
        (Annotated[str, {"x-multiline": True}], {"type": "string", "x-multiline": True}),
        (Annotated[str, {"enum": ("a", "b")}], {"type": "string", "enum": ["a", "b"]}),
        (Annotated[Any, {"maximum": 3}], {"maximum": 3}),
        (Annotated[Literal["a"], {"description": "One."}], {"enum": ["a"], "description": "One."}),
        # Within lists, and where null is allowed.
        (list[Annotated[str, {"maxLength": 8}]], {"type": "array", "items": {"type": "string", "maxLength": 8}}),
        (Annotated[list[int] | None, {"maxItems": 3, "title": "Ports"}],
         {"anyOf": [{"type": "array", "items": {"type": "integer"}, "maxItems": 3}, NULL], "title": "Ports"}),
        (Annotated[str | None, {"enum": ["a", None]}], {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]}),
        (Annotated[int | str, SHARDS], {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 64},
                                                  {"type": "string"}]}),
        # The package annotated_types, and pydantic.
        (Annotated[int, annotated_types.Interval(gt=0, le=9)],
         {"type": "integer", "exclusiveMinimum": 0, "maximum": 9}),
        (Annotated[float, annotated_types.Ge(0.5), annotated_types.Lt(2), annotated_types.MultipleOf(0.5)],
         {"type": "number", "minimum": 0.5, "exclusiveMaximum": 2, "multipleOf": 0.5}),
        (Annotated[str, annotated_types.Len(2, 5)], {"type": "string", "minLength": 2, "maxLength": 5}),
        (Annotated[list[str], annotated_types.MinLen(2)],
         {"type": "array", "items": {"type": "string"}, "minItems": 2}),
        (Annotated[dict[str, int], annotated_types.MaxLen(2)], {"type": "object", "maxProperties": 2}),
        (Annotated[str, annotated_types.doc("The name.")], {"type": "string", "description": "The name."}),
        (pydantic.PositiveInt, {"type": "integer", "exclusiveMinimum": 0}),
        (Annotated[int, annotated_types.Interval(ge=1)] | None,
         {"anyOf": [{"type": "integer", "minimum": 1}, NULL]}),
        (Annotated[int, pydantic.Field(ge=1, le=64, multiple_of=2, description="How many.", title="Shards")],
         {"type": "integer", "minimum": 1, "maximum": 64, "multipleOf": 2, "description": "How many.",
          "title": "Shards"}),
        (Annotated[str, pydantic.Field(pattern=re.compile("^a"), min_length=1)],
         {"type": "string", "pattern": "^a", "minLength": 1}),
        (Annotated[str, pydantic.StringConstraints(max_length=3, pattern="a")],
         {"type": "string", "maxLength": 3, "pattern": "a"}),
        # What is for others.
        (Annotated[int, "the number", int, 7, annotated_types.Predicate(bool), annotated_types.Timezone(None)],
         {"type": "integer"}),
    ],
)  # fmt: skip
def test_what_is_annotated_is_a_rule(hint: Any, rule: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    assert schema_of(hint) == rule
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("hint", "rule", "why"),
    [
        (Annotated[int, {"minimum": "1"}], {"type": "integer"}, "'minimum' is not a number"),
        (Annotated[int, {"minimum": float("inf")}], {"type": "integer"}, "'minimum' is not a number"),
        (Annotated[int, {"minimum": True}], {"type": "integer"}, "'minimum' is not a number"),
        (Annotated[int, {"maximum": 2**70}], {"type": "integer"}, "'maximum' cannot be written as JSON"),
        (Annotated[float, {"multipleOf": 0}], {"type": "number"}, "'multipleOf' is not a number above 0"),
        (Annotated[str, {"maxLength": -1}], {"type": "string"}, "'maxLength' is not a whole number of at least 0"),
        (Annotated[str, {"description": "\ud800"}], {"type": "string"}, "'description' cannot be written as JSON"),
        (Annotated[str, {"$ref": "#"}], {"type": "string"}, "'$ref' is not known here"),
        (Annotated[list[str], {"uniqueItems": True}], {"type": "array", "items": {"type": "string"}},
         "'uniqueItems' is not known here"),
        (Annotated[int, {7: 8}], {"type": "integer"}, "7 is not known here"),
        (Annotated[str, {"minimum": 1}], {"type": "string"}, "'minimum' is for numbers only"),
        (Annotated[int, annotated_types.MinLen(1)], {"type": "integer"},
         "'min_length' is for texts or lists or objects only"),
        (Annotated[str, {"pattern": "["}], {"type": "string"}, "'pattern' is not a regular expression"),
        (Annotated[str, {"pattern": r"(a)\1"}], {"type": "string"}, "'pattern' has a part that RE2 does not know"),
        (Annotated[str, {"pattern": "(?!a)"}], {"type": "string"}, "'pattern' has a part that RE2 does not know"),
        (Annotated[str, pydantic.Field(pattern=re.compile("a", re.I))], {"type": "string"}, "'pattern' has flags"),
        (Annotated[str, {"format": "password"}], {"type": "string"}, "annotate it as runtail.Secret"),
        (Annotated[int, Trap(), {"minimum": 1}], {"type": "integer", "minimum": 1}, "Trap cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rule_is_left_out_and_logged_once(
    hint: Any, rule: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    # (Each in a task of its own.)
    name = request.node.name
    for _ in range(2):
        assert schema_of(hint, task_name=name) == rule
    [record] = caplog.records
    assert (record.name, record.levelno) == ("celery.runtail", logging.WARNING)
    assert f"a rule of parameter x of task {name} is left out: " in record.getMessage()
    assert why in record.getMessage()


def test_a_secret_keeps_its_bounds_and_no_values() -> None:
    hint = Annotated[Secret, {"minLength": 8, "enum": ["hunter22"], "examples": ["hunter2"]}]
    assert schema_of(hint, secret=True) == {
        "type": "string", "minLength": 8, "writeOnly": True, "format": "password",
    }  # fmt: skip


def test_what_is_required_is_never_empty() -> None:
    def task(a: Annotated[str, {"minLength": 0}], b: Annotated[list[str], {"minItems": 2}]) -> None: ...

    properties = catalogue.schema_of(task)["properties"]
    assert (properties["a"]["minLength"], properties["b"]["minItems"]) == (1, 2)


def test_the_annotation_goes_before_the_docstring() -> None:
    def task(a: Annotated[int, {"description": "Here."}] = 1, b: Annotated[int, {"minimum": 1}] = 1) -> None: ...

    properties = catalogue.schema_of(task, ":param a: There.\n:param b: There.\n")["properties"]
    assert [properties[name]["description"] for name in "ab"] == ["Here.", "There."]


def test_annotations_that_cannot_be_read_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    def task(x: NoSuchThing = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert catalogue.schema_of(task, task="some.task")["properties"] == {"x": {"type": "integer", "default": 1}}
    assert "the annotations of task some.task cannot be read" in caplog.text
    assert "NoSuchThing" in caplog.text

    def union(x: Annotated[int, {"minimum": 1}] | None = None) -> None: ...

    catalogue.schema_of(union, task="another.task")
    assert "write Annotated[int | None, {...}] instead" in caplog.text
