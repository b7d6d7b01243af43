"""Processes whose clock is off."""

from __future__ import annotations

from pathlib import Path


def faketime() -> Path | None:
    """Return the library that shows a process another time, if Debian's package is installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def skew_environment(hours: int, python_path: str) -> dict[str, str | None]:
    """Variables that put a process's clock hours ahead; empty without libfaketime.

    :param python_path: its PYTHONPATH, to which the folder of ``sitecustomize`` is added.
    """
    library = faketime()
    if library is None:
        return {}
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{hours:+d}h",
        # A machine's monotonic clock does not jump.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": f"{Path(__file__).parent}:{python_path}",
    }
