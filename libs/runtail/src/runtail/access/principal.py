"""Principals: a name for people, an id for rules, and the grants that apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from runtail.access.rights import ROLES, Right

Kind = Literal["anonymous", "user", "token", "share"]


@dataclass(frozen=True, slots=True)
class Grant:
    """Some rights on some runs and tasks. Every selector that is given must match with one of its values.

    :param tasks: globs over the whole name of a task, case-sensitive.
    :param queues: globs over the name of a queue.
    :param labels: by key, the values of which a thing must have one.
    :param own: only runs that the principal itself started.
    """

    rights: frozenset[Right]
    tasks: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    labels: frozenset[tuple[str, frozenset[str]]] = frozenset()
    own: bool = False

    @property
    def unlimited(self) -> bool:
        """True if the grant has no selector, so that it reaches everything."""
        return not (self.tasks or self.queues or self.labels or self.own)


@dataclass(frozen=True, slots=True)
class Principal:
    """The user, token or share link that asks for something.

    :param id: for rules, such as ``user:ann``; empty for nobody in particular.
    :param name: for people, in records and logs.
    :param grants: all grants that apply. Principals with the same grants form one class and share decisions.
    """

    kind: Kind
    id: str
    name: str
    grants: frozenset[Grant]


@dataclass(frozen=True, slots=True)
class Thing:
    """The object of a right: a run, or a task that could be started.

    :param who_id: the id of the principal that started the run; None if nobody started it.
    """

    task: str = ""
    queue: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    who_id: str | None = None


EVERYTHING = Grant(ROLES["admin"])


def anyone(name: str) -> Principal:
    """Return the principal for installations without login: an administrator without an id.

    :param name: an address, for people.
    """
    return Principal("anonymous", "", name, frozenset((EVERYTHING,)))
