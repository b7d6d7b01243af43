"""A window of a log, read over HTTP."""

from __future__ import annotations

from typing import Any

from runtail.cli.web import Web, run_path
from runtail.protocol.cursor import Cursor

#: Lines per request.
WINDOW_LINES = 2_000


def read_window(web: Web, run_id: str, cursor: Cursor | None, from_line: int) -> dict[str, Any]:
    """Return the window after a cursor, or from a line on while there is no cursor yet.

    :raises Refused: code ``position`` if the stored log is not the cursor's log.
    :raises Unreachable: if the web service does not answer.
    """
    window: dict[str, Any] = web.get(
        run_path(run_id, "/log"),
        from_=cursor.line if cursor else from_line,
        limit=WINDOW_LINES,
        chain=cursor.chain.hex() if cursor else None,
    )
    return window
