"""A list of packages in CycloneDX's form, a line for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tools.sbom.licences import expression
from tools.sbom.packages import Package


def document(name: str, packages: Iterable[Package], licences: Mapping[str, str]) -> str:
    """Return the text of a list.

    :param licences: by the package's URL.
    """
    lines = ",\n".join(
        "    " + json.dumps(_component(package, licences[package.purl]), separators=(",", ":"))
        for package in sorted(packages)
    )
    return (
        '{\n  "bomFormat": "CycloneDX",\n  "specVersion": "1.6",\n  "version": 1,\n'
        f'  "metadata": {{"component": {{"type": "application", "name": "runtail-{name}", "bom-ref": "runtail"}}}},\n'
        f'  "components": [\n{lines}\n  ]\n}}\n'
    )


def _component(package: Package, licence: str) -> dict[str, Any]:
    found: dict[str, Any] = {"expression": licence} if expression(licence) else {"license": {"name": licence}}
    made: dict[str, Any] = {"type": "library", "bom-ref": package.purl, "name": package.name}
    made |= {"version": package.version, "purl": package.purl, "licenses": [found]}
    return made | ({"scope": "optional"} if package.optional else {})


def licences_in(text: str) -> dict[str, str]:
    """Return the licences of a list by the packages' URLs."""
    found = {}
    for component in json.loads(text)["components"]:
        (licence,) = component["licenses"]
        found[component["purl"]] = licence.get("expression") or licence["license"]["name"]
    return found
