"""The data about one execution of a task that the shipper's two threads share.

The reader fills the spool and notices the end of the task; the sender turns the
spool into entries. ``lock`` guards the processor and ``marks``; each other
attribute is written by only one of the two threads (named beside it), whole values at a time.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final

from runtail import header, labels
from runtail.settings import Settings
from runtail.worker import announcing, channel, messages
from runtail.worker.board import Board
from runtail.worker.inband import sequence_prefix
from runtail.worker.shipper.output.journal import Journal
from runtail.worker.shipper.output.markers import MAX_SEQUENCE_BYTES
from runtail.worker.shipper.output.processor import Processor
from runtail.worker.shipper.output.spool import Spool, readable_bytes

log = logging.getLogger(__name__)

#: A Linux socket option that the module ``socket`` does not name: the offset at which peeking begins.
_SO_PEEK_OFF: Final = 42
#: How many times of reads are kept, for entries that are made later, while the store is away.
MAX_MARKS: Final = 4096


@dataclass(frozen=True, slots=True)
class End:
    """The task is over."""

    #: The outcome that the task's process sent; None when it died without sending one.
    outcome: dict[str, Any] | None
    #: Offset in the raw stream at which the task's own output ends; later bytes are late.
    at: int
    #: Wall clock, milliseconds.
    at_ms: int
    #: The store has the end: a successor only handles what comes later.
    stored: bool = False
    #: If stored: the state in which it ended, and the bytes that earlier attempts had counted as late.
    state: str = ""
    #: Which execution of its id this was; 0 if unknown.
    execution: int = 0
    #: The bytes that the keeper had dropped by then.
    dropped: int = 0
    late_before: int = 0


class Phase(Enum):
    """How far an execution is; each phase leads to the next one, or to one further down."""

    #: The store is asked for the run; the task waits for the answer.
    CLAIMING = "claiming"
    #: The same, but the task has begun without waiting: the store is away (the reader may set this phase).
    UNCLAIMED = "unclaimed"
    #: The run is ours: output becomes entries.
    SHIPPING = "shipping"
    #: All output has become entries and the outcome is decided; it must still be stored.
    ENDING = "ending"
    #: The run is not ours, or not any more: output is dropped until the task has ended.
    DISCARDING = "discarding"
    #: The store has the end, or never will: only late output is taken from the pipe.
    DRAINING = "draining"
    #: Nothing is taken any more: the reader (which may set this phase) closes the descriptors.
    CLOSED = "closed"


def failure(record: messages.Start) -> messages.Refuse | messages.Unrecorded:
    """Return the answer to a task's process when Runtail failed: a task that Runtail started must not run unseen."""
    said = "Runtail failed; see what its shipper logged"
    if record.get("headers") is None:
        return messages.Unrecorded(op="unrecorded", message=said)
    return messages.Refuse(op="refuse", message=said)


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended, as far as anybody knows."""

    signal: int | None = None
    exit_status: int | None = None
    why: str = ""
    #: Celery revoked the run, and will say whether that is the reason.
    revoked: bool = False

    @property
    def timed_out(self) -> bool:
        """Whether a hard time limit killed it: the worker's main process reports this before it kills."""
        return "time limit" in self.why


class ShippedRun:
    """One execution: its record, its descriptors, and how far it is."""

    def __init__(self, record: messages.Start, fds: list[int], settings: Settings) -> None:
        self.record = record
        self.key: str = record["key"]
        self.id: str = record["run"]
        #: The id of the task's process, by which the processes that it left behind are told from others.
        self.pid = int(record.get("pid") or 0)
        self.nonce = str(record.get("nonce") or "")
        self.again = bool(record.get("again"))
        #: The bytes that the keeper dropped while no shipper lived.
        self.dropped_outside = int(record.get("dropped") or 0)
        #: The message's header, checked again: it came through a process that executes other people's code.
        self.headers: dict[str, Any] | None = None
        self.header_flaw = str(record.get("header_flaw") or "")
        #: The labels that the task declares.
        self.labels = labels.checked(record.get("labels", {}))
        try:
            self.headers = header.read(record.get("headers"), self.id)
        except header.BadHeader as error:
            self.header_flaw = str(error)
        pipes = 2 if record.get("split") else 1
        self.pipes = fds[:pipes]
        self._private = socket.socket(fileno=fds[pipes])
        self.private = self._private.fileno()
        # Between private socket and spool.
        more = fds[pipes + 1 : -1]
        board = more.pop() if record.get("board") and more else None
        self.pidfd: int | None = more[0] if more else None
        self._board_fd = board
        self._board = Board(board) if board is not None else None
        self.spool = Spool(fds[-1])
        self.journal = Journal(fds[-1])
        self._settings = settings
        #: The secrets that the task's process announced, in its order; the list only grows.
        self.secrets = [secret for kept in self.journal.records for secret in announcing.unpack(kept)]
        self._known = set(self.secrets)
        self.processor = self.new_processor()
        if self.again:
            # A guess that only limits memory; the claim says which state is right.
            for saved in self.journal.read("state")[:1]:
                self.processor.restore(saved)
        self.lock = threading.Lock()
        #: (offset, milliseconds): everything up to the offset had been read by then.
        self.marks: deque[tuple[int, int]] = deque()
        #: Reader: the end, what is known of the death, and bytes after the end.
        self.end = self._journaled_end()
        self.end_seen = time.monotonic() if self.end else 0.0
        self.death: Death | None = None
        self.late_bytes = 0
        #: Reader: no more output can come (every writer is gone).
        self.silent = False
        #: Reader: the run is over, and its pipe is closed although some process may hold it.
        self.let_go = False
        #: Reader: what the worker's main process did to end the tree.
        self.cancelled: messages.Cancelled | None = None
        #: Reader: Celery revoked the run and signalled its process.
        self.revoked: messages.Revoked | None = None
        #: Reader: whether the worker's main process knows of a revocation; None until it has answered.
        self.revocation_expected: bool | None = None
        #: Sender, except where the value's comment names the reader.
        self.phase = Phase.CLAIMING
        #: Sender: offset up to which the store has the output.
        self.stored_to = self.processor.consumed
        self._told_done = False

    def new_processor(self) -> Processor:
        """Return a fresh processor for this run; it knows every secret that was announced."""
        settings = self._settings
        return Processor(
            self.nonce,
            self.secrets,
            cr=settings.cr,
            max_line_bytes=settings.max_line_bytes,
            max_markers=settings.max_markers,
            declared=self.labels,
        )

    @property
    def over(self) -> bool:
        """Whether the store has the end, or never will."""
        return self.phase in (Phase.DRAINING, Phase.CLOSED)

    @property
    def waits_to_begin(self) -> bool:
        """Whether the task's process waits for the answer to its claim (a successor's has had its answer)."""
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
        """Output that the store does not have, including output that is still in the pipes."""
        waiting = 0 if self.end else sum(readable_bytes(pipe) for pipe in self.pipes)
        return self.limit - self.stored_to + waiting

    @property
    def in_sequence(self) -> bool:
        """Whether the newest output is the beginning of one of our sequences: nothing may be inserted after it."""
        if self.spool.read(max(0, self.spool.position - 1), 1) in (b"\n", b"\x07"):
            return False  # almost always so: neither byte occurs inside a sequence
        prefix = sequence_prefix(self.nonce)
        tail = self.spool.read(max(0, self.spool.position - MAX_SEQUENCE_BYTES), MAX_SEQUENCE_BYTES)
        begun = tail[tail.rfind(b"\x1b") :] if b"\x1b" in tail else b""
        return bool(begun) and (prefix.startswith(begun) or (begun.startswith(prefix) and b"\x07" not in begun))

    def keep_end(self, end: End) -> None:
        """Take the end of the task, but keep it for a successor first: the end's message comes only once."""
        self.journal.write("end", json.dumps(asdict(end)).encode())
        if not self.end:
            self.end_seen = time.monotonic()
        self.end = end

    def mark(self, now_ms: int) -> None:
        """Remember when the newest bytes were read."""
        with self.lock:
            if len(self.marks) >= MAX_MARKS:
                # Half as exact, but enough for an outage of any length.
                self.marks = deque(list(self.marks)[1::2])
            self.marks.append((self.spool.position, now_ms))

    def written_ms(self, offset: int) -> int | None:
        """Return when the byte at ``offset`` was read, None if unknown. Call with the lock held."""
        while self.marks and self.marks[0][0] <= offset:
            self.marks.popleft()
        return self.marks[0][1] if self.marks else None

    def peek_child(self) -> dict[str, Any] | None:
        """Return the task process's next message without removing it; {} at the socket's end. Take secrets."""
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
        """Return a message of the task's process; a message without a kind if it cannot be read."""
        try:
            return dict(channel.unpack(data))
        except ValueError as error:
            log.error("run %s: a message of its process is ignored: %s", self.id, error)
            return {"op": ""}

    def hear_secrets(self) -> None:
        """Take the secrets that the task's process, and processes forked from it, announce.

        Like the end, each announcement is kept for a successor before it is
        removed from the socket. Announcements after an end are taken as well, and
        are removed when the end is.
        """
        if self._board is not None:
            # A successor finds them there, too.
            self._learn(self._board.news())
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
            self._learn(new)

    def _learn(self, secrets: Sequence[bytes]) -> None:
        new = [secret for secret in dict.fromkeys(secrets) if secret not in self._known]
        if new:
            self._known.update(new)
            with self.lock:
                self.secrets += new
                self.processor.masker.add(new)

    def _peek(self, behind: int) -> bytes:
        """Return the record after *behind* bytes of others, without removing it; empty if there is no record."""
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
        """Remove the message that :meth:`peek_child` returned."""
        try:
            self._private.recv(65536, socket.MSG_DONTWAIT)
        except OSError:
            pass

    def tell_child(self, message: messages.ToTask) -> None:
        """Send to the task's process; it does not matter if that is dead."""
        try:
            flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
            self._private.send(channel.pack(message), flags)
        except OSError:
            pass

    def go(self, attempt: int, phase: Phase) -> None:
        """Let the task begin (the reader calls this before the sender knows the run, the sender afterwards)."""
        self.phase = phase
        self.tell_child(messages.Go(op="go", run=self.id, attempt=attempt))

    def go_unclaimed(self) -> None:
        """Let the task begin while the store is away; the attempt number is a guess."""
        self.go(int(self.record.get("retries") or 0) + 1, Phase.UNCLAIMED)

    def tell_done(self) -> None:
        """Tell the task's process to go on: its output is safe, and no signal follows."""
        if not self._told_done:
            self._told_done = True
            self.tell_child(messages.Done(op="done"))

    def drop(self, size_bytes: int, *, exact: bool = False) -> int:
        """Drop the oldest output that is not an entry yet, up to the end of a line (``exact``: not a byte more).

        Returns how many bytes were dropped. The new offset is kept for a successor first.
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
        for fd in (*self.pipes, self.pidfd, self._board_fd, self.spool.memfd):
            if fd is not None:
                os.close(fd)

    def _journaled_end(self) -> End | None:
        kept = self.journal.read("end")
        return End(**json.loads(kept[0])) if kept else None
