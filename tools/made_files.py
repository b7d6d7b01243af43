"""Writes or compares files that are made from the code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def settle(files: Mapping[Path, str], stale: Callable[[Path], str], *, check: bool) -> int:
    """Write each file that is missing or not as it should be; return the exit status.

    :param files: the text that each file should contain.
    :param stale: returns a message that a file is stale, and what to run.
    :param check: print these messages to standard error and write nothing; the status is then 1 if a file is stale.
    """
    found = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in found:
        if check:
            print(stale(path), file=sys.stderr)
        else:
            path.write_text(files[path])
    return 1 if check and found else 0
