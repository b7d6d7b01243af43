"""What the worker's main process holds for the next keeper."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runtail.worker import channel
from runtail.worker.celery_main.fd_backup import FdBackup

START = {"op": "run", "run": "r", "pid": 1, "nonce": "", "task": "t", "headers": None, "split": False}


class Ends:
    """Both ends of a keeper's socket, and a pipe that it holds."""

    def __init__(self) -> None:
        self.main, self.keeper = channel.pair()
        self.backup = FdBackup()
        self.reading, self.writing = os.pipe()

    def back_up(self, key: str, count: int = 1) -> None:
        channel.send(self.keeper, {**START, "key": key, "fds": count}, [self.reading])

    def close(self) -> None:
        self.backup.close()
        self.main.close()
        self.keeper.close()
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.close()


def test_a_run_is_handed_to_every_keeper_until_its_run_is_closed(ends: Ends) -> None:
    ends.back_up("a")
    ends.back_up("b")
    for _ in range(2):
        assert ends.backup.receive(ends.main)
    assert ends.backup.receive(ends.main) is None
    channel.send(ends.keeper, {"op": "closed", "key": "b"})
    assert ends.backup.receive(ends.main) == {"op": "closed", "key": "b"}
    os.write(ends.writing, b"still there")
    for _ in range(2):
        ours, theirs = channel.pair()
        with ours, theirs:
            ends.backup.hand_over(ours)
            received = channel.receive(theirs, 1)
            assert received is not None
            message, fds = received
            assert message == {**START, "key": "a"}
            assert os.fstat(fds[0]).st_ino == os.fstat(ends.reading).st_ino
            assert channel.receive(theirs, 0) is None
            channel.close_all(fds)


def test_a_run_with_missing_descriptors_is_not_backed_up(ends: Ends) -> None:
    ends.back_up("a", count=4)
    assert ends.backup.receive(ends.main)
    ours, theirs = channel.pair()
    with ours, theirs:
        ends.backup.hand_over(ours)
        assert channel.receive(theirs, 0) is None


def test_the_last_runs_of_a_keeper_that_died_are_not_lost(ends: Ends) -> None:
    channel.send(ends.main, {"op": "gone", "pid": 1})
    ends.back_up("a")
    # With a message unread: main hears of a reset connection first.
    ends.keeper.close()
    message = ends.backup.receive(ends.main)
    assert message is not None
    assert dict(message)["key"] == "a"
    with pytest.raises(EOFError):
        ends.backup.receive(ends.main)


FORKS = """
import os
from runtail.worker import channel
from runtail.worker.celery_main.fd_backup import FdBackup

main, keeper = channel.pair()
backup = FdBackup()
reading, writing = os.pipe()
start = {"op": "run", "key": "a", "run": "r", "pid": 1, "nonce": "", "task": "t", "headers": None, "split": False}
channel.send(keeper, {**start, "fds": 1}, [reading])
before = len(os.listdir("/proc/self/fd"))
backup.receive(main)
assert len(os.listdir("/proc/self/fd")) == before + 1
pid = os.fork()
if pid == 0:
    os._exit(0 if len(os.listdir("/proc/self/fd")) == before and backup.receive(main) is None else 1)
assert os.waitpid(pid, 0)[1] == 0
assert backup.fds("a")
"""


def test_a_forked_child_holds_none_of_them() -> None:
    subprocess.run([sys.executable, "-c", FORKS], check=True, timeout=60)
