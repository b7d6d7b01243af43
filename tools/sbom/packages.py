"""Which packages the locks name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

ROOT: Final = Path(__file__).resolve().parents[2]
_REQUIREMENTS: Final = ROOT / "requirements"
_PAGE: Final = ROOT / "services/web/ui/package-lock.json"
#: What looks at the API's description, and the OpenID provider of tests.
_OF_TESTS: Final = tuple(ROOT / f"tests/{name}/package-lock.json" for name in ("lighthouse", "openapi", "provider"))
#: What the images install.
IMAGES: Final = ("socket", "web", "worker")
#: Written by hand, for programs that run apart: a Python 2, and Helm's wheels. See the comments in them.
_BY_HAND: Final = ("autobahn", "helm")
#: The list of what is in no image.
DEVELOPMENT: Final = "development"

_PIN: Final = re.compile(r"^([a-z0-9][a-z0-9.-]*)(?:\[[a-z0-9,-]+\])?==([^\s;\\]+)( ;)?", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package of a lock.

    :param optional: whether only some systems or Pythons install it.
    :param licence: as its lock says, which only npm's do.
    """

    kind: Literal["npm", "pypi"]
    name: str
    version: str
    optional: bool = False
    licence: str = ""

    @property
    def purl(self) -> str:
        """The package's URL, as CycloneDX has it: no address of a registry, but a name."""
        return f"pkg:{self.kind}/{quote(self.name, safe='/')}@{quote(self.version, safe='')}"


def python_packages(lock: str) -> list[Package]:
    """Return the packages of a lock that uv wrote."""
    return [Package("pypi", name, version, bool(marker)) for name, version, marker in _PIN.findall(lock)]


def npm_packages(lock: str, *, development: bool) -> list[Package]:
    """Return the packages of a ``package-lock.json``.

    :param development: those that build and test, else those that end up in the page.
    """
    found = []
    for path, entry in json.loads(lock)["packages"].items():
        if path and bool(entry.get("dev") or entry.get("devOptional")) == development:
            name = path.rpartition("node_modules/")[2]
            optional = bool(entry.get("optional") or entry.get("devOptional"))
            found.append(Package("npm", name, entry["version"], optional, entry.get("license", "")))
    return found


def lists() -> dict[str, list[Package]]:
    """Return the packages by the name of their list, each once."""
    made = {name: set(python_packages(_lock(name))) for name in IMAGES}
    made["web"].update(npm_packages(_PAGE.read_text(), development=False))
    # The same package can be optional for one lock and not for another.
    shipped = {package.purl for packages in made.values() for package in packages}
    development: dict[str, Package] = {}
    for package in _others():
        if package.purl not in shipped and (package.purl not in development or not package.optional):
            development[package.purl] = package
    return {name: sorted(packages) for name, packages in {**made, DEVELOPMENT: development.values()}.items()}


def _others() -> Iterator[Package]:
    for path in sorted(_REQUIREMENTS.rglob("*.txt")):
        if path.stem not in (*IMAGES, *_BY_HAND):
            yield from python_packages(path.read_text())
    yield from npm_packages(_PAGE.read_text(), development=True)
    for lock in _OF_TESTS:
        for development in (False, True):
            yield from npm_packages(lock.read_text(), development=development)


def _lock(name: str) -> str:
    return (_REQUIREMENTS / f"{name}.txt").read_text()
