"""The message header ``runtail``: which run and attempt a message belongs to. Pure.

The web service and the reaper set it, and Celery copies it into a retry. But anyone who can publish can set headers, so
each reader checks it: the tracer in the task's process, and the shipper again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtail.words import clean

#: The header's name.
HEADER = "runtail"
VERSION = 1
#: A longer text does not come from Runtail (a store's uuid has 36 characters).
MAX_TEXT_CHARS = 255
#: A starter's name is cut to this length.
MAX_WHO_CHARS = 200
MAX_NUMBER = 2**31


class BadHeader(ValueError):
    """A header that Runtail did not make; the message says why."""


def make(store_uuid: str, run_id: str, attempt: int, execution: int) -> dict[str, Any]:
    """Return the headers of a message.

    :param attempt: the run's attempt that the message is for, from 1.
    :param execution: the number of the id's execution, from 1.
    """
    value = {"v": VERSION, "run": run_id, "attempt": attempt, "store": store_uuid, "execution": execution}
    return {HEADER: value}


def names(request: Mapping[str, Any], run_id: str) -> bool:
    """Tell whether the header of a message names this run: somebody announced it. The rest may be wrong.

    :param request: Celery's dict of a message.
    """
    value = request.get(HEADER)
    return isinstance(value, Mapping) and value.get("run") == run_id


def read(value: object, run_id: str) -> dict[str, Any] | None:
    """Return the header of a message: ``v``, ``run``, ``attempt``, ``execution``, ``store``, ``who``, nothing else.

    Return None if there is no header or if it belongs to another run: a task may pass its own headers on.

    :param run_id: the message's task id.
    :raises BadHeader: if types or sizes are wrong.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BadHeader("it is not an object")
    run = value.get("run")
    if not isinstance(run, str):
        raise BadHeader("its run is not text")
    if run != run_id:
        return None
    if value.get("v") != VERSION:
        raise BadHeader("its version is not known here")
    store, who = value.get("store"), value.get("who")
    if not isinstance(store, str) or len(store) > MAX_TEXT_CHARS:
        raise BadHeader("its store is not text, or too long")
    if who is not None and not isinstance(who, str):
        raise BadHeader("who is not text")
    return {
        "v": VERSION,
        "run": run,
        "attempt": _number(value, "attempt"),
        "execution": _number(value, "execution"),
        "store": store,
        "who": clean(who[: 10 * MAX_WHO_CHARS])[:MAX_WHO_CHARS] if who else None,
    }


def _number(value: Mapping[str, Any], name: str) -> int:
    # (Workers and web services of different versions may run together: older ones do not count executions.)
    number = value.get(name, 1)
    if type(number) is not int or not 0 < number < MAX_NUMBER:
        raise BadHeader(f"its {name} is not a number from 1")
    return number
