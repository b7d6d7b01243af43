"""What the kernel tells of processes that somebody else waits for."""

import os
import signal
import subprocess
import sys

import pytest

from runtail.worker.shipper.death import exit_of, name_of
from runtail.worker.shipper.run import Death


def ended(source: str) -> Death | None:
    """How a Python program ended, asked after its parent has reaped it."""
    process = subprocess.Popen([sys.executable, "-c", source])
    pidfd = os.pidfd_open(process.pid)
    try:
        process.wait()
        return exit_of(pidfd)
    finally:
        os.close(pidfd)


@pytest.mark.parametrize(
    ("source", "death"),
    [
        ("import os; os.kill(os.getpid(), 9)", Death(signal=9)),
        ("import os; os._exit(3)", Death(exit_status=3)),
        ("pass", Death(exit_status=0)),
        ("import os; os.abort()", Death(signal=6)),
    ],
)
def test_exit_of_a_reaped_process(source: str, death: Death) -> None:
    # Kernels before 6.15 do not tell; then the worker's word is waited for.
    assert ended(source) in (death, None)


def test_a_living_process_has_no_exit() -> None:
    pidfd = os.pidfd_open(os.getpid())
    assert exit_of(pidfd) is None
    os.close(pidfd)


def test_signals_have_names_where_the_system_knows_them() -> None:
    assert name_of(signal.SIGKILL) == "SIGKILL"
    assert name_of(63) == ""
