"""A task's process for tests of the shipper: the worker's half of the door protocol, bare.

Started as ``python -m tests.support.task_process <door fd> <record as JSON> <body>``. The
body is Python source; its ``outcome`` variable, if it sets one, is what the end says.
What the shipper answered goes to standard output of the process, after the run.
"""

import fcntl
import json
import os
import select
import socket
import sys
import time
from typing import Any

from runtail.worker import announcing, channel


def answer(private: socket.socket, seconds: float) -> dict[str, Any] | None:
    """The next message that is not ``kept``; None if none came."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            received = channel.receive(private, left)
        except EOFError:
            return None
        if received and received[0]["op"] != "kept":
            return dict(received[0])
    return None


def main() -> None:
    """Run one task the way a pool child does."""
    door_fd, record, body = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
    read, write = os.pipe()
    try:
        fcntl.fcntl(write, 1031, record.pop("pipe_bytes", 256 << 10))
    except OSError:
        pass
    ours, theirs = channel.pair()
    record |= {"pid": os.getpid()}
    pidfd = os.pidfd_open(os.getpid())
    with socket.socket(fileno=os.dup(door_fd)) as sock:
        masks = [str(mask).encode() for mask in record.pop("masks")]
        channel.send(sock, record, [read, theirs.fileno(), pidfd])
        announcing.announce(ours, masks)
    for fd in (read, pidfd):
        os.close(fd)
    theirs.close()
    started = time.monotonic()
    go = answer(ours, 60)
    waited = time.monotonic() - started
    report: dict[str, Any] = {"answer": go, "waited": waited}
    if go and go["op"] == "go":
        saved = os.dup(1), os.dup(2)
        os.set_inheritable(saved[0], False)
        os.set_inheritable(saved[1], False)
        sys.stdout.flush()
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(write)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        names: dict[str, Any] = {"record": record, "private": ours, "announce": announcing.announce}
        outcome = {"state": "succeeded", "why": ""}
        try:
            exec(body, names)
            outcome |= names.get("outcome", {})
        except BaseException as error:  # noqa: BLE001 - as the worker does
            outcome = {"state": "failed", "why": f"{type(error).__name__}: {error}"}
        sys.stdout.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        ended = time.monotonic()
        try:
            channel.send(ours, {"op": "end", "outcome": outcome})
        except OSError as error:
            report["lost"] = str(error)
        while (done := answer(ours, 10)) and done["op"] != "done":
            pass
        report |= {"done": bool(done), "done_after": time.monotonic() - ended}
    poller = select.poll()
    poller.register(ours, select.POLLIN)
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
