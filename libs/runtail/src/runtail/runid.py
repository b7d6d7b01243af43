"""The rules for the id of a run. Pure.

A run's id is the id of a Celery task, which callers may choose. It appears in URLs, keys and the environment.
A reused id names its newest execution; the n-th execution is then ``<id>~<n>``.
"""

from __future__ import annotations

import re

MAX_RUN_ID_CHARS = 255

#: Characters that cannot be in a segment of a URL, in the environment, or in UTF-8.
_REFUSED = re.compile("[/\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: The suffix that Runtail adds to the id of an earlier execution.
_EARLIER = re.compile(r"~[0-9]+\Z")


def flaw_of(run_id: str) -> str:
    """Return why this cannot be a run's id, as the end of a sentence; empty if it can."""
    chosen = _EARLIER.sub("", run_id)
    if not 0 < len(chosen) <= MAX_RUN_ID_CHARS or len(run_id) > 2 * MAX_RUN_ID_CHARS:
        return f"an id has 1 to {MAX_RUN_ID_CHARS} characters"
    if _REFUSED.search(run_id):
        return "an id has no slashes and no control characters"
    if chosen in (".", ".."):
        # Browsers resolve these, however they are escaped.
        return "an id is not . or .."
    return ""


def flaw_of_choice(run_id: str) -> str:
    """Return why nobody can choose this id for a task, as the end of a sentence; empty if it can be chosen."""
    if _EARLIER.search(run_id):
        return "an id does not end in ~ and a number: earlier executions of an id are named so"
    return flaw_of(run_id)
