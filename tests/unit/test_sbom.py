"""The lists of packages, and which licences fit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools.sbom import __main__ as program
from tools.sbom import licences, lookup
from tools.sbom.document import document, licences_in
from tools.sbom.packages import ROOT, Package, lists, npm_packages, python_packages

LOCK = """\
# made by uv
cffi==2.1.1 ; sys_platform == 'win32' \\
    --hash=sha256:00
    # via gevent
redis[hiredis]==8.1.0 \\
    --hash=sha256:01
zope-interface==8.7 \\
    --hash=sha256:02
"""
NPM_LOCK = {
    "packages": {
        "": {"name": "page"},
        "node_modules/@preact/signals": {"version": "2.0.0", "license": "MIT"},
        "node_modules/vite": {"version": "7.0.0", "license": "MIT", "dev": True},
        "node_modules/vite/node_modules/fsevents": {"version": "1.0.0", "dev": True, "optional": True},
    }
}
PACKAGE = Package("pypi", "redis", "8.1.0")


def test_every_pin_of_a_lock_is_a_package() -> None:
    found = python_packages(LOCK)
    assert [one.purl for one in found] == [
        "pkg:pypi/cffi@2.1.1", "pkg:pypi/redis@8.1.0", "pkg:pypi/zope-interface@8.7",
    ]  # fmt: skip
    assert [one.optional for one in found] == [True, False, False]


def test_what_builds_the_page_is_told_from_what_is_in_it() -> None:
    text = json.dumps(NPM_LOCK)
    (shipped,) = npm_packages(text, development=False)
    assert (shipped.purl, shipped.licence) == ("pkg:npm/%40preact/signals@2.0.0", "MIT")
    assert [(one.name, one.optional) for one in npm_packages(text, development=True)] == [
        ("vite", False),
        ("fsevents", True),
    ]


def test_the_lists_hold_every_pin_of_the_locks_of_the_images() -> None:
    found = lists()
    assert set(found) == {"web", "socket", "worker", "development"}
    for name in ("web", "socket", "worker"):
        lock = (ROOT / f"requirements/{name}.txt").read_text()
        pins = set(re.findall(r"^[a-z0-9.-]+(?:\[.*\])?==[^ ;\\]+", lock, re.MULTILINE))
        assert len([one for one in found[name] if one.kind == "pypi"]) == len(pins) > 20
    assert {"preact", "socket.io-client"} <= {one.name for one in found["web"]}
    shipped = {one.purl for name in ("web", "socket", "worker") for one in found[name]}
    assert not shipped & {one.purl for one in found["development"]}


@pytest.mark.parametrize("path", sorted(program.FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_the_lists_are_what_cyclonedx_says_and_name_no_registry_and_no_time(path: Path) -> None:
    text = path.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert "://" not in text
    assert "timestamp" not in text
    assert "serialNumber" not in text


def test_a_list_is_read_as_it_was_written() -> None:
    other = Package("npm", "@a/b", "1", optional=True)
    text = document("web", [PACKAGE, other], {PACKAGE.purl: "BSD License", other.purl: "MIT OR Apache-2.0"})
    assert licences_in(text) == {PACKAGE.purl: "BSD License", other.purl: "MIT OR Apache-2.0"}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert [one.get("scope") for one in json.loads(text)["components"]] == ["optional", None]


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"license_expression": "Apache-2.0 OR BSD-3-Clause", "license": "x"}, "Apache-2.0 OR BSD-3-Clause"),
        ({"license": "BSD-3-Clause", "classifier": ["License :: OSI Approved :: BSD License"]}, "BSD-3-Clause"),
        ({"classifier": ["License :: OSI Approved", "License :: OSI Approved :: MIT License"]}, "MIT"),
        (
            {
                "license": "Dual License",
                "classifier": [
                    "License :: OSI Approved :: BSD License",
                    "License :: OSI Approved :: Apache Software License",
                ],
            },
            "Apache-2.0 AND BSD License",
        ),
        ({"license": "New BSD"}, "BSD-3-Clause"),
        ({"license": "Permission is hereby granted, free of charge"}, ""),
        ({}, ""),
    ],
)
def test_a_licence_is_what_the_metadata_names(metadata: dict[str, Any], licence: str) -> None:
    assert licences.said(metadata) == licence


@pytest.mark.parametrize(
    ("licence", "shipped", "development"),
    [
        ("MIT", True, True),
        ("BSD License", True, True),
        ("Apache-2.0 AND BSD License", True, True),
        ("GPL-3.0-only OR MIT", True, True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True, True),
        ("GPL-3.0-only AND MIT", False, True),
        ("LGPL-3.0-only", False, True),
        ("AGPL-3.0-only", False, False),
        ("MIT AND SSPL-1.0", False, False),
        ("Commercial", False, False),
    ],
)
def test_a_licence_fits_if_it_leaves_a_way_that_does(licence: str, shipped: bool, development: bool) -> None:
    assert licences.fits(licence, licences.SHIPPED) is shipped
    assert licences.fits(licence, licences.DEVELOPMENT) is development


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lists of one package, in a folder of their own."""
    packages = {name: [] if name != "web" else [PACKAGE] for name in ("web", "socket", "worker", "development")}
    monkeypatch.setattr(program, "FOLDER", tmp_path)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "lists", lambda: packages)
    return tmp_path


def asked(monkeypatch: pytest.MonkeyPatch, licence: str) -> None:
    monkeypatch.setattr(program, "python_licences", lambda _python, new: {one.purl: licence for one in new})


def test_a_new_package_is_stale_until_it_is_written(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(monkeypatch, "MIT")
    assert program.main(["--check"]) == 1
    assert capsys.readouterr().err == "requirements/sbom does not know pkg:pypi/redis@8.1.0: run 'make sbom'.\n"
    assert program.main([]) == 0
    assert program.main(["--check"]) == 0
    (own_folder / "web.cdx.json").write_text((own_folder / "web.cdx.json").read_text().replace("runtail-web", "x"))
    assert program.main(["--check"]) == 1
    assert "web.cdx.json is stale: run 'make sbom'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("licence", "said"),
    [("AGPL-3.0-only", "pkg:pypi/redis@8.1.0 in web: the licence AGPL-3.0-only"), ("", "These name no licence: pkg:")],
)
def test_a_licence_that_does_not_fit_or_is_missing_is_told(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], licence: str, said: str
) -> None:
    asked(monkeypatch, licence)
    assert program.main([]) == 1
    assert capsys.readouterr().err.startswith(said)


def test_pip_is_asked_for_as_many_at_a_time_as_it_can_install(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = [Package("pypi", name, version) for name, version in (("a", "1"), ("a", "2"), ("b", "1"), ("win", "1"))]

    def ask(_python: Path, options: tuple[str, ...], some: list[Package]) -> list[dict[str, Any]] | None:
        assert len({one.name for one in some}) == len(some)
        if any(one.name == "win" for one in some) and "win_amd64" not in options:
            return None
        return [{"name": one.name.upper(), "version": one.version, "license": "MIT"} for one in some]

    monkeypatch.setattr(lookup, "_ask_at_once", ask)
    assert lookup.python_licences(Path("python"), packages) == {one.purl: "MIT" for one in packages}
    monkeypatch.setattr(lookup, "_ask_at_once", lambda *_: None)
    with pytest.raises(lookup.Unknown, match=r"pkg:pypi/a@1, pkg:pypi/a@2, pkg:pypi/b@1, pkg:pypi/win@1"):
        lookup.python_licences(Path("python"), packages)
