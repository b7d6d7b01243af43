"""Delays with and without a burden, compared on a machine that does other things as well."""

from __future__ import annotations

import time

from tests.support.audience import Audience, percentile
from tests.support.waiting import wait_for


def delays(seen: Audience, seconds: float) -> float:
    """The 99th percentile of the seconds from written to read of what viewers get within a window from now."""
    begin = time.monotonic()
    wait_for(lambda: time.monotonic() >= begin + seconds, seconds + 30)
    return percentile([age for viewer in seen.viewers for at, age in viewer.messages if at >= begin], 99)


def ratio(burdened: list[float], free: list[float]) -> float:
    """How many times as long it takes with the burden, in the quietest window of each kind.

    A burden is there in every window; what others do on the machine is not, and only ever adds.
    """
    return min(burdened) / min(free)
