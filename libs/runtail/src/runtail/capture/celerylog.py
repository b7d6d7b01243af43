"""Keeps Celery's own log lines out of what a task wrote.

``Task ... succeeded`` is logged inside the traced call, in the pool child, to
file descriptor 2: without this split it would stand in the task's log.
"""

from __future__ import annotations

import copy
import logging
import os

from runtail.capture.descriptors import put_aside
from runtail.capture.streams import effective_handlers, handler_fd

#: Celery's own loggers. Everything below them follows.
CELERY_LOGGERS = ("celery", "kombu", "billiard", "multiprocessing")
#: Below ``celery``, but these carry what tasks write (``get_task_logger``, and
#: the proxy that ``worker_redirect_stdouts`` puts on ``sys.stdout``).
TASK_LOGGERS = ("celery.task", "celery.redirected")


def split() -> None:
    """Let Celery's loggers write to a private duplicate of the worker's own output.

    Once per process, before the first run. Handlers are copied, not made anew:
    level, filters and format are the user's. Handlers that write elsewhere
    (files, Sentry) are shared as they are.
    """
    for name in TASK_LOGGERS:
        logger = logging.getLogger(name)
        handlers = effective_handlers(logger)
        logger.handlers = handlers
        logger.propagate = False
    files: dict[int, object] = {}
    copies: dict[int, logging.Handler] = {}
    for name in CELERY_LOGGERS:
        logger = logging.getLogger(name)
        handlers = [_private(handler, files, copies) for handler in effective_handlers(logger)]
        logger.handlers = handlers
        logger.propagate = False


def _private(handler: logging.Handler, files: dict[int, object], copies: dict[int, logging.Handler]) -> logging.Handler:
    fd = handler_fd(handler)
    if fd is None or not isinstance(handler, logging.StreamHandler):
        return handler
    if id(handler) not in copies:
        if fd not in files:
            files[fd] = os.fdopen(put_aside(fd), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
        twin = copy.copy(handler)
        twin.createLock()
        twin.stream = files[fd]
        copies[id(handler)] = twin
    return copies[id(handler)]
