"""Environments with one version of Celery each, as users have them: from hash-pinned locks, and the library's wheel."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements"
FOLDER = ROOT / "build" / "environments"
#: More interpreters than the PATH has, with blanks between them.
PYTHONS_VARIABLE = "RUNTAIL_TEST_PYTHONS"
OURS = [(3, 11), (3, 12), (3, 13)]
#: The newest Python that a version of Celery declares, where that is not the newest of ours.
NEWEST_PYTHON = {"matrix/celery-5.4": (3, 12), "matrix/celery-5.4-newest": (3, 12)}
_UV = Path(sys.executable).parent / "uv"


@dataclass(frozen=True)
class Environment:
    """One lock on one Python.

    :param lock: its name below ``requirements``, e.g. ``matrix/celery-5.4``.
    :param python: the interpreter that it is made with.
    :param version: that interpreter's, e.g. ``3.11``.
    """

    lock: str
    python: str
    version: str

    def __str__(self) -> str:
        return f"{self.lock.rpartition('/')[2]}-python{self.version}"

    @property
    def folder(self) -> Path:
        """Where it is."""
        return FOLDER / str(self)

    @property
    def interpreter(self) -> Path:
        """Its own Python."""
        return self.folder / "bin" / "python"

    def make(self, wheel: Path) -> None:
        """Make it if the lock changed, and install the library's wheel without asking for what that needs."""
        lock = LOCKS / f"{self.lock}.txt"
        if self._changed("made-from", lock):
            _run(_UV, "venv", "--no-config", "--clear", "--python", self.python, self.folder)
            self._install("--require-hashes", "-r", lock)
            self._remember("made-from", lock)
        if self._changed("wheel", wheel):
            self._install("--no-deps", "--reinstall", wheel)
            self._remember("wheel", wheel)

    def _changed(self, name: str, file: Path) -> bool:
        mark = self.folder / name
        return not mark.exists() or mark.read_text() != hashlib.sha256(file.read_bytes()).hexdigest()

    def _remember(self, name: str, file: Path) -> None:
        (self.folder / name).write_text(hashlib.sha256(file.read_bytes()).hexdigest())

    def _install(self, *arguments: str | Path) -> None:
        _run(_UV, "pip", "install", "--no-config", "--python", self.interpreter, *arguments)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call its interpreter."""
        command = [str(self.interpreter), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=self.folder)


def build_wheel(folder: Path) -> Path:
    """Build the library's wheel with the build backend of this environment."""
    _run(_UV, "build", "--no-config", "--wheel", "--no-build-isolation", "--out-dir", folder, ROOT / "libs" / "runtail")
    (wheel,) = folder.glob("*.whl")
    return wheel


def environments(lock: str) -> Iterator[Environment]:
    """Yield a lock's environments: on each Python that the machine has and that its Celery declares."""
    for version, python in _pythons().items():
        if version <= NEWEST_PYTHON.get(lock, OURS[-1]):
            yield Environment(lock, python, ".".join(map(str, version)))


def _pythons() -> dict[tuple[int, int], str]:
    candidates = [sys.executable, *os.environ.get(PYTHONS_VARIABLE, "").split()]
    candidates += [f"python{major}.{minor}" for major, minor in OURS]
    found: dict[tuple[int, int], str] = {}
    for candidate in candidates:
        code = "import sys; print(*sys.version_info[:2], sys.base_prefix)"
        try:
            said = subprocess.run(
                [candidate, "-c", code], capture_output=True, text=True, timeout=30, check=True
            ).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        major, minor, prefix = said.split(maxsplit=2)
        version = (int(major), int(minor))
        if version in OURS:
            found.setdefault(version, f"{prefix.strip()}/bin/python{major}.{minor}")
    return dict(sorted(found.items()))


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
