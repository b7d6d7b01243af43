"""The cursor of the list of runs: a place in the list, as text that only we read."""

from __future__ import annotations

import base64
import binascii

from runtail.runs.filter import Place
from runtail_web.problems import invalid


def encoded(place: Place | None) -> str | None:
    """Return a place as a cursor."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(b"%d:%s" % (place.created_ms, place.run_id)).decode().rstrip("=")


def decoded(cursor: str | None) -> Place | None:
    """Return the place of a cursor.

    :raises Problem: 422 if it is not one of our cursors.
    """
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        moment, colon, run_id = text.partition(b":")
        if not (colon and moment.isdigit() and len(moment) <= 16):
            raise ValueError(cursor)
    except (ValueError, binascii.Error):
        message = "is not the `next` of a page; leave it out to begin with the newest run"
        raise invalid([{"field": "cursor", "message": message}], "The values of the query") from None
    return Place(int(moment), run_id)
