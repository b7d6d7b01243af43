"""Keeps Celery's own log lines out of a task's output.

``Task ... succeeded`` is logged inside the traced call, in the pool child, to
file descriptor 2: without this split it would appear in the task's log. Celery's
messages about a task (its exception, its result, its arguments) are masked like its output.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any, TextIO

from runtail.secret import HIDDEN, masked, names_of
from runtail.worker.task import current
from runtail.worker.task.streams import effective_handlers, handler_fd

#: Celery's own loggers, including all loggers below them.
CELERY_LOGGERS = ("celery", "kombu", "billiard", "multiprocessing")
#: These are below ``celery``, but carry what tasks write (``get_task_logger``, and
#: the proxy that ``worker_redirect_stdouts`` puts on ``sys.stdout``).
TASK_LOGGERS = ("celery.task", "celery.redirected")


def split(own: Mapping[int, TextIO]) -> None:
    """Make Celery's loggers write to the worker's own output, whatever is on descriptors 1 and 2.

    Call this once per process, before the first run. Handlers are copied, not
    recreated: level, filters and format are the user's. Handlers that write elsewhere
    (files, Sentry) are shared unchanged.

    :param own: the worker's own output, by descriptor.
    """
    for name in TASK_LOGGERS:
        logger = logging.getLogger(name)
        handlers = effective_handlers(logger)
        logger.handlers = handlers
        logger.propagate = False
    copies: dict[int, logging.Handler] = {}
    for name in CELERY_LOGGERS:
        logger = logging.getLogger(name)
        handlers = [_private(handler, own, copies) for handler in effective_handlers(logger)]
        logger.handlers = [_Masking(handler) for handler in handlers]
        logger.propagate = False


def _private(
    handler: logging.Handler, own: Mapping[int, TextIO], copies: dict[int, logging.Handler]
) -> logging.Handler:
    fd = handler_fd(handler)
    if fd is None or not isinstance(handler, logging.StreamHandler):
        return handler
    if id(handler) not in copies:
        twin = copy.copy(handler)
        twin.createLock()
        twin.stream = own[fd]
        copies[id(handler)] = twin
    return copies[id(handler)]


class _Masking(logging.Handler):
    """Passes records to another handler, without the secrets of the run that this process is in."""

    def __init__(self, target: logging.Handler) -> None:
        super().__init__()
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._target.level:
            self._target.handle(_without_secrets(record))

    def flush(self) -> None:
        self._target.flush()


def _without_secrets(record: logging.LogRecord) -> logging.LogRecord:
    run = current.current
    if run is not None:
        run.learn()
    if run is None or not run.masker:
        return record
    mask = run.masker.whole
    text = record.getMessage()
    trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
    data = getattr(record, "data", None)
    shown = mask(text), mask(trace), masked(data, mask)
    if shown == (text, trace, data):
        return record
    # Only an exception's text can be masked; the data that Celery adds to the record is for handlers that write JSON.
    twin = copy.copy(record)
    twin.msg, twin.args, twin.exc_info, twin.exc_text = shown[0], None, None, shown[1] or None
    twin.__dict__["data"] = shown[2]
    return twin


class HiddenArguments(logging.Filter):
    """Removes arguments from lines about tasks with secrets, in Celery's main process, where no secret is known.

    By default Celery logs no arguments. ``LOG_RECEIVED`` may be set to include them; at level DEBUG the pool logs them.
    """

    def __init__(self, tasks: Mapping[str, Any]) -> None:
        """Set up without hiding anything yet.

        :param tasks: the app's tasks, by name.
        """
        super().__init__()
        self._tasks = tasks

    def install(self) -> None:
        """Filter everything that Celery logs about messages. Call this once per process."""
        for name in ("celery.worker.strategy", "celery.pool"):
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide whether a record is written."""
        given = record.args
        if isinstance(given, dict) and self._has_secrets(given.get("name")):
            record.args = {**given, "args": HIDDEN, "kwargs": HIDDEN}
            record.__dict__["data"] = record.args
        elif isinstance(given, tuple) and record.name == "celery.pool":
            # The pool logs what it is given as one text: the task's name, its id, the raw message.
            shown = " ".join(map(str, given))
            if any(repr(name) in shown and self._has_secrets(name) for name in self._tasks):
                record.args = (*given[:1], *(HIDDEN for _ in given[1:]))
        return True

    def _has_secrets(self, name: object) -> bool:
        task = self._tasks.get(str(name))
        try:
            return task is not None and bool(names_of(task))
        except Exception:  # noqa: BLE001 - its rules may be anything, and then nobody knows
            return True
