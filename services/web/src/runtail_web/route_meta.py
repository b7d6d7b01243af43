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
    "audit": "Who did what.",
    "service": "This service itself.",
}


@dataclass(frozen=True, slots=True)
class RouteMeta:
    """One operation of the API."""

    #: The operation's name in the description, for code generated from it.
    operation_id: str
    #: Its group, one of :data:`TAGS`.
    tag: str
    #: The operation in a few words.
    summary: str
    #: The operation in a sentence or two.
    description: str
    #: The status of each successful answer, with its meaning.
    answers: Mapping[int, str]
    #: The content of a successful answer; None for text, or nothing.
    returns: type[BaseModel] | None = None
    media_type: str = JSON
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_required: bool = True
    #: The statuses of problems, apart from those of every operation.
    problems: tuple[int, ...] = ()
    #: Takes an ``Idempotency-Key``.
    idempotent: bool = False


def describe(meta: RouteMeta) -> Callable[[View], View]:
    """Attach metadata to a view. Put this below the route decorator."""

    def keep(view: View) -> View:
        view.__dict__["meta"] = meta
        return view

    return keep


def route_meta_of(view: Callable[..., Any]) -> RouteMeta | None:
    """Return the metadata of a view; None if it has none."""
    found = view.__dict__.get("meta")
    return found if isinstance(found, RouteMeta) else None
