"""The log of web, relay and shipper: Python's own logging on standard error, set up in one place."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from runtail import logline

log = logging.getLogger("runtail.process")


def set_up(component: str, package: str, environ: Mapping[str, str]) -> None:
    """Let a service log what it does and other libraries only log what is wrong, without repetitions.

    Uncaught exceptions of any thread and Python's warnings become log lines too.

    :param component: see :func:`runtail.logline.render`.
    :param package: the service's package, such as ``runtail_web``.
    :param environ: usually ``os.environ``. An unusable value counts as the default here: reading the settings refuses
        it later, and that error must be logged.
    """
    level = logging.getLevelNamesMapping()[logline.read_level(environ).upper()]
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(component, logline.read_format(environ)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    for name in ("runtail", package):
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _on_uncaught
    threading.excepthook = _on_uncaught_in_thread
    sys.unraisablehook = _on_unraisable


class Formatter(logging.Formatter):
    """Formats lines with :mod:`runtail.logline`.

    ``extra={"fields": {...}}`` adds to a JSON line; ``extra={"exception": text}`` is a traceback that already is text.
    """

    def __init__(self, component: str, format: str) -> None:  # noqa: A002
        super().__init__()
        self._component, self._format = component, format

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; called by ``logging``."""
        exception = getattr(record, "exception", "")
        if record.exc_info:
            exception = self.formatException(record.exc_info)
        if record.stack_info:
            exception = f"{exception}\n{record.stack_info}".strip("\n")
        fields = getattr(record, "fields", None)
        return logline.render(
            self._format, record.levelname, self._component, record.name, record.getMessage(),
            at=record.created, exception=exception.rstrip("\n"), fields=fields,
        )  # fmt: skip


def _on_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("ended by an unexpected error", exc_info=(kind, error, trace))


def _on_uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and not issubclass(found.exc_type, SystemExit):
        name = found.thread.name if found.thread else "?"
        log.error("the thread %s has ended", name, exc_info=(found.exc_type, found.exc_value, found.exc_traceback))


def _on_unraisable(found: Any) -> None:
    log.error(
        "%s: %r", found.err_msg or "an error was ignored", found.object,
        exc_info=(found.exc_type, found.exc_value, found.exc_traceback),
    )  # fmt: skip
