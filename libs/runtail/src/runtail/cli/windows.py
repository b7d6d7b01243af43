"""A window of a log, read over HTTP."""

from __future__ import annotations

from typing import Any

from runtail.cli.web import Web, run_path
from runtail.protocol.cursor import Cursor

#: Lines asked for at once.
WINDOW_LINES = 2_000


def read_window(web: Web, run_id: str, cursor: Cursor | None, from_line: int) -> dict[str, Any]:
    """Return what follows a cursor, or what is from a line on while there is no cursor yet.

    :raises Refused: code ``position`` if the stored log is a different one than the cursor's.
    :raises Unreachable: if the web service does not answer.
    """
    window: dict[str, Any] = web.get(
        run_path(run_id, "/log"),
        from_=cursor.line if cursor else from_line,
        limit=WINDOW_LINES,
        chain=cursor.chain.hex() if cursor else None,
    )
    return window
