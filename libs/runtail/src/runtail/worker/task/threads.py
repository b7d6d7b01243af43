"""Threads that outlive the run that started them: their output does not belong to the next run.

Descriptors 1 and 2 belong to the process, so Python's streams check which thread writes. In a run, output belongs to

1. the run whose code started the current coroutine, if there is one (``contextvars``);
2. no run, if the thread was alive at the end of an earlier run, or was started by such a thread;
3. the current run in every other case, including threads that existed before any run.

A thread that waited for work when its run ended (in an executor, at a queue) does not count as left behind: its next
work is done for the code that gives it work.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from collections.abc import Set
from typing import Any
from weakref import WeakKeyDictionary

from runtail.worker.task import current

log = logging.getLogger("celery.runtail")

#: A thread whose innermost function is in one of these modules waits for work. Our own threads print nothing.
_WAITING_IN = {
    "queue",
    "concurrent.futures.thread",
    "concurrent.futures._base",
    "multiprocessing.pool",
    # Queues between processes; threads wait at these as well (loguru's, with `enqueue=True`).
    "multiprocessing.connection",
    "multiprocessing.queues",
    "billiard.connection",
    "billiard.queues",
    "runtail.worker.task.terminal",
}

#: The threads of runs that are over, with the run.
_left_behind: WeakKeyDictionary[threading.Thread, current.Context | None] = WeakKeyDictionary()
#: The threads that the worker's log has named.
_named: WeakKeyDictionary[threading.Thread, bool] = WeakKeyDictionary()
#: False as long as no thread needs a check: this is read for each line that is printed.
any_known = False


def any_left() -> bool:
    """Return whether a thread of an ended run lives."""
    global any_known
    if not any_known:
        return False
    for thread in list(_left_behind):
        # A thread without an identity is about to be started.
        if thread.ident is not None and not thread.is_alive():
            del _left_behind[thread]
    any_known = bool(_left_behind)
    return any_known


def leave_behind(before: Set[threading.Thread]) -> bool:
    """Remember which threads of the ended run live on. Return whether any thread of any ended run lives.

    :param before: the threads that lived when the run began.
    """
    global any_known
    known = {*before, threading.current_thread()}
    while new := [thread for thread in threading.enumerate() if thread not in known]:
        # Repeat until there are no new ones: a thread may just be starting another.
        any_known = True
        _note_starts()
        frames = sys._current_frames()
        for thread in new:
            if not _waits_for_work(frames.get(thread.ident or 0)):
                _left_behind[thread] = current.current
        known.update(new)
    return any_left()


def is_foreign() -> bool:
    """Return whether the calling code belongs to a run that is over, while another run is under way."""
    return any_known and current.current is not None and _is_of_ended_run()


def _is_of_ended_run() -> bool:
    started_in = current.started_in()
    if started_in is not None:
        return started_in is not current.current
    return threading.current_thread() in _left_behind


def run_of_this_thread() -> current.Context | None:
    """Return the run that the calling code belongs to; None outside of a run, or if the run is over."""
    return None if is_foreign() else current.current


def told_apart(text: str) -> str:
    """Return the text that foreign code prints, without its run's secrets. The worker's log names the thread once."""
    thread = threading.current_thread()
    run = current.started_in() or _left_behind.get(thread)
    if thread not in _named:
        _named[thread] = True
        log.warning(
            "Runtail: thread %r of run %s goes on after its run; what it prints is here, not in a later run",
            thread.name, run.run_id if run is not None else "that is over",
        )  # fmt: skip
    return run.masker.whole(text) if run is not None else text


def _waits_for_work(frame: Any) -> bool:
    while frame is not None and frame.f_globals.get("__name__") == "threading":
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__") in _WAITING_IN


@functools.cache
def _note_starts() -> None:
    """Track the threads that such a thread starts from now on: a timer that restarts itself ends and lives on."""
    start = threading.Thread.start

    @functools.wraps(start)
    def noted(self: threading.Thread) -> None:
        if _is_of_ended_run():
            _left_behind[self] = _left_behind.get(threading.current_thread())
        start(self)

    threading.Thread.start = noted  # type: ignore[method-assign]
