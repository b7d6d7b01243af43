"""What is ours may fail; the app that it is installed in must not notice."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

log = logging.getLogger("celery.runtail")


@contextlib.contextmanager
def contained(consequence: str) -> Iterator[None]:
    """Log what goes wrong inside, with its traceback, and go on.

    :param consequence: what that means for the reader of the worker's log.
    """
    try:
        yield
    except Exception:
        log.exception("Runtail: %s", consequence)
