"""Which run this process is in, for :mod:`runtail.author`."""

from __future__ import annotations

from dataclasses import dataclass


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
