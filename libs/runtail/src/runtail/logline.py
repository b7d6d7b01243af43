"""One line of a log, the same for web, relay, keeper, shipper and ``runtail worker``, as text or as JSON.

::

    2026-11-29T15:03:55.123Z WARNING shipper runtail.worker.shipper.sender: the store (redis://…) is away, …
    {"time": "2026-11-29T15:03:55.123Z", "level": "WARNING", "component": "shipper", "logger": "…", "message": "…"}

Standard library only, and without ``logging``, because keeper and launcher must stay small.
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

#: Control characters that would split a line, or that the reader's terminal would obey.
_CONTROL: Final = {**{number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160))}, 9: "\t", 10: "\\n"}


def read_format(environ: Mapping[str, str]) -> str:
    """Return the format in force without reading the settings: reading them may fail, and that must be logged."""
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
    r"""Return a line without ``\n``. As text, a traceback follows on further lines; as JSON, everything is one line.

    :param level: such as ``WARNING``.
    :param component: which process: ``web``, ``relay``, ``keeper``, ``shipper``, ``worker``.
    :param at: seconds since 1970; now if not given.
    :param fields: additional members for JSON.
    """
    at = time.time() if at is None else at
    moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03d}Z"
    if format != "json":
        line = f"{moment} {level} {component} {logger}: {message.translate(_CONTROL)}"
        return f"{line}\n{exception}" if exception else line
    found = {"time": moment, "level": level, "component": component, "logger": logger, "message": message}
    if exception:
        found["exception"] = exception
    # Other values become text, and a lone surrogate becomes an escape: a log line must not fail.
    return json.dumps({**(fields or {}), **found}, default=str)


class Writer:
    """Writes log lines to standard error, for one process without ``logging``."""

    def __init__(self, format: str, level: str, component: str, logger: str) -> None:  # noqa: A002
        self._format, self._component, self._logger = format, component, logger
        self._lowest = LEVELS.index(level)

    def info(self, message: str) -> None:
        """Log that something happened as it should."""
        self._write("info", message)

    def warning(self, message: str) -> None:
        """Log that something is not as it should be."""
        self._write("warning", message)

    def error(self, message: str) -> None:
        """Log that something does not work."""
        self._write("error", message)

    def _write(self, level: str, message: str) -> None:
        if LEVELS.index(level) < self._lowest:
            return
        line = render(self._format, level.upper(), self._component, self._logger, message) + "\n"
        with contextlib.suppress(OSError):
            os.write(2, line.encode("utf-8", "backslashreplace"))
