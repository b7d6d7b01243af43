"""What the worker's main process holds for the next keeper."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runtail.capture import door
from runtail.capture.deposits import Deposits


class Ends:
    """Both ends of a keeper's socket, and a pipe that it holds."""

    def __init__(self) -> None:
        self.main, self.keeper = door.pair()
        self.deposits = Deposits()
        self.reading, self.writing = os.pipe()

    def deposit(self, key: str, count: int = 1) -> None:
        door.send(self.keeper, {"op": "run", "key": key, "fds": count}, [self.reading])

    def close(self) -> None:
        self.deposits.close()
        self.main.close()
        self.keeper.close()
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.close()


def test_a_deposit_is_handed_to_every_keeper_until_its_run_is_closed(ends: Ends) -> None:
    ends.deposit("a")
    ends.deposit("b")
    for _ in range(2):
        assert ends.deposits.receive(ends.main)
    assert ends.deposits.receive(ends.main) is None
    door.send(ends.keeper, {"op": "closed", "key": "b"})
    assert ends.deposits.receive(ends.main) == {"op": "closed", "key": "b"}
    os.write(ends.writing, b"still there")
    for _ in range(2):
        ours, theirs = door.pair()
        with ours, theirs:
            ends.deposits.hand_over(ours)
            received = door.receive(theirs, 1)
            assert received is not None
            message, fds = received
            assert message == {"op": "run", "key": "a"}
            assert os.fstat(fds[0]).st_ino == os.fstat(ends.reading).st_ino
            assert door.receive(theirs, 0) is None
            door.close_all(fds)


def test_a_deposit_with_missing_descriptors_is_not_kept(ends: Ends) -> None:
    ends.deposit("a", count=4)
    assert ends.deposits.receive(ends.main)
    ours, theirs = door.pair()
    with ours, theirs:
        ends.deposits.hand_over(ours)
        assert door.receive(theirs, 0) is None


def test_the_last_deposits_of_a_keeper_that_died_are_not_lost(ends: Ends) -> None:
    door.send(ends.main, {"op": "gone", "pid": 1})
    ends.deposit("a")
    # With a message unread: main hears of a reset connection first.
    ends.keeper.close()
    message = ends.deposits.receive(ends.main)
    assert message is not None
    assert message["key"] == "a"
    with pytest.raises(EOFError):
        ends.deposits.receive(ends.main)


FORKS = """
import os
from runtail.capture import door
from runtail.capture.deposits import Deposits

main, keeper = door.pair()
deposits = Deposits()
reading, writing = os.pipe()
door.send(keeper, {"op": "run", "key": "a", "fds": 1}, [reading])
before = len(os.listdir("/proc/self/fd"))
deposits.receive(main)
assert len(os.listdir("/proc/self/fd")) == before + 1
pid = os.fork()
if pid == 0:
    os._exit(0 if len(os.listdir("/proc/self/fd")) == before and deposits.receive(main) is None else 1)
assert os.waitpid(pid, 0)[1] == 0
assert deposits.fds("a")
"""


def test_a_forked_child_holds_none_of_them() -> None:
    subprocess.run([sys.executable, "-c", FORKS], check=True, timeout=60)
