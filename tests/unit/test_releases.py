"""The list of releases, and how the version before this one is had from it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support import earlier
from tools.release import releases
from tools.release.errors import ReleaseError

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789" * 4


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@example")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of two commits: a file says 1, then 2."""
    made = tmp_path / "root"
    (made / "helm").mkdir(parents=True)
    git(made, "init", "--quiet", "--initial-branch", "main")
    for number in "12":
        (made / "file").write_text(number)
        git(made, "add", "file")
        git(made, "commit", "--quiet", "--message", number)
    return made


def test_the_list_of_this_repository_can_be_read() -> None:
    releases.read(ROOT)


def test_without_a_release_another_commit_stands_in_and_says_so(root: Path) -> None:
    for text in (None, "[]"):
        if text:
            (root / releases.LIST).write_text(text)
        assert releases.read(root) == []
        assert str(earlier.chosen(root)) == (
            f"commit {earlier.STAND_IN[:12]}, which stands in since nothing was released yet"
        )


def test_the_newest_release_is_the_version_before(root: Path, tmp_path: Path) -> None:
    first = git(root, "rev-parse", "HEAD~1")
    releases.write(root, [releases.Release("0.9.0", COMMIT), releases.Release("0.10.0", first)])
    assert str(earlier.check_out(tmp_path / "old", root)) == f"release 0.10.0 (commit {first[:12]})"
    assert (tmp_path / "old/file").read_text() == "1"
    assert git(tmp_path / "old", "rev-parse", "HEAD") == first
    assert git(tmp_path / "old", "status", "--porcelain") == ""


def test_a_shallow_clone_has_what_it_has_and_says_what_it_has_not(root: Path, tmp_path: Path) -> None:
    first, second = git(root, "rev-parse", "HEAD~1"), git(root, "rev-parse", "HEAD")
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{root}", "shallow")
    shallow = tmp_path / "shallow"
    (shallow / "helm").mkdir()
    releases.check_out(shallow, second, tmp_path / "second")
    assert git(tmp_path / "second", "log", "--max-count=1", "--format=%H") == second
    with pytest.raises(releases.CommitMissing, match=f"does not have the commit {first}. Fetch it: `git"):
        releases.check_out(shallow, first, tmp_path / "first")
    assert not (tmp_path / "first").exists()

    # What stands in may be missing; a release may not.
    with pytest.raises(pytest.skip.Exception, match="NO VERSION BEFORE THIS ONE: nothing was released yet"):
        earlier.check_out(tmp_path / "stand-in", shallow)
    releases.write(shallow, [releases.Release("0.1.0", first)])
    with pytest.raises(
        AssertionError, match=r"helm/releases\.json names release 0\.1\.0 .* Fetch it: `git fetch --uns"
    ):
        earlier.check_out(tmp_path / "first", shallow)
    git(shallow, "fetch", "--quiet", "--unshallow")
    assert earlier.check_out(tmp_path / "first", shallow).version == "0.1.0"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ("{", "is not a list of"),
        ('{"version": "1.0.0"}', "is not a list of"),
        ([{"version": "1.0.0"}], "is not a list of"),
        ([{"version": "1.0.0", "commit": COMMIT, "date": "x"}], "is not a list of"),
        ([{"version": "1.0.0", "commit": "v1.0.0"}], "'v1.0.0' is no commit's whole name"),
        ([{"version": "1.0", "commit": COMMIT}], "VERSION='1.0' is not of the form"),
        ([{"version": "1.0.0", "commit": COMMIT}] * 2, "each version must be higher than the one before"),
    ],
)
def test_a_list_that_is_wrong_is_refused_in_words(root: Path, entries: object, why: str) -> None:
    (root / releases.LIST).write_text(entries if isinstance(entries, str) else json.dumps(entries))
    with pytest.raises(ReleaseError, match=why):
        releases.read(root)
