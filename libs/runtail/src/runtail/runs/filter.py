"""Which runs of the list are wanted, and places in the list."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from runtail.labels import declared_in

#: Whether a principal may see a run, by task, queue, declared labels and who_id as records have them.
Visible = Callable[[str, str, str, str], bool]


class Place(NamedTuple):
    """A place in the list, which is in falling order: after this run. It stays valid even if the run is deleted."""

    created_ms: int
    #: Empty: after all runs of this millisecond.
    run_id: bytes


@dataclass(frozen=True)
class Filter:
    """Which runs are wanted; a field that is None does not matter."""

    states: frozenset[str] | None = None
    #: The task's whole name; with ``*``, which stands for any text, in any case.
    task: str | None = None
    #: A part of the starter's name, case-insensitive.
    who: str | None = None
    #: Created at this time (ms) or later.
    since_ms: int | None = None
    #: Created before this time (ms).
    until_ms: int | None = None
    #: Key and value of a label, declared or added.
    label: tuple[str, str] | None = None
    #: The run with which a family began: its other runs.
    root: str | None = None
    #: How the run's id begins.
    id_prefix: str | None = None
    #: Whether the principal that asks may see a run: :func:`runtail.runs.access.visible_to`.
    visible: Visible | None = None
    #: The id of the principal that asks: *visible* may be True for own runs only.
    asker: str = ""

    @property
    def reads_records(self) -> bool:
        """False if the list of ids and times is enough to decide."""
        decisive = (self.states, self.task, self.who, self.label, self.root, self.id_prefix, self.visible)
        return any(one is not None for one in decisive)

    @property
    def scores(self) -> tuple[str, str]:
        """The lowest and the highest score of the list's sorted sets that are within the times."""
        return (
            "-inf" if self.since_ms is None else str(self.since_ms),
            "+inf" if self.until_ms is None else f"({self.until_ms}",
        )

    def within(self, created_ms: int) -> bool:
        """Tell whether a run that was created at this time is wanted."""
        return (self.since_ms or 0) <= created_ms and (self.until_ms is None or created_ms < self.until_ms)

    def has_id(self, run_id: bytes) -> bool:
        """Tell whether a run of this id is wanted."""
        return self.id_prefix is None or run_id.startswith(self.id_prefix.encode())

    @cached_property
    def _task_pattern(self) -> re.Pattern[str] | None:
        if self.task is None or "*" not in self.task:
            return None
        return re.compile(".*".join(map(re.escape, self.task.split("*"))), re.IGNORECASE | re.DOTALL)

    def has_task(self, task: str) -> bool:
        """Tell whether a run of this task is wanted."""
        if self._task_pattern is None:
            return self.task in (None, task)
        return self._task_pattern.fullmatch(task) is not None

    def has_who(self, who: str) -> bool:
        """Tell whether a run that this person started is wanted."""
        return self.who is None or self.who.casefold() in who.casefold()

    def accepts(
        self, state: str, task: str, who: str, queue: str, who_id: str, labels: str, added: str = "", root: str = ""
    ) -> bool:
        """Tell whether a run is wanted, apart from its time and its id.

        :param labels: the declared ones, as the record has them.
        :param added: the added label of the wanted key; empty if there is none.
        :param root: the run with which its family began; empty if it has none.
        """
        return (
            (self.states is None or state in self.states)
            and self.has_task(task)
            and self.has_who(who)
            and (self.label is None or declared_in(labels).get(self.label[0], added) == self.label[1])
            and self.root in (None, root)
            and (self.visible is None or self.visible(task, queue, labels, who_id))
        )


EVERYTHING = Filter()
