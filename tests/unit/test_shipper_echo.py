"""Echoing never blocks and never changes the file it shares."""

import fcntl
import os
import socket
from pathlib import Path

from runtail.worker.shipper.output.echo import MAX_HELD_BYTES, Echo


def test_a_full_pipe_costs_echoes_only() -> None:
    read, write = os.pipe()
    echo = Echo(write)
    for _ in range(100):
        echo.write(b"x" * 9999 + b"\n")
    assert echo.dropped_bytes > 0
    # The pipe's own mode is everybody's: it stays as it was.
    assert not fcntl.fcntl(write, fcntl.F_GETFL) & os.O_NONBLOCK
    received = 0
    while received < 1_000_000 - echo.dropped_bytes:
        received += len(os.read(read, 1 << 20))
        echo.write(b"")
    assert received + echo.dropped_bytes == 1_000_000
    assert received >= MAX_HELD_BYTES
    os.close(read)
    echo.write(b"nobody reads\n")
    os.close(write)


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    with path.open("wb", buffering=0) as file:
        file.write(b"before\n")
        Echo(file.fileno()).write(b"echo\n")
        file.write(b"after\n")
    assert path.read_bytes() == b"before\necho\nafter\n"


def test_a_socket_does_not_block() -> None:
    ours, theirs = socket.socketpair()
    echo = Echo(ours.fileno())
    for _ in range(100):
        echo.write(b"y" * 9999 + b"\n")
    assert echo.dropped_bytes > 0
    assert theirs.recv(10) == b"y" * 10
    ours.close()
    theirs.close()


def test_no_descriptor_no_echo() -> None:
    Echo(None).write(b"nowhere")
    Echo(9999).write(b"nowhere")
