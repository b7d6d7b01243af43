"""Rules of the repository that no other tool checks."""

import ast
import configparser
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "runtail": ROOT / "libs/runtail",
    "runtail_web": ROOT / "services/web",
    "runtail_worker": ROOT / "services/worker",
    "runtail_socket": ROOT / "services/socket",
}
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
UI = ROOT / "services/web/ui"
NPM_LOCKS = [
    UI / "package-lock.json",
    *(ROOT / f"tests/{name}/package-lock.json" for name in ("lighthouse", "openapi", "provider")),
]
GREEN = {"eventlet", "gevent", "greenlet"}
#: What tests try in short, and a program of its own at length.
BETWEEN_FOLDERS = {
    ("tests/integration/test_relay_autobahn.py", "tests.autobahn.cases"),
    ("tests/integration/test_relay_figures.py", "tests.proof.figures.comings_and_goings"),
}
#: Distributions whose modules are not called as the distribution is.
MODULES_OF = {
    "flask-socketio": {"flask_socketio"},
    "google-re2": {"re2"},
    "prometheus-client": {"prometheus_client"},
    "python-engineio": {"engineio"},
    "python-socketio": {"socketio"},
    "argon2-cffi": {"argon2"},
    # It is a part of Celery.
    "celery": {"celery", "kombu"},
    "websocket-client": {"websocket"},
}


def sources(package: str) -> Iterator[Path]:
    """The Python files of one of the four packages."""
    yield from sorted((PACKAGES[package] / "src" / package).rglob("*.py"))


def imported_roots(source: Path) -> set[str]:
    """The first parts of all module names that a file imports, anywhere in it."""
    roots = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.partition(".")[0])
    return roots


def declared_modules(package: str) -> set[str]:
    """Top-level modules of what a package declares as dependencies, extras included."""
    project = tomllib.loads((PACKAGES[package] / "pyproject.toml").read_text())["project"]
    requirements = list(project["dependencies"])
    for extra in project.get("optional-dependencies", {}).values():
        requirements += extra
    modules = set()
    for requirement in requirements:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert match, requirement
        name = match.group().lower()
        modules |= MODULES_OF.get(name, {name.replace("-", "_")})
    return modules


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_python_lock_is_hashed_and_names_no_registry(lock: Path) -> None:
    lines = lock.read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.lstrip().startswith("#"))
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE), "options such as --index-url"
    requirements = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert requirements
    assert [r for r in requirements if "==" not in r or "--hash=sha256:" not in r] == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda lock: lock.parent.name)
def test_npm_lock_is_hashed_and_names_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []


def test_one_module_knows_green_threads() -> None:
    importers = [
        source.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for source in sources(package)
        if imported_roots(source) & GREEN
    ]
    assert len(importers) <= 1, importers
    assert all(path.startswith("services/socket/") for path in importers), importers


def test_relay_cannot_be_imported_as_socket() -> None:
    assert not (ROOT / "services/socket/__init__.py").exists()
    assert not (ROOT / "services/__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_are_declared(package: str) -> None:
    # What the library depends on is there for the services, too; that they do
    # not import each other follows from none declaring another.
    allowed = declared_modules(package) | declared_modules("runtail")
    allowed |= {package, *sys.stdlib_module_names}
    undeclared = {
        f"{source.relative_to(ROOT)} imports {root}"
        for source in sources(package)
        for root in imported_roots(source) - allowed
    }
    assert undeclared == set()


def test_packages_have_one_version() -> None:
    versions = set()
    for package, folder in PACKAGES.items():
        file = "version.py" if package == "runtail" else "__init__.py"
        text = (folder / "src" / package / file).read_text()
        versions |= set(re.findall(r'^__version__ = "(.*)"', text, re.MULTILINE))
    assert len(versions) == 1


def test_property_tests_have_no_deadline() -> None:
    assert hypothesis.settings().deadline is None


def test_folders_of_tests_share_what_is_in_support() -> None:
    """Unit tests try the programs of other folders, too; nobody else imports from a folder that is not its own."""
    found = set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        folder = path.relative_to(ROOT / "tests").parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.startswith("tests.") and module.split(".")[1] not in (folder, "support") and folder != "unit":
                found.add((str(path.relative_to(ROOT)), module))
    assert found == BETWEEN_FOLDERS


def test_files_are_small_and_named_after_their_subject() -> None:
    product = [source for package in PACKAGES for source in sources(package)]
    # The types of the API are made from its description.
    product += (path for end in ("ts", "tsx") for path in (UI / "src").rglob(f"*.{end}") if path.name != "openapi.ts")
    files = [*product, *(ROOT / "tests").rglob("*.py"), *(UI / "tests").glob("*.ts")]
    vague = {"utils", "util", "helpers", "common", "core", "misc"}
    assert [path for path in files if path.stem in vague] == []
    assert [path for path in product if len(path.read_text().splitlines()) > 400] == []
    assert [path for path in files if len(path.read_text().splitlines()) > 600] == []


def test_hooks_and_templates_call_targets_that_there_are() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    for hook in local["hooks"]:
        make, target = hook["entry"].split()
        assert (make, hook["language"]) == ("make", "system")
        assert target in targets
        assert hook["id"] == target
        re.compile(hook.get("files", ""))
    # All that `make lint` does is done by some hook.
    assert set(lint_targets()) <= {hook["id"] for hook in local["hooks"]}
    for template in (ROOT / ".github").rglob("*.md"):
        assert set(re.findall(r"`make ([a-z-]+)`", template.read_text())) <= targets, template


def lint_targets() -> list[str]:
    """What ``make lint`` is made of."""
    found = re.search(r"^lint: ([a-z -]+?) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return found[1].split()


def test_editors_are_told_what_the_formatters_do() -> None:
    editors = configparser.ConfigParser()
    editors.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    biome = json.loads((UI / "biome.json").read_text())["formatter"]
    assert editors["*"]["max_line_length"] == str(ruff["line-length"])
    page = editors["*.{ts,tsx,css}"]
    assert page["max_line_length"] == str(biome["lineWidth"])
    assert editors["*"]["indent_size"] == str(biome["indentWidth"])
