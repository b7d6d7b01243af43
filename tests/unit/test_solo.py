"""SIGQUIT where Celery's main process executes the tasks itself."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.exceptions import WorkerTerminate

from runtail.worker.celery_main.solo import interrupt_task_on_quit


def test_a_worker_in_a_thread_leaves_the_signals_to_its_program() -> None:
    """It logged an error with a traceback at each start."""
    before = signal.getsignal(signal.SIGQUIT)
    with ThreadPoolExecutor() as threads:
        threads.submit(interrupt_task_on_quit, lambda: True, lambda: None).result()
    assert signal.getsignal(signal.SIGQUIT) is before


def test_the_task_in_hand_is_interrupted() -> None:
    before = signal.getsignal(signal.SIGQUIT)
    said: list[str] = []
    try:
        interrupt_task_on_quit(lambda: True, lambda: said.append("draining"))
        with pytest.raises(WorkerTerminate):
            signal.raise_signal(signal.SIGQUIT)
    finally:
        signal.signal(signal.SIGQUIT, before)
    assert said == ["draining"]
