"""Node and the npm packages of one subject, installed under ``build/`` when they are needed first."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.bench.rig import ROOT, Failed

_SOURCES = Path(__file__).parent / "node"

#: Older ones lack what the packages need.
MIN_MAJOR = 18
INSTALL_SECONDS = 300


@cache
def node_command() -> str:
    """Return the program.

    :raises Failed: there is none that fits.
    """
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise Failed("Node with npm is not on the PATH.")
    version = node_version()
    if int(version.lstrip("v").split(".")[0]) < MIN_MAJOR:
        raise Failed(f"Node {version} is too old: {MIN_MAJOR} or newer is needed.")
    return node


@cache
def node_version() -> str:
    """Return what the program says of itself; empty if there is none."""
    node = shutil.which("node")
    if node is None:
        return ""
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()


@cache
def node_folder() -> Path:
    """Return the folder with our scripts and their packages.

    :raises Failed: npm could not install them.
    """
    folder = ROOT / "build" / "bench" / "node"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (_SOURCES / "package.json").read_text()
    kept = folder / "package.json"
    fresh = kept.exists() and kept.read_text() == wanted and (folder / ".complete").exists()
    for source in _SOURCES.iterdir():
        shutil.copy(source, folder)
    if not fresh:
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        try:
            subprocess.run(npm, cwd=folder, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            raise Failed(f"npm could not install the packages: {error}") from None
        (folder / ".complete").touch()
    return folder
