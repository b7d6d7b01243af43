"""Messages with descriptors: whole, bounded, never waiting longer than asked."""

import os
import re
import socket
import typing
from pathlib import Path

import pytest

from runtail.worker import channel, messages


def test_message_and_descriptors_arrive_together() -> None:
    ours, theirs = channel.pair()
    reading, writing = os.pipe()
    assert channel.send(ours, {"op": "done"}, [reading, writing])
    received = channel.receive(theirs, 1)
    assert received is not None
    message, fds = received
    assert message == {"op": "done"}
    os.write(fds[1], b"through")
    assert os.read(reading, 10) == b"through"
    assert not any(os.get_inheritable(fd) for fd in fds)
    for fd in (reading, writing, *fds):
        os.close(fd)
    ours.close()
    theirs.close()


def test_nothing_there_full_and_gone() -> None:
    ours, theirs = channel.pair()
    assert channel.receive(ours, 0) is None
    while channel.send(ours, {"filling": "x" * 30_000}, seconds=0):
        pass
    theirs.close()
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        channel.send(ours, {})
    with pytest.raises(EOFError):
        channel.receive(ours, 1)
    ours.close()


def test_too_large_is_refused_before_it_is_sent() -> None:
    ours, theirs = channel.pair()
    with pytest.raises(ValueError, match="does not fit"):
        channel.send(ours, {"x": "y" * channel.MAX_BYTES})
    ours.close()
    theirs.close()


def test_flags_of_the_socket_stay() -> None:
    ours, theirs = channel.pair()
    assert ours.type == socket.SOCK_SEQPACKET
    channel.send(ours, {"op": "done"})
    channel.receive(theirs, 1)
    assert ours.getblocking()
    assert theirs.getblocking()
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "record", [
        b'{"v":2,"op":"done"}', b'{"op":"done"}', b'{"v":1,"op":"x"}', b'{"v":1,"op":["done"]}', b'{"v":1}', b"[1]",
        b"\xff{", b'{"v":1,"op":"closed"}', b'{"v":1,"op":"closed","key":["a"]}', b'{"v":1,"op":"bye","seconds":"1"}',
        b'{"v":1,"op":"died","pid":1,"run":null,"why":"","signal":"9","exit_status":null}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_left_out_and_said(record: bytes) -> None:
    ours, theirs = channel.pair()
    reading, writing = os.pipe()
    socket.send_fds(ours, [record], [reading, writing])
    channel.send(ours, {"op": "wait"})
    said: list[str] = []
    before = len(list(Path("/proc/self/fd").iterdir()))
    received = channel.messages(theirs, said.append)
    assert next(received) == ({"op": "wait"}, [])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(said) == 1
    if b'"v":1' not in record and record.startswith(b"{"):
        assert "restart the worker after an upgrade" in said[0]
    for fd in (reading, writing):
        os.close(fd)
    ours.close()
    theirs.close()


def test_every_kind_of_message_is_in_the_table() -> None:
    assert messages.__doc__
    listed = set(re.findall(r"^``(\w+)`` ", messages.__doc__, re.MULTILINE))
    kinds = {name for name, found in vars(messages).items() if typing.is_typeddict(found)}
    assert listed == kinds
    sent = {one.__name__ for union in (messages.ToTask, messages.FromTask, messages.ToShipper, messages.FromShipper,
            messages.FromKeeper, messages.ToKeeper) for one in typing.get_args(union)}  # fmt: skip
    assert sent == kinds
    ops = [typing.get_args(typing.get_type_hints(getattr(messages, name))["op"])[0] for name in kinds]
    assert len(set(ops)) == len(ops)
