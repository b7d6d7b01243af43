"""What a successor finds, wherever its predecessors died."""

import os
from collections.abc import Iterator

import pytest

from runtail.worker.shipper.output.journal import Journal


@pytest.fixture
def memfd() -> Iterator[int]:
    fd = os.memfd_create("journal")
    yield fd
    os.close(fd)


def test_any_number_of_deaths_between_state_and_store_leaves_the_state_that_the_store_names(memfd: int) -> None:
    stored = Journal(memfd).write("state", b"stored")
    for number in range(5):
        # Each one goes on from what the store names, writes its next state, and dies before it is stored.
        journal = Journal(memfd)
        assert journal.value("state", stored) == b"stored"
        journal.go_on_from("state", stored)
        following = journal.write("state", b"never stored %d" % number)
        assert following == stored + 1
        assert journal.value("state", following) == b"never stored %d" % number


def test_a_value_that_was_written_halfway_leaves_the_one_before(memfd: int) -> None:
    journal = Journal(memfd)
    stored = journal.write("state", b"stored")
    offset = journal.slot_offset("state")
    journal.write("state", b"a newer one")
    os.pwrite(memfd, b"torn", offset + 24)
    assert Journal(memfd).read("state") == [b"stored"]
    assert Journal(memfd).value("state", stored) == b"stored"


def test_what_was_added_outlives_deaths_and_what_was_added_halfway_is_not_there(memfd: int) -> None:
    Journal(memfd).add(b"first")
    Journal(memfd).add(b"second" * 20_000)
    last = Journal(memfd)
    last.add(b"third, torn")
    assert Journal(memfd).records == [b"first", b"second" * 20_000, b"third, torn"]
    end = os.fstat(memfd).st_size
    os.pwrite(memfd, b"?", end - 1)
    successor = Journal(memfd)
    assert successor.records == [b"first", b"second" * 20_000]
    successor.add(b"third")
    assert Journal(memfd).records[2:] == [b"third"]
