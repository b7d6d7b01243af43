"""Every command in the documentation can be typed: its program, targets, options, files and values are there.

Some also run: those of docs/kubernetes.md on a cluster (tests/e2e/test_documentation.py), docs/tour.md in a browser.
Those of the runbooks have rules of their own (tests/integration/test_alert_rules.py).
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from runtail.cli import main
from runtail.settings import SETTINGS
from runtail_web.app import API
from tests.openapi.__main__ import described
from tests.support.documentation import blocks, named_commands

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "helm/runtail/README.md"])
#: It tells of what was.
PAGES.remove(ROOT / "CHANGELOG.md")
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "helm/runtail/values.yaml").read_text())
#: Programs of others that pages show, of which only the files that they name are looked at.
OTHERS = {
    "docker",
    "kubectl",
    "pip",
    "pipx",
    "pre-commit",
    "curl",
    "openssl",
    "celery",
    "export",
    "eval",
    "source",
    "NS=<namespace>",
}
OTHERS |= {"_RUNTAIL_COMPLETE=fish_source"}
OURS = {"make", "runtail", "python", "python3", "helm"}


def every(*programs: str) -> list[tuple[Path, str]]:
    """Return what all pages show of these programs, each with its page."""
    return [(page, command) for page in PAGES for command in named_commands(page, set(programs))]


def cases(*programs: str) -> Any:
    """Make a test of each such command."""
    found = every(*programs)
    assert found
    names = [f"{page.relative_to(ROOT)}: {command}"[:90] for page, command in found]
    return pytest.mark.parametrize("command", [command for _, command in found], ids=names)


def test_only_programs_that_are_looked_at_are_shown() -> None:
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip() and not line.startswith("#"):
                    assert Path(line.split()[0]).name in OURS | OTHERS, f"{page}: {line}"


@cases("make")
def test_make_has_the_targets_and_variables(command: str) -> None:
    for word in shlex.split(command)[1:]:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            assert re.search(rf"\$[({{](?:[a-z-]+ [^()]*)?{name}\b", MAKEFILE) or f"{name} ?=" in MAKEFILE, word
        else:
            assert name in TARGETS, word


def check_runtail(words: list[str]) -> None:
    """Parse a command line of `runtail` as the program does, without running it."""
    if not words or words[0].startswith("-"):
        assert words in (["--version"], [])
        return
    name, *arguments = words
    assert name in main.commands, name
    subcommand = main.commands[name]
    if isinstance(subcommand, click.Group):
        inner, *arguments = arguments
        subcommand = subcommand.commands[inner]
    # Shown by its name alone, or with words in capitals for what the reader puts there.
    if not arguments or name == "worker":
        return
    typed = ["7" if word == "LINE" else word for word in arguments if not word.startswith("[")]
    try:
        with subcommand.make_context(name, typed):
            pass
    except click.exceptions.Exit:
        pass


@cases("runtail")
def test_runtail_has_the_command_and_its_options(command: str) -> None:
    words = shlex.split(re.split(r" (?:\||<|>>) ", command)[0])
    check_runtail([word for word in words[1:] if word != "…"])


@cases("kubectl")
def test_commands_within_a_pod_exist_too(command: str) -> None:
    _, inside, rest = command.partition(" -- runtail ")
    if inside:
        check_runtail(shlex.split(rest))


@cases("python", "python3")
def test_python_has_the_module_and_it_the_options(command: str) -> None:
    words = shlex.split(command.removesuffix("&"))
    if words[1] == "-c":
        subprocess.run([sys.executable, *words[1:]], check=True, timeout=60)
        return
    if "-m" not in words:
        # `python -u` and its like; a path that is cut short.
        assert words[1:] == ["-u"] or words[1].startswith("...") or "|" in words or (ROOT / words[1]).exists()
        return
    module, *arguments = words[words.index("-m") + 1 :]
    found = importlib.util.find_spec(module)
    assert found is not None, module
    assert found.origin is not None
    folder = Path(found.origin).parent
    sources = folder.glob("*.py") if Path(found.origin).name == "__init__.py" else [Path(found.origin)]
    text = "".join(path.read_text() for path in sources)
    for option in arguments:
        assert not option.startswith("--") or f'"{option}"' in text, option


def test_files_that_commands_name_exist() -> None:
    seen = 0
    for _, command in every("helm", "docker", "kubectl", "pip"):
        for word in re.findall(r"(?<![\w/.])(?:\./)?((?:helm|docker|libs|services|docs)/[\w./-]+)", command):
            assert (ROOT / word).exists(), command
            seen += 1
        # Extras of the library.
        for path, extra in re.findall(r"\./(libs/\w+)\[(\w+)\]", command):
            project = tomllib.loads((ROOT / path / "pyproject.toml").read_text())["project"]
            assert extra in project["optional-dependencies"], command
    assert seen > 10


def has(values: Any, path: list[str]) -> bool:
    """Whether the chart has a value; below a map that is empty by default anything may stand."""
    if path[1:2] and path[1] in VALUES["pod"]:
        # Each component takes the keys of all pods, too.
        values, path = VALUES["pod"], path[1:]
    for key in path:
        if values in ({}, [], None, ""):
            return True
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def test_values_that_helm_is_given_exist() -> None:
    seen = 0
    settings = {setting.variable for setting in SETTINGS}
    for page, command in every("helm"):
        for name in re.findall(r"--set[= ]\"?([\w.-]+)=", command):
            seen += 1
            first, _, rest = name.partition(".")
            if first == "settings":
                assert rest in settings, f"{page}: {name}"
            elif name.startswith("worker.pools."):
                assert has(VALUES["worker"]["defaults"], name.split(".")[3:]), f"{page}: {name}"
            else:
                assert has(VALUES, name.split(".")), f"{page}: {name}"
    assert seen > 5


def test_values_that_pages_name_exist() -> None:
    tops = "|".join(name for name, value in VALUES.items() if isinstance(value, dict) and name != "settings")
    seen = 0
    for page in PAGES:
        for name in re.findall(rf"`((?:{tops})\.[a-zA-Z.]+)(?:=[^`]*)?`", page.read_text()):
            # Modules are no values, and the names of pools are yours.
            if name.startswith(("tests.support.", "worker.pools.")) or name.endswith(".py"):
                continue
            seen += 1
            assert has(VALUES, name.split(".")), f"{page}: {name}"
    assert seen > 100


def test_addresses_that_curl_is_given_are_routes() -> None:
    routes = [re.sub(r"\{\w+\}", "[^/?]+", path) for path in described()["paths"]]
    seen = 0
    for page, command in every("curl"):
        for url in re.findall(rf"http://127\.0\.0\.1:8000({API}[^'\" ]*)", command):
            path = url.partition("?")[0]
            assert any(re.fullmatch(f"(?:{API})?{route}", path) for route in routes), f"{page}: {url}"
            seen += 1
    assert seen >= 3


def test_tests_that_pages_name_exist() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"def (test_\w+)", sources))
    for page in PAGES:
        for name in re.findall(r"`(test_\w+)(?:\[\w+\])?`", page.read_text()):
            # Tests of Celery's own suite are named in one section.
            if name not in known:
                celery = page.read_text().partition("## Celery's own suite")[2].partition("\n## ")[0]
                assert f"`{name}`" in celery, f"{page} names {name}"


def test_what_commands_look_for_in_logs_is_logged() -> None:
    """A runbook whose `grep` finds nothing would say that all is well."""
    folders = ("libs/runtail/src", "services/web/src", "services/socket/src", "services/worker/src")
    sources = "\n".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text()) for folder in folders for path in (ROOT / folder).rglob("*.py")
    )
    seen = 0
    for page, command in every("kubectl"):
        for text in re.findall(r" logs .*\| grep (?:-i )?(\"[^\"]+\"|'[^']+'|\S+)", command):
            seen += 1
            wanted = text.strip("'") if text.startswith("'") else text.strip('"')
            assert re.search(re.escape(wanted), sources, re.I if "grep -i" in command else 0), f"{page}: {wanted}"
    assert seen > 5
