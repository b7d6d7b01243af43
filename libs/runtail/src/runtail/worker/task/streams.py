"""Python's and C's output streams, adapted to a pipe and to the time between runs.

A run's ``sys.stdout`` and ``sys.stderr`` are its own objects, directly on descriptors 1 and 2, created when it
begins. Whatever a task does to them (closing, detaching, another encoding, ``os.dup2`` over descriptor 1) ends with
the run. Code that keeps one of them, such as a logging handler, can go on writing: descriptor 1 is the next run's
by then.
"""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO

from runtail.worker.task import threads
from runtail.worker.task.redirect import Redirection, write_all

_IOLBF = 1
_NAMES = ("stdout", "stderr", "__stdout__", "__stderr__")


def _keep_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write undecodable file names as their original bytes, and anything else escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    try:
        return text.encode("utf-8", "surrogateescape"), error.end
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace"), error.end


codecs.register_error("runtail", _keep_bytes)


class _Descriptor(io.FileIO):
    """Descriptor 1 or 2, unbuffered; :meth:`write` writes everything.

    A buffer below the text stream would add another layer for each line, and would lose the data that does not fit into
    a pipe that a subprocess made non-blocking.
    """

    #: The worker's own output, for threads of runs that are over.
    own_fd: int

    def write(self, data: Any, /, _write: Any = io.FileIO.write) -> int:
        if threads.any_known and threads.is_foreign():
            text = bytes(data).decode("utf-8", "surrogateescape")
            write_all(self.own_fd, threads.told_apart(text).encode("utf-8", "surrogateescape"))
            return len(data)
        written: int | None = _write(self, data)
        if written != len(data):
            rest = memoryview(data).cast("B")
            write_all(self.fileno(), rest[written or 0 :])
            return rest.nbytes
        return written

    @property
    def raw(self) -> io.FileIO:
        """The object itself: a buffer has its underlying stream here."""
        return self

    def seekable(self) -> bool:
        # Otherwise a stream that began on a regular file (celery worker > log) would keep asking for its position.
        return False

    def close(self) -> None:
        """Stay open: a text stream that a task put on top closes this when it is garbage-collected."""


class _Stream(io.TextIOWrapper):
    """A standard stream; closing it only flushes it."""

    mode = "w"
    #: Takes the output of threads of ended runs.
    outside: TextIO

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.flush()


class _GuardedStream(_Stream):
    """Used while threads of ended runs are alive: it checks which thread writes, which costs a little."""

    def write(self, text: str, /) -> int:
        if threads.is_foreign():
            self.outside.write(threads.told_apart(text))
            return len(text)
        return super().write(text)

    def flush(self) -> None:
        # Even the run's unfinished output must not be flushed by a foreign thread.
        if not threads.is_foreign():
            super().flush()


class Streams:
    """The standard streams of this process."""

    def __init__(self) -> None:
        self._redirection = Redirection()
        #: The worker's own output, by descriptor: a run leaves it alone.
        self.own = {
            fd: os.fdopen(own, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
            for fd, own in enumerate(self._redirection.own, start=1)
        }
        #: The streams for logging handlers, by descriptor: the current run, or the worker's own output between runs.
        self.kept = {fd: self._make(fd, _GuardedStream, self.own[fd]) for fd in (1, 2)}
        self._run: dict[int, _Stream] = {}
        #: The streams on ``sys`` outside of runs, by name.
        self._outer: dict[str, Any] = {name: getattr(sys, name, None) for name in _NAMES}
        self._threads_before: frozenset[threading.Thread] = frozenset()
        self._libc: Any = None
        self._prepare_old_streams()
        self._prepare_c()
        # A forked child would inherit the unwritten output and write it a second time.
        os.register_at_fork(before=self._flush_run)

    def _flush_run(self) -> None:
        if self._run:
            self.flush()

    def _make(self, fd: int, kind: type[_Stream], outside: TextIO) -> _Stream:
        descriptor = _Descriptor(fd, "w", closefd=False)
        descriptor.own_fd = self._redirection.own[fd - 1]
        descriptor.name = "<stdout>" if fd == 1 else "<stderr>"
        stream = kind(descriptor, encoding="utf-8", errors="runtail", line_buffering=True)
        stream.outside = outside
        return stream

    def _prepare_old_streams(self) -> None:
        # Do this now, while they are still on whatever the worker was started with:
        # later reconfigure() may raise ESPIPE (a worker writing to a file).
        for stream in (sys.__stdout__, sys.__stderr__):
            if isinstance(stream, io.TextIOWrapper):
                with contextlib.suppress(OSError, ValueError):
                    stream.reconfigure(line_buffering=True)

    def _prepare_c(self) -> None:
        try:
            self._libc = ctypes.CDLL(None)
            # C block-buffers everything that is not a terminal; lines are wanted live.
            out = ctypes.c_void_p.in_dll(self._libc, "stdout")
            self._libc.setvbuf(out, None, _IOLBF, 0)
        except (OSError, ValueError, AttributeError):
            # Not glibc: C output then comes in blocks, and at the end at the latest.
            pass

    def prepare(self) -> None:
        """Repair descriptors 1 and 2, before a run opens anything that could get their numbers.

        :raises OSError: if that is impossible.
        """
        self._redirection.prepare()

    def begin(self, out: int, err: int) -> None:
        """Point descriptors 1 and 2, and everything above them, at *out* and *err*.

        :raises OSError: if that fails; then nothing was changed.
        """
        self.flush()
        for name in _NAMES:
            stream = getattr(sys, name, None)
            # An earlier run's stream may be on ``sys``: something that the run left open put it back.
            if not isinstance(stream, _Stream):
                self._outer[name] = stream
        self._threads_before = frozenset(threading.enumerate())
        kind = _GuardedStream if threads.any_left() else _Stream
        self._redirection.begin(out, err)
        try:
            self._run = {
                fd: self._make(fd, kind, self._outside(self._outer[name], fd))
                for fd, name in enumerate(_NAMES[:2], start=1)
            }
        except BaseException:
            self._redirection.end()
            raise
        for name in _NAMES:
            setattr(sys, name, self._run[1 if "out" in name else 2])

    def _outside(self, outer: Any, fd: int) -> TextIO:
        """Return where printing went before the run: Celery's log, unless it was the descriptor itself."""
        stream: TextIO = self.own[fd] if outer is None or fd_of(outer) is not None else outer
        return stream

    def end(self) -> None:
        """Restore everything; output that was written before still reaches the run."""
        self.flush()
        if threads.leave_behind(self._threads_before):
            for stream in self._run.values():
                stream.__class__ = _GuardedStream
            self.adopt_handlers()
        for name, outer in self._outer.items():
            _disown(getattr(sys, name, None))
            setattr(sys, name, outer)
        self._run = {}
        self._redirection.end()

    def flush(self) -> None:
        """Write out what Python and C still hold, even if streams were closed or replaced."""
        seen: set[int] = set()
        now = (getattr(sys, name, None) for name in _NAMES)
        for stream in (*now, *self._run.values(), *self._outer.values(), *self.kept.values()):
            if stream is None or id(stream) in seen:
                continue
            seen.add(id(stream))
            # Some are the task's own objects.
            with contextlib.suppress(Exception):
                stream.flush()
        if self._libc is not None:
            self._libc.fflush(None)

    def adopt_handlers(self) -> None:
        """Make logging handlers that write to fds 1 and 2 write through streams that stay."""
        for logger in all_loggers():
            for handler in logger.handlers:
                fd = handler_fd(handler)
                if fd is not None and isinstance(handler, logging.StreamHandler):
                    handler.stream = self.kept[fd]

    def reaches_logging(self) -> bool:
        """Return True if a task's log records can come out on fd 1 or 2."""
        return all(
            any(handler_fd(handler) is not None for handler in effective_handlers(logging.getLogger(name)))
            for name in ("", "celery.task")
        )


def _disown(stream: Any) -> None:
    """Close a stream that a task left behind, if it would close descriptor 1 or 2 later, when others use it."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(stream, io.TextIOWrapper):
            stream = stream.buffer
        if isinstance(stream, io.BufferedWriter):
            stream = stream.raw
        if isinstance(stream, io.FileIO) and stream.closefd and stream.fileno() in (1, 2):
            stream.close()


def all_loggers() -> Iterator[logging.Logger]:
    """Yield the root logger and every logger created so far."""
    yield logging.getLogger()
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def effective_handlers(logger: logging.Logger) -> list[logging.Handler]:
    """Return the handlers that receive the records logged to *logger*."""
    found: list[logging.Handler] = []
    current: logging.Logger | None = logger
    while current is not None:
        found.extend(current.handlers)
        if not current.propagate:
            break
        current = current.parent
    return found


def handler_fd(handler: logging.Handler) -> int | None:
    """Return 1 or 2 if the handler writes there, else None."""
    return fd_of(getattr(handler, "stream", None)) if isinstance(handler, logging.StreamHandler) else None


def fd_of(stream: Any) -> int | None:
    """Return 1 or 2 if the stream writes there, else None."""
    try:
        fd = stream.fileno()
        return fd if fd in (1, 2) else None
    except Exception:  # noqa: BLE001 - it may be anybody's object
        return None
