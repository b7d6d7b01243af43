"""Run Celery's integration suite twice, without Runtail and with it, and compare test by test.

    python -m tests.celery_suite [--ways prefork,solo] [-- arguments of pytest]

The suite comes from the source distribution of the Celery that ``requirements/celery-suite.txt`` pins, with its hash;
nothing of it is kept in the repository. Exit status 1: a test that passes without Runtail does not with it.
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
REPETITIONS = 3
TEST_SECONDS = 300
SUITE_SECONDS = 3600

#: How the worker runs: options of the worker, and settings of the app.
WAYS: dict[str, dict[str, Any]] = {
    "prefork": {"worker": {}, "conf": {}},
    "solo": {"worker": {"pool": "solo"}, "conf": {}},
    "autoscale": {"worker": {"autoscale": "4,1"}, "conf": {}},
    "acks_late": {"worker": {}, "conf": {"task_acks_late": True}},
    "one-task-per-child": {"worker": {"max_tasks_per_child": 1}, "conf": {}},
}

#: By test: passed, failed, skipped.
Outcomes = dict[str, str]


class Suite:
    """The suite's files and the environment that it runs in."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
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

    def run(self, way: str, name: str, *, install: bool, arguments: Sequence[str]) -> Outcomes:
        """Run all files, or what *arguments* say, each with a server and a worker of its own.

        A session of all files broke twice, with Runtail, inside pytest, in a file that passes by itself: pytest parses
        the source to show a failure, a thread of the worker does so for a traceback, and CPython 3.11 mixes the two up.

        :param name: of the files with output and outcomes.
        """
        if arguments:
            return self.run_once(way, name, install=install, arguments=arguments)
        found: Outcomes = {}
        for file in sorted((self.folder / "t" / "integration").glob("test_*.py")):
            target = str(file.relative_to(self.folder))
            if target != LEFT_OUT:
                found |= self.run_once(way, f"{name}-{file.stem}", install=install, arguments=[target])
        return found

    def run_once(self, way: str, name: str, *, install: bool, arguments: Sequence[str]) -> Outcomes:
        """Call pytest once."""
        report, log = FOLDER / f"{name}.xml", FOLDER / f"{name}.log"
        report.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
            environment = {
                **{variable: value for variable, value in os.environ.items() if not variable.startswith("RUNTAIL_")},
                "CELERY_SUITE": json.dumps({"install": install, **WAYS[way]}),
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
                subprocess.run(
                    command,
                    cwd=self.folder,
                    env=environment,
                    stdout=output,
                    stderr=output,
                    timeout=SUITE_SECONDS,
                    check=False,
                )
        if not report.exists():
            sys.exit(f"The suite did not run to its end; see {log}")
        return read_outcomes(report)


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


def judge(suite: Suite, way: str, name: str) -> bool:
    """Run one test that came out differently again, each way; say what was seen; return True if Runtail is to blame."""
    seen: dict[bool, list[str]] = {False: [], True: []}
    for _ in range(REPETITIONS):
        for install in (False, True):
            once = suite.run(way, f"{way}-again", install=install, arguments=[node_of(name)])
            seen[install].append(once.get(name, "missing"))
    passed = {install: outcomes.count("passed") for install, outcomes in seen.items()}
    guilty = passed[True] < passed[False]
    verdict = "DIFFERS" if guilty else "no difference when repeated"
    print(
        f"  {name}: passed {passed[False]} of {REPETITIONS} without, {passed[True]} with Runtail: {verdict}", flush=True
    )
    return guilty


def compare(suite: Suite, way: str, arguments: Sequence[str]) -> bool:
    """Run both, print what came of it; return True if nothing differs."""
    outcomes: dict[bool, Outcomes] = {}
    for install in (False, True):
        word, begun = "with" if install else "without", time.monotonic()
        found = outcomes[install] = suite.run(way, f"{way}-{word}", install=install, arguments=arguments)
        counts = {kind: list(found.values()).count(kind) for kind in ("passed", "failed", "skipped")}
        said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        print(f"{way}, {word} Runtail: {said}, {time.monotonic() - begun:.0f} s", flush=True)
    different = differences(outcomes[False], outcomes[True])
    for name in different:
        print(f"  {name}: {outcomes[False].get(name)} without, {outcomes[True].get(name)} with Runtail", flush=True)
    guilty = [name for name in different if judge(suite, way, name)]
    print(f"{way}: {len(guilty)} differences", flush=True)
    return not guilty


def main() -> int:
    """Run the ways that were asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.celery_suite")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument("arguments", nargs="*", help="arguments of pytest instead of t/integration")
    options = parser.parse_args()
    ways = options.ways.split(",")
    if unknown := set(ways) - set(WAYS):
        parser.error(f"no way is named {', '.join(sorted(unknown))}")
    suite = Suite(next(environments(LOCK)))
    suite.prepare()
    alike = [compare(suite, way, options.arguments) for way in ways]
    return 0 if all(alike) else 1


if __name__ == "__main__":
    sys.exit(main())
