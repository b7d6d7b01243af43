"""Keeps Celery's own log lines out of what a task wrote.

``Task ... succeeded`` is logged inside the traced call, in the pool child, to
file descriptor 2: without this split it would stand in the task's log.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import TextIO

from runtail.capture.streams import effective_handlers, handler_fd

#: Celery's own loggers. Everything below them follows.
CELERY_LOGGERS = ("celery", "kombu", "billiard", "multiprocessing")
#: Below ``celery``, but these carry what tasks write (``get_task_logger``, and
#: the proxy that ``worker_redirect_stdouts`` puts on ``sys.stdout``).
TASK_LOGGERS = ("celery.task", "celery.redirected")


def split(own: Mapping[int, TextIO]) -> None:
    """Let Celery's loggers write to the worker's own output, whatever is on descriptors 1 and 2.

    Once per process, before the first run. Handlers are copied, not made anew:
    level, filters and format are the user's. Handlers that write elsewhere
    (files, Sentry) are shared as they are.

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
        logger.handlers = handlers
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
