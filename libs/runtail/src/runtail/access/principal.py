"""Principals: a name for people, an id for rules, and the grants that apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from runtail.access.rights import ROLES, Right
from runtail.protocol.clip import Clip

_PROXY: Final = "proxy:"
#: Logins that a browser shows by itself, also for pages of others: its own cookie, or one that a proxy knows.
_AMBIENT: Final = ("session:", _PROXY)

Kind = Literal["anonymous", "user", "token", "share"]
#: The whole input of a decision, as far as it depends on who asks.
RightsClass: TypeAlias = "tuple[frozenset[Grant], str]"


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
class SharedLog:
    """A part of one run's log that somebody may read by a share link.

    :param epoch: of the log; its lines in another epoch are not shared.
    """

    share_id: str
    run_id: str
    clip: Clip
    epoch: int


@dataclass(frozen=True, slots=True)
class Principal:
    """The user, token or share link that asks for something.

    :param id: for rules, such as ``user:ann``; empty for nobody in particular.
    :param name: for people, in records and logs.
    :param grants: all grants that apply.
    :param credential: the name of what was shown, such as ``session:<digest>``; as long as that is valid, so is the
        principal. Empty if nothing had to be shown.
    :param ends_ms: when what was shown ends, if its owner should hear of that; else None.
    :param shared: by run id, what may be read by share links. No grant says so, hence
        :func:`~runtail.access.decision.allowed` refuses it, and only what asks for
        :func:`~runtail.access.decision.shared_part` can give it.
    """

    kind: Kind
    id: str
    name: str
    grants: frozenset[Grant]
    credential: str = ""
    shared: Mapping[str, SharedLog] = field(default_factory=dict, hash=False)
    ends_ms: int | None = field(default=None, compare=False)
    #: Principals of one class get the same answer to every question: the grants, and the id if it can matter.
    rights_class: RightsClass = field(init=False, repr=False, compare=False)

    @property
    def ambient(self) -> bool:
        """True if a browser shows the credential by itself, so that a page of others can make it do so."""
        return self.credential.startswith(_AMBIENT)

    @property
    def by_proxy(self) -> bool:
        """True if a proxy said who it is, with one request: its next one may say something else."""
        return self.credential.startswith(_PROXY)

    def __post_init__(self) -> None:
        """Find the class once: it is asked for at every event."""
        own = any(grant.own for grant in self.grants)
        object.__setattr__(self, "rights_class", (self.grants, self.id if own else ""))


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
_EVERYTHING = frozenset((EVERYTHING,))


def anyone(name: str) -> Principal:
    """Return the principal for installations without login: an administrator without an id.

    :param name: an address, for people.
    """
    return Principal("anonymous", "", name, _EVERYTHING)
