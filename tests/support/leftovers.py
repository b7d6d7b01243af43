"""Keeper and shipper after their worker's end: every test that had a worker looks whether they end, too."""

import contextlib
from collections.abc import Callable

import psutil

from tests.support.idle import too_busy
from tests.support.waiting import DeadlineExceeded, wait_for

#: With a store that answers they leave by themselves.
_LEAVE_SECONDS = 3.0
#: And at SIGTERM in any case; a busy machine is given more than the 2 s of the contract.
_TERM_SECONDS = 6.0


def expect_to_end(find: Callable[[], list[psutil.Process]]) -> None:
    """Fail if one of these uses the processor after its worker's end, or does not end at SIGTERM.

    What does not end is killed.
    """
    with contextlib.suppress(DeadlineExceeded):
        wait_for(lambda: not find(), _LEAVE_SECONDS)
        return
    remaining = find()
    for process in remaining:
        with contextlib.suppress(psutil.Error):
            process.resume()
    try:
        assert too_busy(remaining, 0.5) == {}, "they use the processor although their worker has ended"
        for process in find():
            with contextlib.suppress(psutil.Error):
                process.terminate()
        wait_for(lambda: not find(), _TERM_SECONDS, lambda: [process.cmdline() for process in find()])
    finally:
        for process in find():
            with contextlib.suppress(psutil.Error):
                process.kill()
