"""Python's and C's output streams, made fit for a pipe and for life between runs.

One :class:`Streams` per process. Its two text streams write to private
descriptors with fixed numbers: during a run they lead to the run's pipe,
otherwise to the worker's own output. Objects that somebody keeps (a logging
handler, a library's console) therefore stay valid from run to run.
"""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import io
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from runtail.capture.descriptors import put_aside

_IOLBF = 1


def _keep_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write undecodable file names as the bytes they were, and anything else escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    try:
        return text.encode("utf-8", "surrogateescape"), error.end
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace"), error.end


codecs.register_error("runtail", _keep_bytes)


class _Stream(io.TextIOWrapper):
    """A standard stream that a task cannot close: the next run needs it."""

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.flush()


def _open(fd: int) -> _Stream:
    raw = io.FileIO(fd, "w", closefd=False)
    return _Stream(io.BufferedWriter(raw), encoding="utf-8", errors="runtail", line_buffering=True)


class Streams:
    """This process's standard streams during runs."""

    def __init__(self) -> None:
        self.out_fd = put_aside(1)
        self.err_fd = put_aside(2)
        self.out = _open(self.out_fd)
        self.err = _open(self.err_fd)
        self._previous: tuple[Any, Any] | None = None
        self._libc: Any = None
        self._prepare_old_streams()
        self._prepare_c()

    def _prepare_old_streams(self) -> None:
        # Now, while they are still on whatever the worker was started with:
        # later reconfigure() may raise ESPIPE (a worker writing to a file).
        for stream in (sys.__stdout__, sys.__stderr__):
            if isinstance(stream, io.TextIOWrapper):
                with contextlib.suppress(OSError, ValueError):
                    stream.reconfigure(line_buffering=True)

    def _prepare_c(self) -> None:
        try:
            self._libc = ctypes.CDLL(None)
            # C block-buffers what is not a terminal; lines are wanted live.
            out = ctypes.c_void_p.in_dll(self._libc, "stdout")
            self._libc.setvbuf(out, None, _IOLBF, 0)
        except (OSError, ValueError, AttributeError):
            # Not glibc: C output then comes in blocks, and at the end at the latest.
            pass

    def install(self) -> None:
        """Put the streams on ``sys``, remembering what was there."""
        if self.out.closed or self.out.buffer.closed:
            self.out = _open(self.out_fd)
        if self.err.closed or self.err.buffer.closed:
            self.err = _open(self.err_fd)
        self._previous = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = self.out, self.err

    def restore(self) -> None:
        """Put back what :meth:`install` found."""
        if self._previous is not None:
            sys.stdout, sys.stderr = self._previous
            self._previous = None

    def flush(self) -> None:
        """Write out what Python and C still hold, whoever closed or replaced what."""
        seen: set[int] = set()
        for stream in (sys.stdout, sys.stderr, self.out, self.err, sys.__stdout__, sys.__stderr__):
            if stream is None or id(stream) in seen:
                continue
            seen.add(id(stream))
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        if self._libc is not None:
            self._libc.fflush(None)

    def adopt_handlers(self) -> None:
        """Let logging handlers that write to fds 1 and 2 write through these streams.

        They then have an open file of their own too, and lose no line to a
        subprocess that made the shared one non-blocking.
        """
        for logger in all_loggers():
            for handler in logger.handlers:
                fd = handler_fd(handler)
                if fd is not None and isinstance(handler, logging.StreamHandler):
                    handler.stream = self.out if fd == 1 else self.err

    def reaches_logging(self) -> bool:
        """True if what a task logs can come out on fd 1 or 2."""
        root, tasks = logging.getLogger(), logging.getLogger("celery.task")
        own = (self.out, self.err)
        return all(
            any(getattr(handler, "stream", None) in own for handler in effective_handlers(logger))
            for logger in (root, tasks)
        )


def all_loggers() -> Iterator[logging.Logger]:
    """Yield the root logger and every logger made so far."""
    yield logging.getLogger()
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def effective_handlers(logger: logging.Logger) -> list[logging.Handler]:
    """Return the handlers that see what is logged to *logger*."""
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
    stream: TextIO | None = getattr(handler, "stream", None)
    if stream is None or not isinstance(handler, logging.StreamHandler):
        return None
    try:
        fd = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
    return fd if fd in (1, 2) else None


def write_all(fd: int, data: bytes) -> None:
    """Write every byte to *fd*.

    :raises OSError: if nobody reads any more.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
