"""A task's signature and docstring as a JSON Schema."""

import enum
import inspect
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from celery import Celery

from runtail import Secret, catalogue
from runtail.selection import Selection


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def everything(  # type: ignore[no-untyped-def]
    name: str,
    count: int = 3,
    *,
    ratio: float = 0.5,
    flag: bool = False,
    tags: list[str] | None = None,
    region: Literal["a", "b"] = "a",
    colour: Colour = Colour.RED,
    options: dict[str, int] | None = None,
    anything: Any = None,
    bare=7,
) -> None:
    """Do everything.

    And more of it.

    :param name: What it is called,
        in two lines.
    :param int count: How many.
    :returns: nothing
    """


def test_the_schema_says_what_the_signature_does() -> None:
    schema = catalogue.schema_of(everything, inspect.getdoc(everything) or "", ["name"])
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "name": {
            "type": "string",
            "description": "What it is called, in two lines.",
            "writeOnly": True,
            "format": "password",
            "minLength": 1,
        },
        "count": {"type": "integer", "description": "How many.", "default": 3},
        "ratio": {"type": "number", "default": 0.5},
        "flag": {"type": "boolean", "default": False},
        "tags": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None},
        "region": {"enum": ["a", "b"], "default": "a"},
        "colour": {"enum": ["red", "blue"], "default": "red"},
        "options": {"anyOf": [{"type": "object"}, {"type": "null"}], "default": None},
        "anything": {"default": None},
        "bare": {"type": "integer", "default": 7},
    }


def test_summary_ends_where_parameters_begin() -> None:
    doc = inspect.getdoc(everything) or ""
    assert catalogue.summary_of(doc) == "Do everything.\n\nAnd more of it."
    assert catalogue.summary_of("Only this.\n\nArgs:\n    x: y\n") == "Only this."


def test_google_style() -> None:
    doc = "Do.\n\nArgs:\n    first (int): The first,\n          continued.\n    second: The second.\n"
    assert catalogue.parameter_docs(doc) == {"first": "The first, continued.", "second": "The second."}


def test_open_ended_and_broken_annotations() -> None:
    def loose(*args: int, **kwargs: int) -> None: ...

    def broken(x: "NoSuchThing" = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert catalogue.schema_of(loose)["additionalProperties"] is True
    assert catalogue.schema_of(broken)["properties"] == {"x": {"type": "integer", "default": 1}}


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("catalogue", set_as_current=False)
    app.conf.task_routes = {"c.routed": {"queue": "elsewhere"}}
    yield app
    app.close()


def test_entries(app: Celery) -> None:
    @app.task(name="c.plain", bind=True)
    def plain(self: Any, x: int) -> None:
        """Plain."""

    @app.task(
        name="c.routed",
        acks_late=True,
        runtail={"exclusive": True, "restart": True, "max_attempts": 5, "labels": {"team": "b"}, "title": "Route {x}",
                 "presets": {"one": {"x": 1}}},
    )  # fmt: skip
    def routed(x: int = 0, token: Secret | None = None) -> None: ...

    @app.task(name="c.preset-secret", runtail={"presets": {"one": {"token": "x"}}})
    def mispreset(token: Secret) -> None: ...

    @app.task(name="c.mislabelled", runtail={"labels": {"team": 7}})
    def mislabelled() -> None: ...

    @app.task(name="c.unseen", runtail={"record": False})
    def unseen() -> None: ...

    app.finalize()
    tasks, unrecorded = catalogue.tasks_of(app, Selection("!c.left*"))
    assert unrecorded["c.unseen"] == 'its code says so: runtail={"record": False}'
    # Celery gives every app the tasks of all apps in the process: other tests' as well.
    first, second = [entry for entry in tasks if entry["name"].startswith("c.")]
    assert first["schema"]["properties"] == {"x": {"type": "integer"}}
    assert first == {
        "name": "c.plain",
        "doc": "Plain.",
        "schema": first["schema"],
        "secrets": [],
        "queue": "celery",
        "serializer": "json",
        "accepts_json": True,
        "exclusive": False,
        "restart": False,
        "max_attempts": 3,
        "labels": {},
        "title": "",
        "presets": {},
        "acks_late": False,
        "transport": {},
    }
    assert second["labels"] == {"team": "b"}
    assert (second["title"], second["presets"]) == ("Route {x}", {"one": {"x": 1}})
    assert (second["queue"], second["exclusive"], second["restart"], second["max_attempts"], second["acks_late"]) == (
        "elsewhere",
        True,
        True,
        5,
        True,
    )
