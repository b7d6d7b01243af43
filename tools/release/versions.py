"""The version of everything here: one number, written in several files."""

from __future__ import annotations

import re
from pathlib import Path

from tools.release.errors import ReleaseError

#: The files that contain the version, each with a pattern. Its one group is the version.
PLACES = (
    *((file, r'^__version__ = "([^"]+)"$') for file in (
        "libs/runtail/src/runtail/version.py",
        "services/socket/src/runtail_socket/__init__.py",
        "services/web/src/runtail_web/__init__.py",
        "services/worker/src/runtail_worker/__init__.py",
    )),
    ("helm/runtail/Chart.yaml", r"^version: (\S+)$"),
    ("helm/runtail/Chart.yaml", r'^appVersion: "?([^"\s]+)"?$'),
    ("docs/protocol.md", r'answers\s+`\{"v": 1, "version": "([^"]+)"'),
)  # fmt: skip

#: Without pre-releases, which Python and Helm spell differently.
SHAPE = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def key(version: str) -> tuple[int, ...]:
    """Return the sort key of a version.

    :raises ReleaseError: if the text is not a version.
    """
    match = SHAPE.fullmatch(version)
    if not match:
        raise ReleaseError(f"VERSION={version!r} is not of the form 1.2.3.")
    return tuple(int(number) for number in match.groups())


def read(root: Path) -> str:
    """Return the version that all places have.

    :raises ReleaseError: if a place has no version, or the places differ.
    """
    found = {f"{path} ({pattern})": _find(root, path, pattern).group(1) for path, pattern in PLACES}
    if len(set(found.values())) != 1:
        raise ReleaseError("The places of the version differ: " + ", ".join(f"{k} {v}" for k, v in found.items()))
    return next(iter(found.values()))


def write(root: Path, version: str) -> None:
    """Write the version into each place.

    :raises ReleaseError: if a place has no version.
    """
    for path, pattern in PLACES:
        match = _find(root, path, pattern)
        text = match.string
        (root / path).write_text(text[: match.start(1)] + version + text[match.end(1) :])


def _find(root: Path, path: str, pattern: str) -> re.Match[str]:
    match = re.search(pattern, (root / path).read_text(), re.M)
    if not match:
        raise ReleaseError(f"{path} does not say the version in the form {pattern}")
    return match
