"""Metadata of each route, from which the OpenAPI description is generated."""

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
class RouteMeta:
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


def describe(meta: RouteMeta) -> Callable[[View], View]:
    """Attach metadata to a view. Goes below the route decorator."""

    def keep(view: View) -> View:
        view.__dict__["meta"] = meta
        return view

    return keep


def route_meta_of(view: Callable[..., Any]) -> RouteMeta | None:
    """Return the metadata of a view; None if it has none."""
    found = view.__dict__.get("meta")
    return found if isinstance(found, RouteMeta) else None
