"""A pool child's work for one run, from the claim to the answer to its end.

The order of steps is the point of this file. Each step's place was found by
killing processes between two other steps; the reasons are beside the code.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import signal
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from runtail.masking.mask import Masker
from runtail.worker import board, channel, messages
from runtail.worker.board import Board
from runtail.worker.task import current
from runtail.worker.task.connection import HELD_SIGNALS, SLICE_SECONDS, Connection, StopRequested, Unrecorded
from runtail.worker.task.redirect import write_all
from runtail.worker.task.streams import Streams

log = logging.getLogger("celery.runtail")

#: How long to wait for the answer to the end of a run. This answer is the fence for
#: cancelling: after it, no signal for this run is sent.
DONE_SECONDS = 5.0
#: How long the keeper may take to confirm that it holds the pipe.
KEPT_SECONDS = 5.0
#: The shipper's answers once it has asked for the run.
_ANSWERS = ("go", "refuse", "unrecorded")


class Refused(Exception):
    """The run may not be executed: it has ended, or somebody else executes it.

    :param fails: nobody else will store a result for the task's id, so this must be stored as its result.
    """

    def __init__(self, message: str, *, fails: bool = False) -> None:
        super().__init__(message)
        self.fails = fails


class TurnedAway(Unrecorded):
    """The shipper answered that this one execution is not recorded."""


class Execution:
    """One run in this process, between :meth:`open` and :meth:`finish`."""

    def __init__(
        self, connection: Connection, streams: Streams, run_id: str, attempt: int, nonce: str, masker: Masker
    ) -> None:
        self.connection = connection
        self.streams = streams
        self.run_id = run_id
        self.attempt = attempt
        self.nonce = nonce
        self.masker = masker
        self._board = Board(connection.board)
        #: Why the output is not recorded; None if it is.
        self.unrecorded: str | None = None
        #: Functions that restore the earlier state, called last first.
        self._undo: list[Callable[[], object]] = []

    def begin(self, fallback_handler: Callable[[], logging.Handler]) -> None:
        """Point fds 1 and 2, and everything above them, at the run. If that fails, call :meth:`refrain` or :meth:`end`.

        :raises Exception: anything.
        """
        writing, environment = self.connection.writing, self._new_environment()
        # This is first in and last out: it tells the threads of earlier runs apart.
        current.enter(self._context(frozenset(environment)))
        self._undo.append(current.leave)
        self.streams.begin(writing[0], writing[-1])
        self._undo.append(self.streams.end)
        if not self.streams.reaches_logging():
            # The worker logs to a file: the task's log lines must appear here too.
            handler = fallback_handler()
            for name in ("", "celery.task"):
                logging.getLogger(name).addHandler(handler)
                self._undo.append(functools.partial(logging.getLogger(name).removeHandler, handler))
        before = {name: os.environ.get(name) for name in environment}
        self._undo.append(functools.partial(_restore_environment, before))
        os.environ.update(environment)

    def refrain(self, why: str) -> None:
        """Do not record the output, and say so in the run. Call this instead of :meth:`begin`, or after that failed."""
        self.unrecorded = why
        self._put_back()
        text = f"Runtail does not record the output of this run, which is in its worker's log: {why}"
        with contextlib.suppress(OSError):
            self._context().say({"op": "warning", "text": text[:2000]})
        self.connection.close_pipes()

    def _context(self, environment: frozenset[str] = frozenset()) -> current.Context:
        fd, private = self.connection.writing[0], self.connection.ours
        return current.Context(
            self.run_id, self.attempt, self.nonce, fd, private, self.masker, self._board, environment
        )

    def learn(self) -> None:
        """Take note of the secrets that programs have announced."""
        self.masker.add(self._board.news())

    def write(self, text: str) -> None:
        """Add *text* (the traceback of a failure) to the task's output, as lines of its own."""
        if self.unrecorded is None:
            self.streams.flush()
            # A progress bar or half a line of a subprocess may come before it.
            begin = self._context().sequence({"op": "own-line"})
            with contextlib.suppress(OSError):
                write_all(self.connection.writing[-1], begin + text.encode("utf-8", "backslashreplace"))

    def end(self) -> None:
        """Restore everything as it was before :meth:`begin`. Cannot fail."""
        self._put_back()
        self.connection.close_pipes()

    def _put_back(self) -> None:
        while self._undo:
            undo = self._undo.pop()
            try:
                undo()
            except Exception:
                log.exception("Runtail: after run %s the process could not be restored completely", self.run_id)

    def report(self, outcome: dict[str, Any]) -> None:
        """Send the outcome and wait, for a limited time, until it is stored. Cannot fail."""
        try:
            channel.send(self.connection.ours, messages.End(op="end", outcome=outcome))
            answer = self._wait_for_done()
        except (OSError, EOFError):
            answer = None
        except Exception:
            log.exception("Runtail: the end of run %s was not reported", self.run_id)
            return
        if answer is None:
            log.warning("Runtail: nobody confirmed the end of run %s", self.run_id)

    def _wait_for_done(self) -> dict[str, Any] | None:
        while True:
            try:
                message = self.connection.wait(("done", "wait"), DONE_SECONDS)
            except StopRequested:
                # The process is about to end; the run's end must be known first.
                message = self._wait_with_signal_pending()
            if message is None or message["op"] == "done":
                return message

    def _wait_with_signal_pending(self) -> dict[str, Any] | None:
        deadline = time.monotonic() + DONE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            received = channel.receive(self.connection.ours, left)
            if received is not None and received[0]["op"] in ("done", "wait"):
                return dict(received[0])
        return None

    def close(self) -> None:
        """Close the private socket."""
        # A task may have closed every descriptor that it found.
        with contextlib.suppress(OSError):
            self.connection.close()

    def _new_environment(self) -> dict[str, str]:
        """Return the variables to set for the duration of the run."""
        wanted = {
            "RUNTAIL_RUN": f"{self.run_id}.{self.attempt}",
            board.VARIABLE: board.path_of(self.connection.board),
            "PYTHONUNBUFFERED": "1",
        }
        if "FORCE_COLOR" in os.environ and "TTY_INTERACTIVE" not in os.environ:
            # Colours, but no animations: in rich, the first setting implies the second.
            wanted["TTY_INTERACTIVE"] = "0"
        return wanted


def _restore_environment(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def new_record(**fields: Any) -> dict[str, Any]:
    """Return the first message of an execution, made small enough to send."""
    return {
        "op": "run",
        "key": str(uuid.uuid4()),
        "nonce": secrets.token_hex(8),
        "pid": os.getpid(),
        "tty": False,
        **fields,
    }


def open_execution(
    record: dict[str, Any],
    send: Callable[[dict[str, Any], list[int]], bool],
    streams: Streams,
    patience_seconds: float,
    secrets: Sequence[Sequence[bytes]],
    masker: Masker,
) -> Execution:
    """Hand the run over and wait until it may start (steps 1 to 4).

    A run that Runtail started (it has headers) waits without limit.
    Any other task must not suffer from Runtail being away: it runs after
    *patience_seconds*, recorded if at least the keeper holds its pipe.

    :param secrets: to be masked; first those that many runs have in common.
    :param masker: knows these secrets.
    :raises Refused: with the reason.
    :raises Unrecorded: with the reason.
    :raises StopRequested: if a signal arrived meanwhile.
    """
    announced = record["headers"] is not None
    said = 0.0
    while True:
        try:
            connection = Connection(record, send)
        except (OSError, Unrecorded) as error:
            if not announced:
                raise Unrecorded(str(error)) from error
            said = _complain(said, record, str(error))
            _pause()
            continue
        try:
            for batch in secrets:
                connection.announce(batch)
            answer = _wait_for_go(connection, None if announced else patience_seconds)
        except EOFError:
            # The keeper died with the record; its successor knows nothing of the record.
            connection.close()
            if not announced and not connection.kept:
                raise Unrecorded("the keeper is gone") from None
            said = _complain(said, record, "the keeper is gone")
            _pause()
            continue
        except BaseException:
            connection.close()
            raise
        if answer is not None and answer["op"] == "refuse":
            connection.close()
            raise Refused(str(answer.get("message")), fails=bool(answer.get("fails")))
        if answer is not None and answer["op"] == "unrecorded":
            connection.close()
            raise TurnedAway(str(answer.get("message")))
        if answer is None and not connection.kept:
            connection.close()
            raise Unrecorded("the keeper does not answer")
        attempt = int(answer.get("attempt") or 0) if answer is not None else 0
        return Execution(connection, streams, record["run"], attempt, record["nonce"], masker)


def _wait_for_go(connection: Connection, seconds: float | None) -> dict[str, Any] | None:
    if seconds is not None:
        first = connection.wait(("kept", *_ANSWERS), KEPT_SECONDS)
        if first is None or first["op"] != "kept":
            return first
    # The shipper decides after its own patience; give it a little more time.
    return connection.wait(_ANSWERS, None if seconds is None else seconds + 3.0)


def _pause() -> None:
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        if signal.sigpending() & HELD_SIGNALS:
            raise StopRequested
        time.sleep(SLICE_SECONDS)


def _complain(last: float, record: dict[str, Any], why: str) -> float:
    now = time.monotonic()
    if now - last < 30.0:
        return last
    log.warning("Runtail: run %s waits for its worker's keeper: %s", record["run"], why)
    return now


def format_exception(error: BaseException) -> str:
    """Return the traceback of *error* as text."""
    return "".join(traceback.format_exception(error))


def hold_signals() -> set[signal.Signals]:
    """Hold back the signals that end a task; return the mask to restore."""
    return {signal.Signals(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)}


def release_signals(mask: set[signal.Signals]) -> None:
    """Deliver the signals that were held back."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
