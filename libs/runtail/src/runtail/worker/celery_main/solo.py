"""SIGQUIT under the solo pool: it interrupts the task in hand, as it does in other pools.

Celery's own handler asks the pool to end its tasks, which solo refuses: the task fails with ``NotImplementedError``,
or runs to its end. Celery 5.4 does not even ask.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType

from celery.exceptions import WorkerTerminate
from celery.platforms import EX_FAILURE


def interrupt_task_on_quit(in_task: Callable[[], bool], before_interrupting: Callable[[], None]) -> None:
    """Install a handler in front of Celery's. Call this once.

    A worker that a program runs in a thread of its own gets no signals: they are the program's, and remain so.

    :param in_task: whether this thread executes a task's own code.
    :param before_interrupting: called before the task is interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    celerys = signal.getsignal(signal.SIGQUIT)

    def on_quit(number: int, frame: FrameType | None) -> None:
        if in_task():
            before_interrupting()
            # This goes through the task and the consumer; the worker then ends as in any cold shutdown.
            raise WorkerTerminate(EX_FAILURE)
        if callable(celerys):
            # Celery has noted that the worker must end by the time it raises this.
            with contextlib.suppress(NotImplementedError):
                celerys(number, frame)

    signal.signal(signal.SIGQUIT, on_quit)
