"""Which run this process is in, for :mod:`runtail.author` and for Celery's log lines."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from runtail.capture import announcing
from runtail.shipper.mask import Masker


@dataclass(frozen=True, slots=True)
class Context:
    """The run whose output this process writes."""

    run_id: str
    attempt: int
    #: Marks the in-band sequences of this execution: output that merely looks
    #: like one (a printed log of another run) does not carry it.
    nonce: str
    #: Descriptor of the run's standard output.
    fd: int
    #: The run's private socket, to the shipper.
    private: socket.socket
    #: Knows the secrets that this process has announced.
    masker: Masker = field(default_factory=Masker)

    def mask(self, secrets: Sequence[bytes]) -> bool:
        """Have *secrets* masked from here on; False if nobody can be told."""
        self.masker.add(secrets)
        return announcing.announce(self.private, secrets)


#: None outside of a captured run.
current: Context | None = None


def enter(context: Context) -> None:
    """Make *context* the current run."""
    global current
    current = context


def leave() -> None:
    """The run is over."""
    global current
    current = None
