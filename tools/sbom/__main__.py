"""``python -m tools.sbom``: write the lists of packages that are stale, and say whose licences do not fit.

With ``--check`` nothing is asked of other machines and nothing written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.made_files import settle
from tools.sbom import licences
from tools.sbom.document import document, licences_in
from tools.sbom.lookup import Unknown, python_licences
from tools.sbom.packages import DEVELOPMENT, ROOT, Package, lists

FOLDER: Final = ROOT / "requirements/sbom"


def known() -> dict[str, str]:
    """Return the licences that are in the lists already, by the packages' URLs."""
    return {purl: one for path in sorted(FOLDER.glob("*.json")) for purl, one in licences_in(path.read_text()).items()}


def _without_asking(packages: Iterable[Package]) -> dict[str, str]:
    found = {}
    for package in packages:
        licence = licences.READ.get(package.purl.rpartition("@")[0]) or package.licence
        if licence or package.kind == "npm":
            found[package.purl] = licences.expression(licence) or licence
    return found


def misfits(packages: Mapping[str, Sequence[Package]], found: Mapping[str, str]) -> list[str]:
    """Return a sentence for each package whose licence does not fit."""
    return [
        f"{package.purl} in {name}: the licence {found[package.purl]} is not among those that fit"
        for name, many in packages.items()
        for package in many
        if not licences.fits(found[package.purl], licences.DEVELOPMENT if name == DEVELOPMENT else licences.SHIPPED)
    ]


def main(arguments: Sequence[str]) -> int:
    """Write or compare the lists, and judge the licences; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.sbom", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="whose pip asks the package index")
    options = parser.parse_args(arguments)
    packages = lists()
    every = {package.purl: package for many in packages.values() for package in many}
    found = known() | _without_asking(every.values())
    new = [package for purl, package in every.items() if purl not in found]
    if new and options.check:
        names = ", ".join(package.purl for package in new[:5])
        print(f"requirements/sbom does not know {names}: run 'make sbom'.", file=sys.stderr)
        return 1
    try:
        found |= python_licences(options.python, new)
    except Unknown as error:
        print(error, file=sys.stderr)
        return 1
    nameless = sorted(purl for purl in every if not found.get(purl))
    if nameless:
        print(f"These name no licence: {', '.join(nameless)}. See READ in tools/sbom/licences.py.", file=sys.stderr)
        return 1
    files = {FOLDER / f"{name}.cdx.json": document(name, many, found) for name, many in packages.items()}
    status = settle(files, lambda path: f"{path.relative_to(ROOT)} is stale: run 'make sbom'.", check=options.check)
    wrong = misfits(packages, found)
    for one in wrong:
        print(one, file=sys.stderr)
    return 1 if wrong else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
