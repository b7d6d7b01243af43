"""In Celery's main process: duplicates of what the keeper holds, so that even keeper and shipper may die together.

A pipe without any reading end breaks, and so does the task that prints. As long
as these duplicates exist, the pipe only fills; the next keeper gets them and
continues with everything that was written meanwhile.
"""

from __future__ import annotations

import os
import socket
import threading

from runtail.worker import channel, messages


class FdBackup:
    """Start records and descriptors of the runs that the keeper has in hand."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[messages.Start, list[int]]] = {}
        # This process may fork a pool child at any moment. No child may keep a
        # descriptor that was received but not yet recorded at that moment.
        self._fork = threading.Lock()
        os.register_at_fork(
            before=self._fork.acquire, after_in_parent=self._fork.release, after_in_child=self._forget_in_child
        )

    def receive(self, ctl: socket.socket) -> messages.Message | None:
        """Return the keeper's next message, None if there is none. Backups are created and removed here.

        :raises EOFError: if the keeper is gone and all its messages have been read.
        """
        with self._fork:
            try:
                received = channel.receive(ctl, 0)
            except EOFError:
                # If the keeper left messages unread, our socket reports that once first, and then what it still holds.
                received = channel.receive(ctl, 0)
            if received is None:
                return None
            message, fds = received
            # A process that has no more free descriptors receives fewer: they are of no use.
            if message["op"] == "run" and message.pop("fds", None) == len(fds):
                self._held[message["key"]] = (message, fds)
                return message
            channel.close_all(fds)
            if message["op"] == "closed" and message["key"] in self._held:
                channel.close_all(self._held.pop(message["key"])[1])
            return message

    def fds(self, key: str) -> list[int]:
        """Return the descriptors of one run, in the keeper's order."""
        return list(self._held[key][1])

    def run_of(self, pid: int) -> str:
        """Return the id of the run that a process executes or executed last; empty if unknown."""
        ids = [str(record["run"]) for record, _fds in list(self._held.values()) if record.get("pid") == pid]
        return ids[-1] if ids else ""

    def hand_over(self, ctl: socket.socket) -> None:
        """Give everything to a new keeper, but keep it here too.

        :raises OSError: if that keeper is gone as well.
        """
        for record, fds in self._held.values():
            channel.send(ctl, record, fds)

    def close(self) -> None:
        """Close all descriptors."""
        for _record, fds in self._held.values():
            channel.close_all(fds)
        self._held.clear()

    def _forget_in_child(self) -> None:
        self.close()
        self._fork.release()
