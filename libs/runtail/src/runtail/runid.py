"""What can be the id of a run. Pure.

It is the id of a Celery task, which callers may choose, and it stands in addresses, keys and the environment.
"""

from __future__ import annotations

import re

MAX_RUN_ID_CHARS = 255

#: What cannot stand in a part of an address, in the environment, or in UTF-8.
_REFUSED = re.compile("[/\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def flaw_of(run_id: str) -> str:
    """Return why this can be no run's id, as the end of a sentence; empty if it can."""
    if not 0 < len(run_id) <= MAX_RUN_ID_CHARS:
        return f"an id has 1 to {MAX_RUN_ID_CHARS} characters"
    if _REFUSED.search(run_id):
        return "an id has no slashes and no control characters"
    if run_id in (".", ".."):
        # Browsers resolve them, in whatever way they are written.
        return "an id is not . or .."
    return ""
