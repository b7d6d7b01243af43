"""The exit statuses of the program, on which scripts can act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: The run failed, and no more exact status is known.
FAILED: Final = 1
#: The command line is wrong, or a value does not fit the task's parameter.
USAGE: Final = 2
CANCELLED: Final = 120
LOST: Final = 121
#: The shown lines do not match the log's digests or totals, so they may be wrong or incomplete.
UNVERIFIED: Final = 122
#: Runtail did not do what was asked, or its output could not be written; the status should not be mistaken for a task's
#: own.
TROUBLE: Final = 123
#: Ctrl-C in this program, as in shells: 128 + SIGINT.
INTERRUPTED: Final = 130
#: Nobody reads the output any more: 128 + SIGPIPE.
CLOSED: Final = 141

#: Status and meaning, in the words of the manual.
TABLE: Final[tuple[tuple[str, str], ...]] = (
    ("0", "the run succeeded; or the command did what it was asked"),
    ("1 to 255", "the task's own exit status, if it failed with one; 1 if it failed without"),
    ("128 + n", "signal n ended the task"),
    (str(USAGE), "the command line is wrong"),
    (str(CANCELLED), "the run was cancelled"),
    (str(LOST), "the run was lost with its worker"),
    (str(UNVERIFIED), "the log does not match its digests or totals: do not rely on what was shown"),
    (str(TROUBLE), "Runtail did not do what was asked: nothing listens, unknown run, refused, full disk, ..."),
    (str(INTERRUPTED), "Ctrl-C; the run goes on"),
    (str(CLOSED), "nobody reads the output any more (as in `runtail follow RUN \\| head`)"),
)


def of_end(end: Mapping[str, Any]) -> int:
    """Return the exit status for a run that is over.

    :param end: the terminal event, or a run's record: ``state``, ``exit_status``, ``signal``.
    """
    state = end.get("state")
    if state == "cancelled":
        return CANCELLED
    if state == "lost":
        return LOST
    if end.get("signal"):
        return 128 + int(end["signal"])
    status = int(end.get("exit_status") or 0)
    return status if status or state == "succeeded" else FAILED
