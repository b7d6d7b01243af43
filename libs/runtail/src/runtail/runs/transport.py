"""Where a Celery app's kombu keeps its messages in Redis. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

#: Limits for values from elsewhere: longer names of keys and more priorities are not accepted.
MAX_NAME_CHARS = 255
MAX_PRIORITY = 255


@dataclass(frozen=True, slots=True)
class Transport:
    """The part of ``broker_transport_options`` that decides where a message goes; the values are kombu's own.

    Workers publish it with each task, so that the code that sends and looks for messages needs no settings for it.

    :param keyprefix: ``global_keyprefix``, before each key.
    :param separator: ``sep``, between a queue's name and a priority.
    :param priorities: ``priority_steps``; each has its own list, and the list of 0 has only the queue's name.
    :param unacked: ``unacked_key``, the hash of messages that a worker has received but not acknowledged.
    """

    keyprefix: str = ""
    separator: str = "\x06\x16"
    priorities: tuple[int, ...] = (0, 3, 6, 9)
    unacked: str = "unacked"

    @classmethod
    def from_options(cls, options: Mapping[str, Any] | None) -> Self:
        """Build a transport from an app's options; ignore values that kombu could not use."""
        options = options or {}
        found: dict[str, Any] = {
            field: options[name]
            for field, name in _NAMES.items()
            if isinstance(options.get(name), str) and len(options[name]) <= MAX_NAME_CHARS
        }
        steps = options.get("priority_steps")
        if isinstance(steps, list | tuple | range) and _are_priorities(steps):
            found["priorities"] = tuple(sorted(steps))
        return cls(**found)

    def options(self) -> dict[str, Any]:
        """Return ``broker_transport_options`` with the values that differ from kombu's defaults."""
        default = Transport()
        found: dict[str, Any] = {
            name: getattr(self, field)
            for field, name in _NAMES.items()
            if getattr(self, field) != getattr(default, field)
        }
        if self.priorities != default.priorities:
            found["priority_steps"] = list(self.priorities)
        return found

    def lists(self, queue: str) -> list[str]:
        """Return the keys of the lists in which messages of a queue wait."""
        name = self.keyprefix + queue
        return [name, *(f"{name}{self.separator}{step}" for step in self.priorities if step)]

    @property
    def unacked_hash(self) -> str:
        """The key of the hash of messages that workers have received but not acknowledged."""
        return self.keyprefix + self.unacked


def _are_priorities(steps: Sequence[Any]) -> bool:
    return 0 < len(steps) <= MAX_PRIORITY + 1 and all(type(step) is int and 0 <= step <= MAX_PRIORITY for step in steps)


_NAMES = {"keyprefix": "global_keyprefix", "separator": "sep", "unacked": "unacked_key"}

DEFAULT = Transport()
