"""Runtail's own code may fail, but the app it is installed in must not notice."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

log = logging.getLogger("celery.runtail")


@contextlib.contextmanager
def contained(consequence: str) -> Iterator[None]:
    """Log an error raised inside the block, with its traceback, and continue after the block.

    :param consequence: what the error means for the reader of the worker's log.
    """
    try:
        yield
    except Exception:
        log.exception("Runtail: %s", consequence)
