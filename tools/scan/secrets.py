"""Looks for keys and passwords in the tree: ``python -m tools.scan.secrets DETECT_SECRETS``.

What is found must stand in ``secrets.json``, which ``--write`` makes: look at each line first. It holds hashes, and no
line numbers, so that it stays as it is while lines move.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
KNOWN: Final = Path(__file__).with_name("secrets.json")
TOKENS: Final = Path(__file__).with_name("tokens.py")
#: Files that are full of hashes, and made by programs.
HASHES: Final = ("*package-lock.json", "requirements/*.txt", "*vectors.json", str(KNOWN.relative_to(ROOT)))
#: Tests need made-up passwords, and say so by where they are. What has the form of a real key is found there as well.
MADE_UP: Final = dict.fromkeys(("tests/", "services/web/ui/tests/"), ("Secret Keyword", "Basic Auth Credentials"))
#: Names of Kubernetes' Secrets, which hold what is not in the tree.
NAMES: Final = r"existingSecret: "
PROCESSES: Final = "2"


class Unfinished(Exception):
    """detect-secrets did not come to an end; the message is what it said."""


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """Something that looks like a secret.

    :param path: relative to the root.
    :param kind: what it looks like.
    :param sha1: its hash, by which it is known again.
    :param line: where it is.
    """

    path: str
    kind: str
    sha1: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}"


def files(root: Path = ROOT) -> list[str]:
    """Return the paths of all files that are, or would be, in the repository, but for those full of hashes."""
    without = [f":(exclude){one}" for one in HASHES]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".", *without]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    return [one for one in listed if one and (root / one).is_file()]


def scan(program: Path, paths: Iterable[str], root: Path = ROOT) -> list[Found]:
    """Return what detect-secrets finds.

    :param paths: relative to *root*.
    :raises Unfinished: if it failed.
    """
    # Without --no-verify it would send what it finds to other machines, to see whether it is valid.
    command = [
        str(program),
        "-c",
        PROCESSES,
        "scan",
        "--no-verify",
        "--exclude-lines",
        NAMES,
        "--plugin",
        str(TOKENS),
        *paths,
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise Unfinished(f"detect-secrets ended with {done.returncode}: {done.stderr[-2000:]}")
    results: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["results"]
    found = (
        Found(path, str(one["type"]), str(one["hashed_secret"]), int(one["line_number"]))
        for path, many in results.items()
        for one in many
    )
    return sorted(one for one in found if not _is_made_up(one))


def _is_made_up(found: Found) -> bool:
    return any(found.path.startswith(folder) and found.kind in kinds for folder, kinds in MADE_UP.items())


def as_text(found: Iterable[Found]) -> str:
    """Return the file of what is known."""
    known: dict[str, list[str]] = {}
    for one in sorted(found):
        known.setdefault(one.path, []).append(f"{one.kind}: {one.sha1}")
    return json.dumps(known, indent=2) + "\n"


def judge(found: Iterable[Found], known_text: str) -> list[str]:
    """Return what is found and not known, and what is known and not found any more."""
    known = {(path, entry) for path, entries in json.loads(known_text).items() for entry in entries}
    by_entry = {(one.path, f"{one.kind}: {one.sha1}"): one for one in found}
    return [
        *(str(one) for key, one in by_entry.items() if key not in known),
        *(f"{path}: no longer there: {entry}" for path, entry in sorted(known - by_entry.keys())),
    ]


def main(arguments: Sequence[str]) -> int:
    """Scan and judge, or write what is known; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.scan.secrets", description=__doc__)
    parser.add_argument("program", type=Path, help="detect-secrets")
    parser.add_argument("--write", action="store_true", help="write what is found as known")
    options = parser.parse_args(arguments)
    try:
        found = scan(options.program.absolute(), files())
    except Unfinished as error:
        print(error, file=sys.stderr)
        return 1
    if options.write:
        KNOWN.write_text(as_text(found))
        return 0
    wrong = judge(found, KNOWN.read_text())
    for one in wrong:
        print(one, file=sys.stderr)
    if wrong:
        print("Is it real? Make it invalid first, then take it out. Is it none? Run 'make secrets'.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
