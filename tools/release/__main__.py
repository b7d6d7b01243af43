"""Makes a release from a clean checkout: versions, changelog, commit, tag, artifacts."""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.release import artifacthub, artifacts, changelog, releases, versions
from tools.release.errors import ReleaseError

ROOT = Path(__file__).resolve().parent.parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a release; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        make(options)
    except ReleaseError as error:
        print(f"No release was made: {error}", file=sys.stderr)
        return 1
    return 0


def make(options: argparse.Namespace) -> None:
    """Check, write, commit, build and tag.

    :raises ReleaseError: if a step fails; the checkout is then as it was before.
    """
    root: Path = options.root
    version: str = options.version
    released = check(root, version)
    before = artifacts.output(["git", "rev-parse", "HEAD"], root)
    into = root / "build" / "release" / version
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    try:
        versions.write(root, version)
        path = root / "CHANGELOG.md"
        path.write_text(changelog.release(path.read_text(), version, options.date))
        known = artifacthub.sign_key(options.key, options.keyring, options.key_url) if options.key_url else None
        artifacthub.write(root, version, helm=options.helm, url=options.url, key=known)
        commit = _commit(root, f"Release {version}")
        artifacts.wheels(root, into)
        signing = (options.key, options.keyring) if options.key else None
        artifacts.chart(root, into, helm=options.helm, signing=signing)
        if options.images:
            artifacts.run(["make", "images", f"TAG={version}"], root)
        artifacts.checksums(into)
        releases.write(root, [*released, releases.Release(version, commit)])
        _commit(root, f"Note the commit of {version}")
        artifacts.output(["git", "tag", "--annotate", f"v{version}", "--message", f"Runtail {version}", commit], root)
    except BaseException:
        artifacts.output(["git", "reset", "--quiet", "--hard", before], root)
        raise
    print(f"Runtail {version} is commit {commit[:12]}, tag v{version}; its files are in {into}.")
    print(f"Nothing was published. Next: git push --follow-tags, and upload what {artifacts.SUMS} lists.")


def check(root: Path, version: str) -> list[releases.Release]:
    """Tell whether this checkout can become this version.

    :returns: the earlier releases, oldest first.
    :raises ReleaseError: if it cannot.
    """
    wanted = versions.key(version)
    released = releases.read(root)
    if released and versions.key(released[-1].version) >= wanted:
        raise ReleaseError(f"{released[-1].version} was released; VERSION must be higher.")
    if wanted < versions.key(current := versions.read(root)):
        raise ReleaseError(f"The sources say {current} already; VERSION must not be lower.")
    if changes := artifacts.output(["git", "status", "--porcelain"], root):
        raise ReleaseError(f"The checkout has changes; commit or stash them:\n{changes}")
    changelog.release((root / "CHANGELOG.md").read_text(), version, "")
    return released


def _commit(root: Path, subject: str) -> str:
    artifacts.output(["git", "add", "--all"], root)
    artifacts.output(["git", "commit", "--quiet", "--message", subject], root)
    return artifacts.output(["git", "rev-parse", "HEAD"], root)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version", help="such as 1.2.3")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser.add_argument("--date", default=today, help="the day in the changelog; today without it")
    parser.add_argument("--helm", default="helm", help="the Helm program")
    parser.add_argument("--key", default="", help="name of the OpenPGP key that signs the chart; unsigned without it")
    parser.add_argument("--keyring", type=Path, default=Path.home() / ".gnupg/secring.gpg", help="where the key is")
    parser.add_argument("--key-url", default="", help="where the public key can be fetched; told by the chart")
    parser.add_argument("--url", default="", help="where the project is; told by the chart")
    parser.add_argument("--images", action="store_true", help="build the images as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
