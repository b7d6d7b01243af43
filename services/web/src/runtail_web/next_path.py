"""Where to go after a login: the address says so, and anybody can have written the address. Pure."""

from __future__ import annotations

import re
from typing import Final

#: A longer one leads home.
MAX_CHARACTERS: Final = 1000
# What has a backslash, a control character or two slashes can lead a browser to another site.
_SAFE: Final = re.compile(r"/(?!/)[^\\\x00-\x1f\x7f-\x9f]*")


def next_path(wanted: str, home: str) -> str:
    """Return the path to go to.

    :param wanted: what the address says.
    :param home: the path of the list of runs, for everything that is no path of this host.
    """
    return wanted if len(wanted) <= MAX_CHARACTERS and _SAFE.fullmatch(wanted) else home
