"""The artifacts of a release: wheels, the chart's package, and a list of their checksums."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tools.release.errors import ReleaseError

#: The packages that users install from an index; the services are in the images.
WHEELS = ("libs/runtail",)
CHART = "helm/runtail"
SUMS = "SHA256SUMS"


def commit_time(root: Path) -> str:
    """Return the time of the checked-out commit, in seconds since 1970: all files in the artifacts have this time."""
    return output(["git", "show", "--no-patch", "--format=%ct", "HEAD"], root)


def wheels(root: Path, into: Path) -> None:
    """Build the wheels.

    :raises ReleaseError: if one cannot be built.
    """
    for package in WHEELS:
        run(
            [
                *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--no-build-isolation", "--wheel-dir", str(into), str(root / package)),
            ],
            root,
        )


def chart(root: Path, into: Path, *, helm: str, signing: tuple[str, Path] | None) -> None:
    """Package the chart.

    :param helm: the Helm program.
    :param signing: the name of a key and the keyring that has it; ``None`` leaves the package unsigned.
    :raises ReleaseError: if Helm refuses.
    """
    arguments = [helm, "package", str(root / CHART), "--destination", str(into)]
    if signing:
        name, keyring = signing
        arguments += ["--sign", "--key", name, "--keyring", str(keyring)]
    run(arguments, root)


def checksums(folder: Path) -> None:
    """Write the SHA-256 sum of each file in a folder, in the format of ``sha256sum --check``."""
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / SUMS).write_text("".join(lines))


def run(arguments: list[str], root: Path) -> None:
    """Run a program that prints its progress.

    :raises ReleaseError: if it fails or is missing.
    """
    environment = {**os.environ, "SOURCE_DATE_EPOCH": commit_time(root)}
    try:
        status = subprocess.run(arguments, cwd=root, env=environment, check=False).returncode
    except FileNotFoundError:
        raise ReleaseError(f"{arguments[0]} is not installed, or not on the PATH.") from None
    if status:
        raise ReleaseError(f"{' '.join(arguments)} ended with status {status}; see above.")


def output(arguments: list[str], root: Path) -> str:
    """Run a program and return its output.

    :raises ReleaseError: if it fails or is missing.
    """
    try:
        done = subprocess.run(arguments, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ReleaseError(f"{arguments[0]} is not installed, or not on the PATH.") from None
    if done.returncode:
        raise ReleaseError(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.rstrip()
