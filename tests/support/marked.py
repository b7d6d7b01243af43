"""Processes known by a mark in their environment: what a test's processes started themselves carries it, too."""

from __future__ import annotations

import contextlib

import psutil

MARK = "TEST_MARK"


def marked(mark: str) -> list[psutil.Process]:
    """Return the living processes whose mark begins with this, oldest first."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK, "").startswith(mark):
                found.append((process.create_time(), process.pid, process))
    return [process for _created, _pid, process in sorted(found, key=lambda one: one[:2])]
