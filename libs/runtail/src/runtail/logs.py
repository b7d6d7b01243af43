"""The log of the web service and the relay: Python's own logging, set up in one place."""

from __future__ import annotations

import logging


def set_up(package: str) -> None:
    """Let a service say on standard error what it does, and other libraries only what is wrong.

    :param package: the service's, e.g. ``runtail_web``.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("runtail", package):
        logging.getLogger(name).setLevel(logging.INFO)
