"""The version before this one: its sources, from the commit that helm/releases.json names.

``python -m tests.support.earlier`` checks it out below ``build/earlier`` and prints where.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tools.release import releases
from tools.release.errors import ReleaseError

ROOT: Final = Path(__file__).resolve().parents[2]
#: For its pages; a busy machine is slow.
BUILD_SECONDS: Final = 300
#: Stands in for the version before as long as nothing was released: a commit of this repository's history with
#: images and a chart.
STAND_IN: Final = "96d9bf212dabc845c99728b3608cbf6f6d5a9523"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version before this one.

    :param version: of a release; empty for the commit that stands in for one.
    """

    version: str
    commit: str

    def __str__(self) -> str:
        if self.version:
            return f"release {self.version} (commit {self.commit[:12]})"
        return f"commit {self.commit[:12]}, which stands in since nothing was released yet"


def chosen(root: Path = ROOT) -> Earlier:
    """Return the newest release, or what stands in for one."""
    found = releases.read(root)
    return Earlier(found[-1].version, found[-1].commit) if found else Earlier("", STAND_IN)


def check_out(into: Path, root: Path = ROOT) -> Earlier:
    """Check it out into a folder that is not there yet, and return what it is.

    The test is skipped in words if the clone lacks the commit that stands in, as continuous integration's may. A
    release must be there.

    :raises AssertionError: if it is not.
    """
    earlier = chosen(root)
    try:
        releases.check_out(root, earlier.commit, into)
    except releases.CommitMissing as missing:
        if not earlier.version:
            pytest.skip(f"NO VERSION BEFORE THIS ONE: nothing was released yet, and for {earlier}: {missing}")
        raise AssertionError(f"{releases.LIST} names {earlier}. {missing}") from None
    return earlier


def with_pages() -> Path:
    """Return where it is checked out and has its pages, which ``make earlier`` builds.

    It is skipped or fails as :func:`check_out` does.
    """
    tree = built()
    if not tree.exists():
        check_out(tree)
    done = subprocess.run(
        ["make", "earlier"], cwd=ROOT, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    assert done.returncode == 0, f"`make earlier` failed:\n{done.stdout}{done.stderr}"
    return tree


def python_path(tree: Path) -> str:
    """Return the PYTHONPATH with which Python takes Runtail from a checkout."""
    return ":".join(map(str, [tree / "libs/runtail/src", *sorted(tree.glob("services/*/src"))]))


def built() -> Path:
    """Return where `make earlier` and `make images-earlier` build it."""
    return ROOT / "build/earlier" / chosen().commit[:12]


def main() -> int:
    """Check it out where it is built, unless it is there, and print where; return the exit status."""
    try:
        into = built()
        if not (into / ".git/HEAD").exists():
            releases.check_out(ROOT, chosen().commit, into)
    except ReleaseError as error:
        print(f"The version before this one cannot be had: {error}", file=sys.stderr)
        return 1
    print(into)
    return 0


if __name__ == "__main__":
    sys.exit(main())
