"""What a task's process wants masked, as the shipper takes it from the private socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from runtail.settings import load_settings
from runtail.worker import announcing, channel
from runtail.worker.messages import Start
from runtail.worker.shipper.run import ShippedRun

FIRST, SECOND, LARGE = b"first-secret", b"second\xff-secret", b"large-secret-" + b"x" * 200_000


class Pair:
    """The child's end of a private socket, and runs of shippers at the other."""

    def __init__(self) -> None:
        self.ours, self._theirs = channel.pair()
        self._memfd = os.memfd_create("spool")
        self._reading, self._writing = os.pipe()
        self._runs: list[ShippedRun] = []

    def run(self) -> ShippedRun:
        """What a shipper makes of it; each further one is a successor."""
        fds = [os.dup(fd) for fd in (self._reading, self._theirs.fileno(), self._memfd)]
        record = {"op": "run", "key": "k", "run": "r", "again": bool(self._runs), "split": False, "nonce": ""}
        self._runs.append(ShippedRun(cast(Start, record), fds, load_settings({})))
        return self._runs[-1]

    def close(self) -> None:
        """Leave nothing behind."""
        for run in self._runs:
            run.close()
        self.ours.close()
        self._theirs.close()
        for fd in (self._memfd, self._reading, self._writing):
            os.close(fd)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_a_secret_behind_the_end_is_heard_before_the_end_is_taken(pair: Pair) -> None:
    # As a process announces it that was forked from the task's, while that one ends.
    run = pair.run()
    announcing.announce(pair.ours, [FIRST])
    channel.send(pair.ours, {"op": "end", "outcome": {"state": "succeeded"}})
    announcing.announce(pair.ours, [LARGE])
    announcing.announce(pair.ours, [SECOND, FIRST])
    run.hear_secrets()
    assert run.secrets == [FIRST, LARGE, SECOND]
    assert run.processor.masker.feed(b"=" + SECOND + b"=" + LARGE + b"=\n") == b"=***=***=\n"
    message = run.peek_child()
    assert message is not None
    assert message["op"] == "end"
    run.take_child()
    run.hear_secrets()
    assert run.secrets == [FIRST, LARGE, SECOND]
    assert run.peek_child() is None


def test_a_secret_that_comes_meanwhile_is_heard(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    run = pair.run()
    hear, late = run.hear_secrets, [[FIRST], [SECOND, LARGE]]

    def hear_and_be_overtaken() -> None:
        hear()
        if late:
            announcing.announce(pair.ours, late.pop())
            if not late:
                channel.send(pair.ours, {"op": "end", "outcome": {"state": "succeeded"}})

    monkeypatch.setattr(run, "hear_secrets", hear_and_be_overtaken)
    message = run.peek_child()
    assert message is not None
    assert message["op"] == "end"
    assert sorted(run.secrets) == sorted([FIRST, SECOND, LARGE])


def test_a_successor_knows_what_was_taken_and_what_was_not(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    run = pair.run()
    announcing.announce(pair.ours, [FIRST])
    run.hear_secrets()
    announcing.announce(pair.ours, [LARGE])
    with monkeypatch.context() as dies:
        # Between keeping it and removing it.
        dies.setattr(run, "take_child", lambda: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            run.hear_secrets()
    announcing.announce(pair.ours, [SECOND])
    successor = pair.run()
    assert successor.secrets == [FIRST, LARGE]
    successor.hear_secrets()
    assert successor.secrets == [FIRST, LARGE, SECOND]
    assert successor.new_processor().masker.feed(FIRST + LARGE + SECOND + b"\n") == b"*********\n"
    assert pair.run().secrets == [FIRST, LARGE, SECOND]


def test_what_is_no_announcement_is_passed_over(pair: Pair) -> None:
    run = pair.run()
    pair.ours.send(b'{"v":1,"op":"mask","secrets":"no json"}')
    pair.ours.send(b'{"v":1,"op":"mask"}')
    # Of another version, and nothing that could be a message.
    pair.ours.send(b'{"v":2,"op":"mask","secrets":"[\\"other\\"]"}')
    pair.ours.send(b"[]")
    announcing.announce(pair.ours, [FIRST])
    run.hear_secrets()
    assert run.secrets == [FIRST]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        announcing.announce(pair.ours, [LARGE])
        run.hear_secrets()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_who_announces_to_nobody_is_told(pair: Pair) -> None:
    assert not announcing.announce(pair.ours, [b"x" * (announcing.MAX_BYTES + 1)])
    pair.ours.shutdown(socket.SHUT_RDWR)
    assert not announcing.announce(pair.ours, [FIRST])
