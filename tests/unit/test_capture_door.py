"""Messages with descriptors: whole, bounded, never waiting longer than asked."""

import os
import socket

import pytest

from runtail.capture import door


def test_message_and_descriptors_arrive_together() -> None:
    ours, theirs = door.pair()
    reading, writing = os.pipe()
    assert door.send(ours, {"op": "x"}, [reading, writing])
    received = door.receive(theirs, 1)
    assert received is not None
    message, fds = received
    assert message == {"op": "x"}
    os.write(fds[1], b"through")
    assert os.read(reading, 10) == b"through"
    assert not any(os.get_inheritable(fd) for fd in fds)
    for fd in (reading, writing, *fds):
        os.close(fd)
    ours.close()
    theirs.close()


def test_nothing_there_full_and_gone() -> None:
    ours, theirs = door.pair()
    assert door.receive(ours, 0) is None
    while door.send(ours, {"filling": "x" * 30_000}, seconds=0):
        pass
    theirs.close()
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        door.send(ours, {})
    with pytest.raises(EOFError):
        door.receive(ours, 1)
    ours.close()


def test_too_large_is_refused_before_it_is_sent() -> None:
    ours, theirs = door.pair()
    with pytest.raises(ValueError, match="does not fit"):
        door.send(ours, {"x": "y" * door.MAX_BYTES})
    ours.close()
    theirs.close()


def test_flags_of_the_socket_stay() -> None:
    ours, theirs = door.pair()
    assert ours.type == socket.SOCK_SEQPACKET
    door.send(ours, {})
    door.receive(theirs, 1)
    assert ours.getblocking()
    assert theirs.getblocking()
    ours.close()
    theirs.close()
