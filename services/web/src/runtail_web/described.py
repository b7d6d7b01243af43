"""What each route says of itself: the API's description is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"

#: The groups of operations.
TAGS = {
    "runs": "Starting, watching and ending runs.",
    "logs": "What runs have written.",
    "workers": "What can be started, and who would execute it.",
    "service": "This service itself.",
}


@dataclass(frozen=True, slots=True)
class Described:
    """One operation of the API."""

    #: The operation's name in the description, for programs that are made of it.
    operation_id: str
    #: The group that it stands in, of :data:`TAGS`.
    tag: str
    #: In a few words.
    summary: str
    #: In a sentence or two.
    description: str
    #: The status of a good answer, with what it means.
    answers: Mapping[int, str]
    #: What a good answer holds; None: text, or nothing.
    returns: type[BaseModel] | None = None
    media_type: str = JSON
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_required: bool = True
    #: The statuses of problems, apart from those that every operation has.
    problems: tuple[int, ...] = ()
    #: Takes an ``Idempotency-Key``.
    idempotent: bool = False


def describe(described: Described) -> Callable[[View], View]:
    """Say what a view does; stands below its route."""

    def keep(view: View) -> View:
        view.__dict__["described"] = described
        return view

    return keep


def description_of(view: Callable[..., Any]) -> Described | None:
    """Return what a view says of itself."""
    found = view.__dict__.get("described")
    return found if isinstance(found, Described) else None
