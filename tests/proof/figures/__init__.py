"""Named figures: how well what is promised holds when one thing breaks.

Every module of this package has one subject and one function::

    def measure() -> list[Figure]

which starts what it needs, breaks it, and returns what it found. ``__main__`` finds the modules by themselves (names
that begin with an underscore are left out), runs one after the other and writes a result file for each. A figure that
misses its goal is returned like any other, with ``reached=False``; an exception means that nothing could be measured.
Progress may be printed, indented by three spaces.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    :param name: what was done and what is counted, in words that stand alone.
    :param measured: the number with its unit.
    :param goal: what it was to be, in the same unit.
    """

    name: str
    measured: str
    goal: str
    reached: bool
