"""Scripts and styles of the pages, compressed: a proxy or gateway may do that, but often none does."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Response, request

#: Fonts and pictures are compressed already.
_TYPES: Final = frozenset({"text/javascript", "application/javascript", "text/css"})
_MOST_FILES: Final = 64


def pack(response: Response, path: Path) -> None:
    """Compress the answer if its reader takes that.

    :param response: a whole file.
    :param path: the file; its name has a hash of its content.
    """
    if response.mimetype not in _TYPES:
        return
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] <= 0:
        return
    # The file that it would have been.
    response.close()
    response.set_data(_packed(path))
    response.headers["Content-Encoding"] = "gzip"
    # It is that of the file as it is. Nobody asks again for a name with a hash.
    response.headers.pop("ETag", None)
    response.headers.pop("Accept-Ranges", None)


@lru_cache(_MOST_FILES)
def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)
