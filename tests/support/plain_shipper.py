"""A shipper without a store: speaks the door protocol and writes what it gets into files.

Run by the keeper as ``plain_shipper.py <directory> --link <fd>``. For each run
it appends to ``<run>.out``, and at the end writes the outcome to ``<run>.json``.
It survives being killed the way the real one does: the memfd's position says
how much was taken from the pipe, the file's size how much of it was written.
"""

import array
import fcntl
import json
import os
import select
import socket
import sys
import termios
import time
from pathlib import Path
from typing import Any


class Run:
    def __init__(self, record: dict[str, Any], fds: list[int], directory: Path) -> None:
        self.key = record["key"]
        self.id = record["run"]
        self.record = record
        self.pipe, self.private, self.pidfd, self.spool = fds[0], socket.socket(fileno=fds[1]), fds[2], fds[3]
        self.directory = directory
        self.out = (directory / f"{self.id}.out").open("ab", buffering=0)

    def take(self, most: int = 1 << 20) -> int:
        try:
            moved = os.splice(self.pipe, self.spool, most)
        except BlockingIOError:
            return 0
        self.write()
        return moved

    def write(self) -> None:
        done = os.fstat(self.out.fileno()).st_size
        taken = os.lseek(self.spool, 0, os.SEEK_CUR)
        # Not to the end of the file: behind its output stands what the keeper counts.
        while data := os.pread(self.spool, min(1 << 20, taken - done), done):
            done += self.out.write(data) or 0

    def take_all_there_is(self) -> None:
        size = array.array("i", [0])
        fcntl.ioctl(self.pipe, termios.FIONREAD, size)
        left = size[0]
        while left > 0:
            left -= self.take(left)

    def finish(self, outcome: dict[str, Any]) -> None:
        self.take_all_there_is()
        path = self.directory / f"{self.id}.json"
        path.with_suffix(".tmp").write_text(json.dumps({"outcome": outcome, "record": self.record}))
        path.with_suffix(".tmp").rename(path)

    def close(self) -> None:
        self.private.close()
        self.out.close()
        for fd in (self.pipe, self.pidfd, self.spool):
            os.close(fd)


def packed(message: dict[str, Any]) -> bytes:
    """Return a message as it is sent."""
    return json.dumps({"v": 1, **message}).encode()


def main() -> None:
    directory, link = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[3]))
    link.setblocking(False)
    (directory / "shipper.pid").write_text(str(os.getpid()))
    with (directory / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    runs: dict[int, Run] = {}
    spoke = 0.0
    bye = False
    while not (bye and not runs):
        if time.monotonic() - spoke > 1.0 and not (directory / "mute").exists():
            link.send(packed({"op": "alive"}))
            spoke = time.monotonic()
        poller = select.poll()
        poller.register(link, select.POLLIN)
        for run in runs.values():
            poller.register(run.pipe, select.POLLIN)
            poller.register(run.private, select.POLLIN)
            poller.register(run.pidfd, select.POLLIN)
        by_fd = {fd: run for run in runs.values() for fd in (run.pipe, run.private.fileno(), run.pidfd)}
        for fd, events in poller.poll(200):
            if fd == link.fileno():
                data, fds, _flags, _address = socket.recv_fds(link, 70000, 8)
                if not data:
                    return
                message = json.loads(data)
                if message["op"] == "bye":
                    bye = True
                elif message["op"] == "run":
                    new = Run(message, fds, directory)
                    new.write()
                    runs[new.pipe] = new
                    refuse = (directory / "refuse").exists()
                    answer = {"op": "refuse", "reason": "ended", "message": "it has ended"}
                    go = {"op": "go", "run": new.id, "attempt": 1}
                    new.private.send(packed(answer if refuse else go))
                continue
            found = by_fd.get(fd)
            if found is None or found.pipe not in runs:
                continue
            if fd == found.pipe:
                if events & select.POLLIN:
                    found.take()
                continue
            outcome: dict[str, Any] = {"state": "died"}
            if fd == found.private.fileno():
                data = found.private.recv(70000)
                if data:
                    said = json.loads(data)
                    if said["op"] != "end":
                        continue  # it masks nothing
                    outcome = said["outcome"]
                elif not (directory / "refuse").exists():
                    continue
            found.finish(outcome)
            try:
                found.private.send(packed({"op": "done"}))
            except OSError:
                pass
            del runs[found.pipe]
            link.send(packed({"op": "closed", "key": found.key}))
            found.close()


if __name__ == "__main__":
    main()
