"""Where an example performs: in a task that runs, or in a recording with a clock of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import runtail
from runtail.worker.inband import sequence

#: Every run of an example has this label: so it is found, and removed.
LABEL = ("example", "shop")
#: Names the sequences of a recording, where nobody but the script writes.
NONCE = "example"


class Stage(Protocol):
    """What a script can do."""

    def say(self, text: str = "", end: str = "\n") -> None:
        """Print."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def section(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Group lines."""

    def progress(self, value: float, text: str) -> None:
        """Show how far it has come."""

    def label(self, key: str, value: str) -> None:
        """Give the run a label."""

    def mask(self, secret: str) -> None:
        """Never show this text."""


class Live:
    """A task that runs.

    :param pace: how many times as fast as a shop would need.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = max(pace, 0.01)

    def say(self, text: str = "", end: str = "\n") -> None:
        """Print."""
        print(text, end=end, flush=True)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds / self._pace)

    section = staticmethod(runtail.section)
    progress = staticmethod(runtail.progress)
    label = staticmethod(runtail.label)
    mask = staticmethod(runtail.mask)


class Cut(BaseException):
    """The recording ends here: somebody cancelled the run, or its worker died."""


@dataclass
class Recording:
    """What a run wrote, and when: ``parts`` of (seconds since its start, bytes).

    :param cut_seconds: the script stops then, by :class:`Cut`.
    """

    cut_seconds: float = float("inf")
    seconds: float = 0.0
    parts: list[tuple[float, bytes]] = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)

    def say(self, text: str = "", end: str = "\n") -> None:
        """Write."""
        self.parts.append((self.seconds, f"{text}{end}".encode()))

    def wait(self, seconds: float) -> None:
        """Put the clock forward.

        :raises Cut: if the recording ends before that.
        """
        if self.seconds + seconds >= self.cut_seconds:
            self.seconds = self.cut_seconds
            raise Cut
        self.seconds += seconds

    @contextlib.contextmanager
    def section(self, title: str) -> Iterator[None]:
        """Group lines; a run that was cut off never closes the group."""
        self._note(op="group", title=title)
        try:
            yield
        except Exception:
            self._note(op="endgroup")
            raise
        self._note(op="endgroup")

    def progress(self, value: float, text: str) -> None:
        """Note it, although nobody sees the progress of a run that is over."""
        self._note(op="progress", value=value, text=text)

    def label(self, key: str, value: str) -> None:
        """Note a label."""
        self._note(op="label", key=key, value=value)

    def mask(self, secret: str) -> None:
        """Note a secret."""
        self.secrets.append(secret.encode())

    def _note(self, **message: Any) -> None:
        self.parts.append((self.seconds, sequence(NONCE, message)))
