"""What processes take of the processor while they have nothing to do, read from /proc."""

import time
from collections.abc import Iterable

import psutil

#: Of one core: the most that a process of a worker may take while nothing happens.
MOST_IDLE_SHARE = 0.05


def cpu_shares(processes: Iterable[psutil.Process], seconds: float) -> dict[str, float]:
    """Watch processes for so long; return which part of a core each took, by pid and command.

    One that ends meanwhile is left out.
    """
    before = {process: found for process in processes if (found := _cpu_seconds(process)) is not None}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    shares = {}
    for process, was in before.items():
        now = _cpu_seconds(process)
        # Without a command line it has let go of its memory: it is ending.
        if now is not None and (name := _name(process)):
            shares[f"{process.pid} {name}"] = (now - was) / took
    return shares


def too_busy(processes: Iterable[psutil.Process], seconds: float = 1.0) -> dict[str, float]:
    """Return those that take more than an idle process may, in two stretches of time one after the other.

    The second one is for whoever was still finishing something.
    """
    busy: dict[str, float] = {}
    watched = list(processes)
    for _ in range(2):
        busy = {name: share for name, share in cpu_shares(watched, seconds).items() if share > MOST_IDLE_SHARE}
        if not busy:
            break
    return busy


def _cpu_seconds(process: psutil.Process) -> float | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:80]
    except psutil.Error:
        return ""
