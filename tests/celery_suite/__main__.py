"""Run Celery's integration suite twice, without Runtail and with it, and compare test by test.

    python -m tests.celery_suite [--ways prefork,solo] [--patience 4] [-- arguments of pytest]

The suite comes from the source distribution of the Celery that ``requirements/celery-suite.txt`` pins, with its hash;
nothing of it is kept in the repository. Each file is run without Runtail and with it at the same time, so that both
meet the same load. Exit status 1: a test that passes without Runtail does not with it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as Xml
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.environments import LOCKS, ROOT, Environment, build_wheel, environments
from tests.support.redis_server import RedisServer

LOCK = "celery-suite"
FOLDER = ROOT / "build" / "celery-suite"
PLUGIN = Path(__file__).parent / "plugin.py"
#: Azure's libraries, which it imports before it sees that there is no Azure.
LEFT_OUT = "t/integration/test_backend.py"
#: How often a test that came out differently is run again, each way.
REPETITIONS = 5
#: If more tests of a file came out differently, all of it is first run again: one task that hangs takes others with it.
FEW = 3
TEST_SECONDS = 300
#: One call of pytest: a file, or what the command line names.
CALL_SECONDS = 3600
#: How pytest ends when it has run to its end: all passed, some failed, none chosen.
WHOLE = (0, 1, 5)

#: How the worker runs: options of the worker, and settings of the app.
WAYS: dict[str, dict[str, Any]] = {
    "prefork": {"worker": {}, "conf": {}},
    "solo": {"worker": {"pool": "solo"}, "conf": {}},
    "autoscale": {"worker": {"autoscale": "4,1"}, "conf": {}},
    "acks_late": {"worker": {}, "conf": {"task_acks_late": True}},
    "one-task-per-child": {"worker": {"max_tasks_per_child": 1}, "conf": {}},
}

#: Stands for a call of pytest that did not run to its end.
BROKEN = " (pytest itself)"

#: By test: passed, failed, skipped.
Outcomes = dict[str, str]


class Suite:
    """The suite's files and the environment that it runs in."""

    def __init__(self, environment: Environment, patience: int = 1) -> None:
        self.environment = environment
        self.patience = patience
        self.folder = FOLDER / "suite"

    def prepare(self) -> None:
        """Make the environment, and fetch the suite if its version changed."""
        with tempfile.TemporaryDirectory() as name:
            self.environment.make(build_wheel(Path(name)))
        pinned = pinned_celery()
        mark = self.folder / "made-from"
        if mark.exists() and mark.read_text() == pinned:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = self.folder / "celery.txt"
        wanted.write_text(pinned)
        done = self.environment.run(
            *("-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--no-binary", "celery", "--require-hashes", "--dest", str(self.folder), "-r", str(wanted)),
        )
        if done.returncode:
            sys.exit(f"Celery's source distribution cannot be had:\n{done.stdout}{done.stderr}")
        (archive,) = self.folder.glob("celery-*.tar.gz")
        with tarfile.open(archive) as files:
            top = archive.name.removesuffix(".tar.gz")
            for member in files.getmembers():
                inside = member.name.removeprefix(f"{top}/")
                if inside == "pyproject.toml" or inside.startswith("t/"):
                    files.extract(member.replace(name=inside), self.folder, filter="data")
        archive.unlink()
        mark.write_text(pinned)

    def targets(self) -> list[str]:
        """Return the suite's files, as arguments of pytest.

        They are run one by one: a session of all of them ended twice, with Runtail, inside pytest, which parses the
        source of what failed; docs/reliability.md has more.
        """
        found = sorted((self.folder / "t" / "integration").glob("test_*.py"))
        return [target for file in found if (target := str(file.relative_to(self.folder))) != LEFT_OUT]

    def run(self, way: str, name: str, *, install: bool, arguments: Sequence[str]) -> Outcomes:
        """Call pytest once, with a server and a worker of its own.

        :param name: of the files with its output and outcomes.
        """
        report, log = FOLDER / f"{name}.xml", FOLDER / f"{name}.log"
        report.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
            environment = {
                **{variable: value for variable, value in os.environ.items() if not variable.startswith("RUNTAIL_")},
                "CELERY_SUITE": json.dumps({"install": install, "patience": self.patience, **WAYS[way]}),
                # Some tests call `celery`.
                "PATH": f"{self.environment.interpreter.parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join([str(self.folder), str(PLUGIN.parent)]),
                "TEST_BROKER": server.url.removesuffix("/0"),
                "TEST_BACKEND": server.url.removesuffix("/0"),
                "REDIS_HOST": server.host,
                "REDIS_PORT": str(server.port),
                # The suite flushes the broker's database.
                "RUNTAIL_STORE_URL": f"{server.url.removesuffix('/0')}/5",
                "RUNTAIL_BROKER_URL": server.url,
                "RUNTAIL_WORKER_ADMIN_PORT": "0",
                "C_FORCE_ROOT": "1",
            }
            command: list[str | Path] = [
                *(self.environment.interpreter, "-m", "pytest", "-p", "celery.contrib.pytest", "-p", PLUGIN.stem),
                # With pytest's own capture the suite's worker does not start, with and without Runtail.
                *("--capture=no", "-p", "no:cacheprovider", "--timeout", str(TEST_SECONDS)),
                f"--junitxml={report}",
                *arguments,
            ]
            with log.open("wb") as output:
                try:
                    status = subprocess.run(
                        command,
                        cwd=self.folder,
                        env=environment,
                        stdout=output,
                        stderr=output,
                        timeout=CALL_SECONDS,
                        check=False,
                    ).returncode
                except subprocess.TimeoutExpired:
                    status = None
        found = read_outcomes(report) if report.exists() else {}
        if status not in WHOLE:
            found[" ".join(arguments) + BROKEN] = f"ended with {status}"
        return found


def pinned_celery() -> str:
    """Return the lock's lines about Celery: its version and hashes."""
    found = re.search(r"^celery==.*?(?=^\S)", (LOCKS / f"{LOCK}.txt").read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def read_outcomes(report: Path) -> Outcomes:
    """Read pytest's report: by test, how it came out in the end."""
    found: Outcomes = {}
    for case in Xml.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        failed, skipped = bool(kinds & {"failure", "error"}), "skipped" in kinds
        outcome = "failed" if failed else "skipped" if skipped else "passed"
        # An error of a fixture's end has an entry of its own.
        if found.get(name) != "failed":
            found[name] = outcome
    return found


def differences(plain: Outcomes, installed: Outcomes) -> list[str]:
    """Return the tests that did not come out alike."""
    return sorted(name for name in plain.keys() | installed.keys() if plain.get(name) != installed.get(name))


def node_of(name: str) -> str:
    """Return what pytest calls a test of the report: ``t/integration/test_x.py::test_class::test_name[param]``."""
    path, _, test = name.partition("::")
    package, module, *classes = path.removeprefix("t.").split(".")
    return "::".join([f"t/{package}/{module}.py", *classes, test])


@dataclass
class Result:
    """What came of one way."""

    way: str
    outcomes: dict[bool, Outcomes] = field(default_factory=lambda: {False: {}, True: {}})
    seconds: float = 0.0
    #: What came out differently at first: in words, how it was when repeated.
    repeated: dict[str, str] = field(default_factory=dict)
    guilty: list[str] = field(default_factory=list)

    def counts(self, *, install: bool) -> dict[str, int]:
        """Return how many passed, failed and were skipped; a session that broke counts as one that failed."""
        found = list(self.outcomes[install].values())
        passed, skipped = found.count("passed"), found.count("skipped")
        return {"passed": passed, "failed": len(found) - passed - skipped, "skipped": skipped}

    def said_of(self, name: str) -> str:
        """Return how a test came out that did not come out alike."""
        once = [self.outcomes[install].get(name, "missing") for install in (False, True)]
        return f"{name}: {once[0]} without, {once[1]} with Runtail; repeated: {self.repeated[name]}"


def run_both(suite: Suite, way: str, label: str, arguments: Sequence[str]) -> tuple[dict[bool, Outcomes], float]:
    """Call pytest without Runtail and with it at the same time; return what came of each, and the seconds it took."""
    begun = time.monotonic()
    with ThreadPoolExecutor() as threads:
        running = {
            install: threads.submit(
                suite.run,
                way,
                f"{way}-{'with' if install else 'without'}-{label}",
                install=install,
                arguments=arguments,
            )
            for install in (False, True)
        }
        return {install: run.result() for install, run in running.items()}, time.monotonic() - begun


def judge(suite: Suite, way: str, name: str, target: Sequence[str]) -> tuple[bool, str]:
    """Run one test that came out differently again, each way; return whether Runtail is to blame, and what was seen.

    :param target: what it was part of: all of that is run again if it did not run to its end.
    """
    broken = name.endswith(BROKEN)
    seen: dict[bool, list[str]] = {False: [], True: []}
    for _ in range(REPETITIONS):
        found, _seconds = run_both(suite, way, "again", target if broken else [node_of(name)])
        for install, outcomes in found.items():
            seen[install].append(outcomes.get(name, "passed" if broken else "missing"))
    return verdict(seen[False].count("passed"), seen[True].count("passed"))


def verdict(plain: int, installed: int) -> tuple[bool, str]:
    """Return whether Runtail is to blame, and why, from how often a test passed without it and with it."""
    said = f"passed {plain} of {REPETITIONS} without, {installed} with Runtail"
    if installed >= plain:
        return False, f"{said}: no difference when repeated"
    if plain < REPETITIONS and installed:
        return False, f"{said}: fails now and then, with and without"
    return True, f"{said}: DIFFERS"


def compare(suite: Suite, way: str, arguments: Sequence[str]) -> Result:
    """Run file by file, without and with; say what came of each."""
    result = Result(way)
    whole = any(argument.startswith("-") for argument in arguments)
    for target in [list(arguments)] if whole else [[target] for target in arguments or suite.targets()]:
        label = re.sub(r"\W+", "-", Path(target[0]).stem)
        found, seconds = run_both(suite, way, label, target)
        if len(differences(found[False], found[True])) > FEW:
            print(f"{way}, {' '.join(target)}: run again, too much differs", flush=True)
            found, seconds = run_both(suite, way, label, target)
        result.seconds += seconds
        for install, outcomes in found.items():
            result.outcomes[install] |= outcomes
        passed = [list(found[install].values()).count("passed") for install in (False, True)]
        print(f"{way}, {' '.join(target)}: {passed[0]} passed without, {passed[1]} with Runtail", flush=True)
        for name in differences(found[False], found[True]):
            guilty, result.repeated[name] = judge(suite, way, name, target)
            result.guilty += [name] if guilty else []
            print(f"  {result.said_of(name)}", flush=True)
    return result


def table(results: Sequence[Result]) -> str:
    """Return what came of all ways, in Markdown: how many passed, and each test that did not come out alike."""
    lines = [
        "| way | passed without | passed with | failed without | failed with | skipped | minutes | differences |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        plain, installed = result.counts(install=False), result.counts(install=True)
        cells = [result.way, plain["passed"], installed["passed"], plain["failed"], installed["failed"],
                 plain["skipped"], f"{result.seconds / 60:.0f}", len(result.guilty)]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += [f"- {result.way}, {result.said_of(name)}" for result in results for name in result.repeated]
    return "\n".join(lines)


def main() -> int:
    """Run the ways that were asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.celery_suite")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument(
        "--patience", type=int, default=1, help="times as long as the suite would, tests wait for tasks"
    )
    parser.add_argument(
        "arguments", nargs="*", help="files or tests, one by one, instead of all; or arguments of pytest"
    )
    options = parser.parse_args()
    ways = options.ways.split(",")
    if unknown := set(ways) - set(WAYS):
        parser.error(f"no way is named {', '.join(sorted(unknown))}")
    suite = Suite(next(environments(LOCK)), options.patience)
    suite.prepare()
    results = [compare(suite, way, options.arguments) for way in ways]
    print(table(results))
    return 1 if any(result.guilty for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
