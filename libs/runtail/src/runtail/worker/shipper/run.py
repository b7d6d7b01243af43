"""What the shipper's two threads share about one execution of a task.

The reader fills the spool and finds out that the task ended; the sender turns
the spool into entries. ``lock`` guards the processor and ``marks``; every other
attribute is written by one of them only (named beside it), whole values at a time.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final

from runtail import header
from runtail.settings import Settings
from runtail.worker import announcing, channel, messages
from runtail.worker.inband import sequence_prefix
from runtail.worker.shipper.output.journal import Journal
from runtail.worker.shipper.output.markers import MAX_SEQUENCE_BYTES
from runtail.worker.shipper.output.processor import Processor
from runtail.worker.shipper.output.spool import Spool, readable_bytes

log = logging.getLogger(__name__)

#: Linux's socket option that the module ``socket`` does not name: where peeking begins.
_SO_PEEK_OFF: Final = 42
#: Times of reads kept for entries that are made later, while the store is away.
MAX_MARKS: Final = 4096


@dataclass(frozen=True, slots=True)
class End:
    """The task is over."""

    #: What the task's process said; None when it died without a word.
    outcome: dict[str, Any] | None
    #: Offset in the raw stream at which its own output ends; later bytes are late.
    at: int
    #: Wall clock, milliseconds.
    at_ms: int
    #: The store has the end: a successor only looks after what comes later.
    stored: bool = False
    #: Then: the state that it ended in, and what earlier attempts had counted as late.
    state: str = ""
    #: Which execution of its id it was; 0 if that is not known.
    execution: int = 0
    #: What the keeper had dropped by then.
    dropped: int = 0
    late_before: int = 0


class Phase(Enum):
    """How far an execution is; each leads to the next, or to one further down."""

    #: The store is asked for the run; its task waits for the answer.
    CLAIMING = "claiming"
    #: So it is, but the task has begun: the store is away (the reader may say so), and it need not wait.
    UNCLAIMED = "unclaimed"
    #: It is ours: output becomes entries.
    SHIPPING = "shipping"
    #: All of its output is entries, and how it ended is decided: that is to be stored.
    ENDING = "ending"
    #: Not ours, or not any more: output is dropped until the task has ended.
    DISCARDING = "discarding"
    #: The store has the end, or never will: only what comes late is taken from the pipe.
    DRAINING = "draining"
    #: Nothing is taken any more: the reader (which may say so) closes the descriptors.
    CLOSED = "closed"


def failure(record: messages.Start) -> messages.Refuse | messages.Unrecorded:
    """Return what a task's process is told when Runtail has failed: what it started must not run unseen."""
    said = "Runtail failed; see what its shipper logged"
    if record.get("headers") is None:
        return messages.Unrecorded(op="unrecorded", message=said)
    return messages.Refuse(op="refuse", message=said)


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended, as far as somebody knows."""

    signal: int | None = None
    exit_status: int | None = None
    why: str = ""
    #: Celery revoked the run, and will say whether that is why.
    revoked: bool = False

    @property
    def timed_out(self) -> bool:
        """A hard time limit killed it: the worker's main process says so before it does."""
        return "time limit" in self.why


class ShippedRun:
    """One execution: its record, its descriptors, how far it is."""

    def __init__(self, record: messages.Start, fds: list[int], settings: Settings) -> None:
        self.record = record
        self.key: str = record["key"]
        self.id: str = record["run"]
        #: The task's process, by which those that it left behind are told from others.
        self.pid = int(record.get("pid") or 0)
        self.nonce = str(record.get("nonce") or "")
        self.again = bool(record.get("again"))
        #: What the keeper dropped while no shipper lived.
        self.dropped_outside = int(record.get("dropped") or 0)
        #: The message's header, checked (again: it came through a process that executes other people's code).
        self.headers: dict[str, Any] | None = None
        self.header_flaw = str(record.get("header_flaw") or "")
        try:
            self.headers = header.read(record.get("headers"), self.id)
        except header.BadHeader as error:
            self.header_flaw = str(error)
        pipes = 2 if record.get("split") else 1
        self.pipes = fds[:pipes]
        self._private = socket.socket(fileno=fds[pipes])
        self.private = self._private.fileno()
        self.pidfd: int | None = fds[pipes + 1] if len(fds) > pipes + 2 else None
        self.spool = Spool(fds[-1])
        self.journal = Journal(fds[-1])
        self._settings = settings
        #: What the task's process wants masked, in its order; only added to.
        self.secrets = [secret for kept in self.journal.records for secret in announcing.unpack(kept)]
        self._known = set(self.secrets)
        self.processor = self.new_processor()
        if self.again:
            # A guess that only bounds memory; the claim tells the right state.
            for saved in self.journal.read("state")[:1]:
                self.processor.restore(saved)
        self.lock = threading.Lock()
        #: (offset, milliseconds): everything up to the offset was read by then.
        self.marks: deque[tuple[int, int]] = deque()
        #: Reader: the end, what is known of a death, bytes after the end.
        self.end = self._journaled_end()
        self.end_seen = time.monotonic() if self.end else 0.0
        self.death: Death | None = None
        self.late_bytes = 0
        #: Reader: nothing can come any more (every writer is gone).
        self.silent = False
        #: Reader: the run is over, and its pipe is closed although somebody may hold it.
        self.let_go = False
        #: Reader: what the worker's main process did to end the tree.
        self.cancelled: messages.Cancelled | None = None
        #: Reader: Celery revoked it and signalled its process.
        self.revoked: messages.Revoked | None = None
        #: Reader: whether the worker's main process knows that it was revoked; None if that has not said so yet.
        self.revocation_expected: bool | None = None
        #: Sender, but for what is said at its values.
        self.phase = Phase.CLAIMING
        #: Sender: offset up to which the store has the output.
        self.stored_to = self.processor.consumed
        self._told_done = False

    def new_processor(self) -> Processor:
        """Return a fresh processor for this run, which knows every secret that was announced."""
        settings = self._settings
        return Processor(
            self.nonce,
            self.secrets,
            cr=settings.cr,
            max_line_bytes=settings.max_line_bytes,
            max_markers=settings.max_markers,
        )

    @property
    def over(self) -> bool:
        """The store has the end, or never will."""
        return self.phase in (Phase.DRAINING, Phase.CLOSED)

    @property
    def waits_to_begin(self) -> bool:
        """The task's process waits for the answer to its claim (a successor's has had it)."""
        return self.phase is Phase.CLAIMING and not self.again

    @property
    def backlog_bytes(self) -> int:
        """Output in the spool that is not an entry yet."""
        return self.limit - self.processor.consumed

    @property
    def limit(self) -> int:
        """Offset up to which the raw stream is known to be the task's output."""
        end = self.end
        return end.at if end else self.spool.position

    @property
    def unstored_bytes(self) -> int:
        """Output that the store has not got, what lies in the pipes included."""
        waiting = 0 if self.end else sum(readable_bytes(pipe) for pipe in self.pipes)
        return self.limit - self.stored_to + waiting

    @property
    def in_sequence(self) -> bool:
        """The last that was taken is the beginning of one of our sequences: nothing may be put behind it."""
        if self.spool.read(max(0, self.spool.position - 1), 1) in (b"\n", b"\x07"):
            return False  # so nearly always; neither is inside of one
        prefix = sequence_prefix(self.nonce)
        tail = self.spool.read(max(0, self.spool.position - MAX_SEQUENCE_BYTES), MAX_SEQUENCE_BYTES)
        begun = tail[tail.rfind(b"\x1b") :] if b"\x1b" in tail else b""
        return bool(begun) and (prefix.startswith(begun) or (begun.startswith(prefix) and b"\x07" not in begun))

    def keep_end(self, end: End) -> None:
        """Take the end of the task, and keep it for a successor first: its message comes only once."""
        self.journal.write("end", json.dumps(asdict(end)).encode())
        if not self.end:
            self.end_seen = time.monotonic()
        self.end = end

    def mark(self, now_ms: int) -> None:
        """Remember when the newest bytes were read."""
        with self.lock:
            if len(self.marks) >= MAX_MARKS:
                # Half as exact, for an outage of any length.
                self.marks = deque(list(self.marks)[1::2])
            self.marks.append((self.spool.position, now_ms))

    def written_ms(self, offset: int) -> int | None:
        """When the byte at ``offset`` was read, None if unknown. Call with the lock held."""
        while self.marks and self.marks[0][0] <= offset:
            self.marks.popleft()
        return self.marks[0][1] if self.marks else None

    def peek_child(self) -> dict[str, Any] | None:
        """Return the next message of the task's process, which stays in its socket; {} at its end. Take secrets."""
        while True:
            self.hear_secrets()
            try:
                data = self._private.recv(channel.MAX_BYTES, socket.MSG_DONTWAIT | socket.MSG_PEEK)
            except BlockingIOError:
                return None
            except OSError:
                return {}
            message = self._unpack(data) if data else {}
            # Another process may have announced something since we looked.
            if message.get("op") != "mask":
                return message

    def _unpack(self, data: bytes) -> dict[str, Any]:
        """Return a message of the task's process; one of no kind if it cannot be read."""
        try:
            return dict(channel.unpack(data))
        except ValueError as error:
            log.error("run %s: a message of its process is ignored: %s", self.id, error)
            return {"op": ""}

    def hear_secrets(self) -> None:
        """Take what the task's process, and those forked from it, want masked.

        Like the end, each announcement is kept for a successor before it is
        removed from the socket. Those behind an end are heard as well, and
        removed when that is.
        """
        behind = 0
        while record := self._peek(behind):
            if self._unpack(record).get("op") == "mask":
                self._hear_announcement(behind)
                if not behind:
                    self.take_child()
                    continue
            behind += len(record)

    def _hear_announcement(self, behind: int) -> None:
        try:
            with self._peeking(behind):
                found = announcing.unpack(announcing.read(*channel.take(self._private, peek=True)))
        except ValueError:
            log.exception("run %s: an announcement of secrets cannot be read", self.id)
            return
        new = [secret for secret in dict.fromkeys(found) if secret not in self._known]
        if new:
            self.journal.add(announcing.pack(new))
            self._known.update(new)
            with self.lock:
                self.secrets += new
                self.processor.masker.add(new)

    def _peek(self, behind: int) -> bytes:
        """Return the record behind so many bytes of others, which stays in the socket; empty if there is none."""
        try:
            with self._peeking(behind):
                return self._private.recv(channel.MAX_BYTES, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except OSError:
            return b""

    @contextlib.contextmanager
    def _peeking(self, behind: int) -> Iterator[None]:
        if not behind:
            yield
            return
        self._private.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, behind)
        try:
            yield
        finally:
            self._private.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, -1)

    def take_child(self) -> None:
        """Remove the message that :meth:`peek_child` showed."""
        try:
            self._private.recv(65536, socket.MSG_DONTWAIT)
        except OSError:
            pass

    def tell_child(self, message: messages.ToTask) -> None:
        """Send to the task's process; a dead one does not matter."""
        try:
            flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
            self._private.send(channel.pack(message), flags)
        except OSError:
            pass

    def go(self, attempt: int, phase: Phase) -> None:
        """Let the task begin (called by the reader before the sender knows the run, by the sender afterwards)."""
        self.phase = phase
        self.tell_child(messages.Go(op="go", run=self.id, attempt=attempt))

    def go_unclaimed(self) -> None:
        """Let the task begin while the store is away; the attempt is a guess."""
        self.go(int(self.record.get("retries") or 0) + 1, Phase.UNCLAIMED)

    def tell_done(self) -> None:
        """Tell the task's process to go on: its output is safe, and no signal follows."""
        if not self._told_done:
            self._told_done = True
            self.tell_child(messages.Done(op="done"))

    def drop(self, size_bytes: int, *, exact: bool = False) -> int:
        """Drop the oldest output that is not an entry yet, up to the end of a line (``exact``: not a byte more).

        Answers how many bytes went. How far is kept for a successor first.
        """
        with self.lock:
            processor = self.processor
            start = processor.consumed
            stop = min(self.limit, start + size_bytes)
            end = stop if exact else self.limit
            while processor.consumed < stop:
                block = self.spool.read(processor.consumed, min(65536, end - processor.consumed))
                if processor.consumed + len(block) >= stop:
                    block = block[: block.rfind(b"\n") + 1] or block
                processor.skip(block)
            self.journal.write("drop", json.dumps({"upto": processor.consumed}).encode())
            self.spool.release(processor.consumed, now=True)
            return processor.consumed - start

    def close(self) -> None:
        """Close this process's descriptors (the keeper has its own)."""
        self._private.close()
        for fd in (*self.pipes, self.pidfd, self.spool.memfd):
            if fd is not None:
                os.close(fd)

    def _journaled_end(self) -> End | None:
        kept = self.journal.read("end")
        return End(**json.loads(kept[0])) if kept else None
