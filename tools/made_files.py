"""Files that are made of the code: written, or compared."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def settle(files: Mapping[Path, str], stale: Callable[[Path], str], *, check: bool) -> int:
    """Write each file that is missing or not as it should be; return the exit status.

    :param files: what each should hold.
    :param stale: says of one that it is not so, and what to run.
    :param check: say it on standard error, and write nothing: the status is 1 then.
    """
    found = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in found:
        if check:
            print(stale(path), file=sys.stderr)
        else:
            path.write_text(files[path])
    return 1 if check and found else 0
