"""Secrets that programs announce on a run's board, and the command that does it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from runtail.settings import load_settings
from runtail.worker import announcing, board, channel
from runtail.worker.board import Board
from runtail.worker.messages import Start
from runtail.worker.shipper.run import ShippedRun


@pytest.fixture
def fd() -> Iterator[int]:
    made = board.create()
    yield made
    os.close(made)


def test_what_is_posted_is_read_once_by_each_reader(fd: int) -> None:
    first, path = Board(fd), board.path_of(fd)
    assert first.news() == []
    board.post(path, b"one\xff\n two")
    board.post(path, b"three")
    assert first.news() == [b"one\xff\n two", b"three"]
    assert first.news() == []
    board.post(path, b"four")
    assert first.news() == [b"four"]
    assert Board(fd).news() == [b"one\xff\n two", b"three", b"four"]


def test_many_post_at_once(fd: int) -> None:
    path = board.path_of(fd)

    def post(name: int) -> None:
        for number in range(50):
            board.post(path, b"%d-%d-" % (name, number) + b"x" * 5_000)

    threads = [threading.Thread(target=post, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    reader, found = Board(fd), list[bytes]()
    while any(thread.is_alive() for thread in threads):
        found += reader.news()
    found += reader.news()
    assert sorted(found) == sorted(b"%d-%d-" % (a, b) + b"x" * 5_000 for a in range(4) for b in range(50))


def test_what_is_no_announcement_or_not_whole_is_left(fd: int) -> None:
    reader = Board(fd)
    os.write(fd, b'nonsense\n["good"]\n1\n["half')
    assert reader.news() == [b"good"]
    assert reader.news() == []
    os.write(fd, b' no more"]\n')
    assert reader.news() == [b"half no more"]


def test_what_is_too_large_is_refused(fd: int) -> None:
    done = mask(b"\xff" * (7 << 20), path=board.path_of(fd))
    assert done.returncode == 123
    assert b"the secret is not masked: it is too large" in done.stderr
    board.post(board.path_of(fd), b"x" * (8 << 20))
    assert [len(found) for found in Board(fd).news()] == [8 << 20]


def test_a_descriptor_that_a_task_closed_or_used_anew_is_read_as_nothing(tmp_path: Path) -> None:
    fd = board.create()
    reader = Board(fd)
    os.close(fd)
    assert reader.news() == []
    other = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.dup2(other, fd)
    os.write(fd, b'["not of this board"]\n')
    assert reader.news() == []
    with pytest.raises(FileNotFoundError, match="the run is over"):
        board.post(board.path_of(fd), b"secret")
    assert (tmp_path / "file").read_bytes() == b'["not of this board"]\n'
    for one in {other, fd}:
        os.close(one)


def mask(data: bytes, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != board.VARIABLE}
    return subprocess.run(
        [sys.executable, "-m", "runtail", "mask", *arguments],
        input=data,
        env=environment | ({board.VARIABLE: path} if path else {}),
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_the_command_announces_its_standard_input(fd: int) -> None:
    done = mask(b"s3cret-key\xff\n", path=board.path_of(fd))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert Board(fd).news() == [b"s3cret-key\xff\n"]
    done = mask(b"abcd", path=board.path_of(fd))
    assert done.returncode == 0
    assert b"fewer than 6 bytes" in done.stderr


def test_outside_of_a_run_the_command_does_nothing() -> None:
    done = mask(b"s3cret-key")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("path", ["/proc/self/fd/0", "/proc/1/fd/999", "/nowhere", "/dev/null"])
def test_the_command_says_if_it_could_not(path: str) -> None:
    done = mask(b"s3cret-key", path=path)
    assert done.returncode == 123
    assert done.stderr.startswith(b"runtail: the secret is not masked: ")
    assert b"s3cret" not in done.stderr


def test_the_command_takes_no_secret_as_an_argument(fd: int) -> None:
    done = mask(b"", "s3cret-key", path=board.path_of(fd))
    assert done.returncode == 2
    assert done.stderr.startswith(b"Usage: runtail mask < FILE")
    assert b"s3cret" not in done.stderr
    assert Board(fd).news() == []
    assert mask(b"", "--help").stdout.startswith(b"Usage: runtail mask < FILE")


@pytest.mark.parametrize("pidfd", [True, False])
@pytest.mark.parametrize("with_board", [True, False])
def test_a_shipper_hears_what_is_on_the_board_and_so_does_its_successor(fd: int, pidfd: bool, with_board: bool) -> None:
    ours, theirs = channel.pair()
    reading, writing = os.pipe()
    spool = os.memfd_create("spool")

    def shipper(*, again: bool) -> ShippedRun:
        fds = [
            reading,
            theirs.fileno(),
            *([os.pidfd_open(os.getpid())] if pidfd else []),
            *([fd] if with_board else []),
        ]
        record = {"op": "run", "key": "k", "run": "r", "again": again, "split": False, "nonce": "", "pidfd": pidfd}
        record |= {"board": True} if with_board else {}
        return ShippedRun(cast(Start, record), [*map(os.dup, fds), os.dup(spool)], load_settings({}))

    board.post(board.path_of(fd), b"on-the-board")
    announcing.announce(ours, [b"in-the-socket"])
    for again in (False, True):
        run = shipper(again=again)
        assert (run.pidfd is not None) is pidfd
        run.hear_secrets()
        assert set(run.secrets) == {b"in-the-socket", *([b"on-the-board"] if with_board else [])}
        assert run.processor.masker.feed(b"is on-the-board\n") == (b"is ***\n" if with_board else b"is on-the-board\n")
        run.close()
    for one in (ours, theirs):
        one.close()
    for one_fd in (reading, writing, spool):
        os.close(one_fd)
