"""The run that this process is in, for :mod:`runtail.author` and for Celery's log lines."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from runtail.masking.mask import Masker
from runtail.worker import announcing, inband
from runtail.worker.board import Board
from runtail.worker.task.redirect import write_all


@dataclass(frozen=True, slots=True)
class Context:
    """The run whose output this process writes."""

    run_id: str
    attempt: int
    #: Marks the in-band sequences of this execution. Output that merely looks like
    #: one (a printed log of another run) does not carry it.
    nonce: str
    #: Private descriptor of the run's standard output: a task may put something else on descriptor 1.
    fd: int
    #: The run's private socket, connected to the shipper.
    private: socket.socket
    #: Knows the secrets that this process has announced.
    masker: Masker = field(default_factory=Masker)
    #: Where programs that the task starts announce secrets.
    board: Board | None = None
    #: Environment variables that were set for this run only.
    environment: frozenset[str] = frozenset()

    def mask(self, secrets: Sequence[bytes]) -> bool:
        """Have *secrets* masked from here on; return False if nobody can be told."""
        self.masker.add(secrets)
        return announcing.announce(self.private, secrets)

    def learn(self) -> None:
        """Take note of the secrets that programs have announced."""
        if self.board is not None:
            self.masker.add(self.board.news())

    def say(self, message: dict[str, Any]) -> None:
        """Write one in-band sequence.

        :raises OSError: if nobody reads any more.
        """
        write_all(self.fd, self.sequence(message))

    def sequence(self, message: dict[str, Any]) -> bytes:
        """Return the sequence that carries *message* within the run's output."""
        return inband.sequence(self.nonce, message)


#: None outside of a captured run.
current: Context | None = None

#: Coroutines and ``asyncio.to_thread`` inherit this from the code that started them.
_started_in: ContextVar[Context | None] = ContextVar("runtail_run", default=None)


def enter(context: Context) -> None:
    """Make *context* the current run."""
    global current
    current = context
    _started_in.set(context)


def leave() -> None:
    """Note that the run is over."""
    global current
    current = None
    _started_in.set(None)


def started_in() -> Context | None:
    """Return the run whose code started the code running here, if known; it may be over."""
    return _started_in.get()
