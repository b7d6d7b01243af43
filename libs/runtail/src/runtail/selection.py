"""Which tasks are recorded, by the task's own options and the patterns of ``RUNTAIL_TASKS``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from runtail.errors import ConfigError

VARIABLE = "RUNTAIL_TASKS"


class Selection:
    """Patterns of task names, separated by commas; ``!`` before a pattern leaves out the tasks that match it.

    The last pattern that matches a name decides. If the first pattern has a ``!``, an implicit ``*`` comes before it.

    :param patterns: for example ``*,!noisy.*``, with ``*``, ``?`` and ``[seq]`` as in file names.
    :raises ConfigError: if there is no pattern, or one without a name.
    """

    def __init__(self, patterns: str) -> None:
        written = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
        if not written or "!" in written:
            raise ConfigError(
                f"{VARIABLE}={patterns!r} has a pattern without a name. * records every task, *,!noisy.* leaves some "
                "out; RUNTAIL_CAPTURE=off records none."
            )
        self._rules = [(pattern.removeprefix("!"), not pattern.startswith("!")) for pattern in written]

    def takes(self, name: str) -> bool:
        """Tell whether the patterns select a task of this name."""
        taken = not self._rules[0][1]
        for pattern, takes in self._rules:
            if fnmatchcase(name, pattern):
                taken = takes
        return taken

    def why_not(self, task: Any) -> str:
        """Return why a Celery task is not recorded, as the end of a sentence; empty if it is."""
        options = getattr(task, "runtail", None)
        # An option that is not a mapping has no effect here; the task's runs report that they cannot be recorded.
        if isinstance(options, dict) and options.get("record", True) is False:
            return 'its code says so: runtail={"record": False}'
        return "" if self.takes(task.name) else f"{VARIABLE} leaves it out"
