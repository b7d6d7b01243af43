"""The memfd between pipe and store, and what a successor finds in it."""

import os
import pty
import select
import tty
from collections.abc import Iterator

import pytest

from runtail.worker.shipper.output.journal import Journal
from runtail.worker.shipper.output.spool import Spool, pipe_size, readable_bytes


@pytest.fixture
def memfd() -> Iterator[int]:
    fd = os.memfd_create("test")
    yield fd
    os.close(fd)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            pass


def memory(fd: int) -> int:
    return os.fstat(fd).st_blocks * 512


def test_bytes_move_and_the_kernel_keeps_the_position(memfd: int, pipe: tuple[int, int]) -> None:
    read, write = pipe
    spool = Spool(memfd)
    os.write(write, b"abc\0\xff")
    assert readable_bytes(read) == 5
    assert spool.take(read, 3) == 3
    assert Spool(os.dup(memfd)).position == 3
    assert spool.take(read, 100) == 2
    assert spool.take(read, 100) == 0
    assert spool.read(1, 100) == b"bc\0\xff"
    os.close(write)
    assert spool.take(read, 100) is None


def test_released_memory_is_given_back(memfd: int, pipe: tuple[int, int]) -> None:
    read, write = pipe
    spool = Spool(memfd)
    for _ in range(32):
        os.write(write, b"x" * 65536)
        assert spool.take(read, 65536)
    assert spool.held_bytes == memory(memfd) == 2 << 20
    spool.release((2 << 20) - 10)
    assert memory(memfd) == 4096
    assert spool.read((2 << 20) - 10, 100) == b"x" * 10


def test_a_terminal_is_copied_and_its_end_is_an_end(memfd: int) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    spool = Spool(memfd)
    assert spool.take(master, 100) == 0
    os.write(slave, b"over a terminal\n")
    assert select.select([master], [], [], 5)[0]
    assert spool.take(master, 100) == 16
    os.close(slave)
    assert spool.take(master, 100) is None
    assert spool.read(0, 100) == b"over a terminal\n"
    os.close(master)


def test_the_size_of_a_pipe_is_the_real_one(pipe: tuple[int, int]) -> None:
    assert pipe_size(pipe[0]) == 65536


def test_a_journal_survives_its_writer(memfd: int) -> None:
    journal = Journal(memfd)
    assert journal.read("state") == []
    journal.write("state", b"one")
    journal.write("state", b"two")
    assert Journal(os.dup(memfd)).read("state") == [b"two", b"one"]
    Journal(memfd).write("state", b"three")
    assert Journal(memfd).read("state") == [b"three", b"two"]
    assert Journal(memfd).read("end") == []


def test_a_generation_names_one_value_of_one_run(memfd: int) -> None:
    journal = Journal(memfd)
    first, second = journal.write("state", b"one"), journal.write("state", b"two")
    assert second == first + 1
    assert Journal(memfd).value("state", first) == b"one"
    assert Journal(memfd).value("state", second) == b"two"
    assert Journal(memfd).value("state", second + 1) is None
    other = os.memfd_create("other")
    assert Journal(other).write("state", b"one") not in (first, second)
    os.close(other)


def test_a_torn_journal_entry_leaves_the_one_before(memfd: int) -> None:
    journal = Journal(memfd)
    journal.write("state", b"old" * 100)
    journal.write("state", b"new" * 100)
    # The writer died half-way through a third one: it goes into the older slot.
    os.pwrite(memfd, b"third" * 10, journal.slot_offset("state") + 20)
    assert Journal(memfd).read("state") == [b"new" * 100]


def test_the_journal_is_out_of_the_output(memfd: int, pipe: tuple[int, int]) -> None:
    spool, journal = Spool(memfd), Journal(memfd)
    journal.write("state", b"s")
    os.write(pipe[1], b"output")
    spool.take(pipe[0], 10)
    assert spool.read(0, 100) == b"output"
    assert (spool.position, journal.read("state")) == (6, [b"s"])
