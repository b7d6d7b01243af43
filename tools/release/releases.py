"""The releases so far and their sources, from which upgrades begin."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.release import versions
from tools.release.errors import ReleaseError

#: The list of releases in the order in which they were made; empty before the first.
LIST = "helm/releases.json"


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    :param commit: the commit released. It cannot contain its own entry in the list; a later commit adds that.
    """

    version: str
    commit: str


class CommitMissing(ReleaseError):
    """A commit is missing in this clone; the text says how to fetch it."""


def read(root: Path) -> list[Release]:
    """Return the releases, oldest first.

    :raises ReleaseError: if the file is not a list of versions with their commits, each higher than the one before.
    """
    path = root / LIST
    try:
        found = [Release(**entry) for entry in json.loads(path.read_text())] if path.exists() else []
        for release in found:
            if not re.fullmatch(r"[0-9a-f]{40}", release.commit):
                raise ReleaseError(f"{LIST}: {release.commit!r} is no commit's whole name.")
        numbers = [versions.key(release.version) for release in found]
    except (TypeError, ValueError) as error:
        raise ReleaseError(f'{LIST} is not a list of {{"version": "1.2.3", "commit": "…"}}: {error}') from None
    if sorted(set(numbers)) != numbers:
        raise ReleaseError(f"{LIST}: each version must be higher than the one before.")
    return found


def write(root: Path, releases: list[Release]) -> None:
    """Write the list."""
    entries = [{"version": release.version, "commit": release.commit} for release in releases]
    (root / LIST).write_text(json.dumps(entries, indent=2) + "\n")


def check_out(root: Path, commit: str, into: Path) -> None:
    """Clone a checkout at a commit, so that the clone reports this commit as its own.

    :param commit: all 40 digits.
    :param into: a folder that does not exist yet.
    :raises CommitMissing: if this clone lacks the commit, as a shallow one may.
    """
    if _git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise CommitMissing(
            f"This clone does not have the commit {commit}. Fetch it: `git fetch --unshallow` where the clone is "
            f"shallow, else `git fetch origin {commit}`."
        )
    into.mkdir(parents=True)
    _git(into, "init", "--quiet")
    # Borrow the objects: ``git clone`` would omit commits that no branch reaches, and does not work on a shallow clone.
    objects, shallow = _git(
        root, "rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "shallow"
    ).stdout.splitlines()
    (into / ".git/objects/info/alternates").write_text(f"{objects}\n")
    if Path(shallow).exists():
        shutil.copy(shallow, into / ".git/shallow")
    done = _git(into, "checkout", "--quiet", "--detach", commit)
    if done.returncode:
        raise ReleaseError(f"The commit {commit} could not be checked out: {done.stderr.strip()}")


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
