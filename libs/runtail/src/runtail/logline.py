"""One line of a service's log: the same from web, relay, keeper, shipper and ``runtail worker``, as text or as JSON.

::

    2026-11-29T15:03:55.123Z WARNING shipper runtail.worker.shipper.sender: the store (redis://…) is away, …
    {"time": "2026-11-29T15:03:55.123Z", "level": "WARNING", "component": "shipper", "logger": "…", "message": "…"}

Standard library only, and not ``logging``: keeper and launcher are small.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any, Final

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")
DEFAULT_FORMAT: Final = "text"
DEFAULT_LEVEL: Final = "info"

#: What would make one line two, or be obeyed by the reader's terminal.
_CONTROL: Final = {**{number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160))}, 9: "\t", 10: "\\n"}


def read_format(environ: Mapping[str, str]) -> str:
    """Return the format in force, before settings were read, which may go wrong and has to be said."""
    text = environ.get("RUNTAIL_LOG_FORMAT", "")
    return text if text in FORMATS else DEFAULT_FORMAT


def read_level(environ: Mapping[str, str]) -> str:
    """Return the level in force, in the same way."""
    text = environ.get("RUNTAIL_LOG_LEVEL", "")
    return text if text in LEVELS else DEFAULT_LEVEL


def render(
    format: str,  # noqa: A002 - the setting's name
    level: str,
    component: str,
    logger: str,
    message: str,
    *,
    at: float | None = None,
    exception: str = "",
    fields: Mapping[str, Any] | None = None,
) -> str:
    """Return a line without its end. As text, an exception's traceback stands on lines below it; as JSON all is one.

    :param level: such as ``WARNING``.
    :param component: which process: ``web``, ``relay``, ``keeper``, ``shipper``, ``worker``.
    :param at: seconds since 1970; now if not given.
    :param fields: more for JSON.
    """
    at = time.time() if at is None else at
    moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03d}Z"
    if format != "json":
        line = f"{moment} {level} {component} {logger}: {message.translate(_CONTROL)}"
        return f"{line}\n{exception}" if exception else line
    found = {"time": moment, "level": level, "component": component, "logger": logger, "message": message}
    if exception:
        found["exception"] = exception
    # What is no text becomes one, and a lone surrogate an escape: a log line must not fail.
    return json.dumps({**(fields or {}), **found}, default=str)


class Writer:
    """Writes lines of one process that has no ``logging``, to standard error."""

    def __init__(self, format: str, level: str, component: str, logger: str) -> None:  # noqa: A002
        self._format, self._component, self._logger = format, component, logger
        self._lowest = LEVELS.index(level)

    def info(self, message: str) -> None:
        """Something happened that is as it should be."""
        self._write("info", message)

    def warning(self, message: str) -> None:
        """Something is not as it should be."""
        self._write("warning", message)

    def error(self, message: str) -> None:
        """Something does not work."""
        self._write("error", message)

    def _write(self, level: str, message: str) -> None:
        if LEVELS.index(level) < self._lowest:
            return
        line = render(self._format, level.upper(), self._component, self._logger, message) + "\n"
        with contextlib.suppress(OSError):
            os.write(2, line.encode("utf-8", "backslashreplace"))
