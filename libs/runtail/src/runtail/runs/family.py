"""The family of a run: the run that called it or came before it in a chain, and the run with which all of them began.

Celery tells both with every message. A run that nobody called has no family of its own until it calls others: the
record of each of those names it.
"""

from __future__ import annotations

from typing import Final

from runtail.runid import MAX_RUN_ID_CHARS

#: The fields of the record.
PARENT: Final = "parent_id"
ROOT: Final = "root_id"


def fields_of(run_id: str, parent: str, root: str) -> dict[str, str]:
    """Return the fields of a new record; none for a run that nobody called.

    :param parent: what the message says; empty if it says nothing.
    :param root: the same.
    """
    if not parent or root in ("", run_id) or max(len(parent), len(root)) > MAX_RUN_ID_CHARS:
        return {}
    return {PARENT: parent, ROOT: root}
