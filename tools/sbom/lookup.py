"""Asks the package index, through pip, what packages say of themselves. Nothing is installed, and none of them runs."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tools.sbom.licences import said
from tools.sbom.packages import Package

#: Some packages are for other systems and Pythons only.
_ELSEWHERE: Final = (
    (),
    *(("--python-version", version, "--platform", platform) for platform in ("manylinux_2_28_x86_64", "win_amd64")
      for version in ("3.13", "3.11")),
)  # fmt: skip


class Unknown(Exception):
    """A package could not be looked up; the message names it."""


def python_licences(python: Path, packages: Iterable[Package]) -> dict[str, str]:
    """Return the licences that Python packages name, by their URLs; an empty text for one that names none.

    :param python: one whose pip knows licence expressions (26 does).
    :raises Unknown: if a package has no file that can be looked at.
    """
    left = {package.purl: package for package in packages}
    found: dict[str, str] = {}
    for options in _ELSEWHERE:
        for metadata in _ask(python, options, list(left.values())):
            purl = Package("pypi", _normal(metadata["name"]), metadata["version"]).purl
            if left.pop(purl, None):
                found[purl] = said(metadata)
    if left:
        raise Unknown(f"pip finds no wheel of {', '.join(left)}, and so not its licence")
    return found


def _ask(python: Path, options: Sequence[str], packages: Sequence[Package]) -> list[dict[str, Any]]:
    # pip says nothing of any if it cannot install one of them, or if there are two of one name.
    if not packages:
        return []
    if len({package.name for package in packages}) == len(packages):
        found = _ask_at_once(python, options, packages)
        if found is not None or len(packages) == 1:
            return found or []
    # Two versions of one package are neighbours.
    return _ask(python, options, packages[::2]) + _ask(python, options, packages[1::2])


def _ask_at_once(python: Path, options: Sequence[str], packages: Sequence[Package]) -> list[dict[str, Any]] | None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        done = subprocess.run(
            [
                *(str(python), "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"),
                *("--disable-pip-version-check", "--only-binary", ":all:", "--target", folder),
                *("--report", str(report), *options),
                *(f"{package.name}=={package.version}" for package in packages),
            ],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            return None
        found: list[dict[str, Any]] = [one["metadata"] for one in json.loads(report.read_text())["install"]]
        return found


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
