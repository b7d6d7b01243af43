"""The differences between the versions of Celery and its family that Runtail works with, in one place.

Celery 5.4 to 5.7, each with the billiard, kombu and redis-py that it accepts. ``make test-matrix`` runs all of them.
"""

from __future__ import annotations

import re
from importlib import metadata
from typing import Any

from runtail.errors import Unsupported

try:
    from billiard.common import terminate_handler_fired
except ImportError:  # before billiard 4.3
    from billiard import common

    def terminate_handler_fired() -> bool:
        """Return True if a signal told this process to stop: a ``SystemExit`` is not the task's own then."""
        return bool(common._should_have_exited[0])


__all__ = ["check", "start_method", "terminate_handler_fired"]

#: The oldest version of each that works. pip enforces these, unless told not to (``--no-deps``, an override).
OLDEST = (("celery", "Celery", (5, 4)), ("redis", "redis-py", (5, 0)))


def check() -> None:
    """Check that the installed Celery and redis-py are new enough.

    :raises Unsupported: naming the required version and the installed one.
    """
    for package, name, oldest in OLDEST:
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            version, found = "", "there is none"
        else:
            found = f"this is {name} {version}"
        if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < oldest:
            needed = ".".join(map(str, oldest))
            raise Unsupported(
                f"Runtail needs {name} {needed} or newer, and {found}. "
                f"Install a newer one (pip install '{package}>={needed}'), or do not call runtail.install()."
            )


def start_method(worker: Any) -> str:
    """Return how a prefork worker creates its processes: ``fork`` or, since Celery 5.7, ``spawn``."""
    return str(getattr(worker, "pool_start_method", "fork"))
