"""Celery's integration suite: fetched, and run in sessions of pytest, each with a Redis and a worker of its own."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.celery_suite.outcomes import STOPPED, Outcomes, read_outcomes
from tests.support.environments import LOCKS, ROOT, Environment, build_wheel
from tests.support.redis_server import RedisServer

LOCK = "celery-suite"
FOLDER = ROOT / "build" / "celery-suite"
PLUGIN = Path(__file__).parent / "plugin.py"
#: Azure's libraries, which it imports before it sees that there is no Azure.
LEFT_OUT = "t/integration/test_backend.py"
#: A session is ended that has not said anything for so long: more than the suite gives any part of a test.
SILENT_SECONDS = 480
#: Celery repeats many tests that fail, five times. One that waited for a task in vain would wait as long each time.
NOT_REPEATED = "^(TimeoutError|OutOfTime): "

#: How the worker runs: options of the worker (``worker``), and settings of the app (``conf``).
Way = Mapping[str, Any]


class Suite:
    """The suite's files and the environment that it runs in.

    :param patience: how many times as long as the suite would tests wait for tasks.
    """

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

    def collect(self, arguments: Sequence[str]) -> list[str]:
        """Return the tests that pytest's arguments choose, or all of them.

        :raises SystemExit: pytest could not collect them.
        """
        files = sorted((self.folder / "t" / "integration").glob("test_*.py"))
        everything = [name for file in files if (name := str(file.relative_to(self.folder))) != LEFT_OUT]
        journal, log = self._session({}, "collect", False, [], ["--collect-only", *(arguments or everything)])
        collected, _ = read_outcomes(journal)
        if not collected:
            sys.exit(f"pytest found no tests:\n{log.read_text()}")
        return collected

    def run(self, way: Way, name: str, *, install: bool, tests: Sequence[str]) -> Outcomes:
        """Run tests of one file, in one session if nothing ends that before its time.

        A test that waits in vain ends it (see the plugin), and the tests after it are run in another session. So are
        those after a test in which pytest itself ends or hangs, which is ``stopped`` then.

        :param name: of the files with the sessions' output and outcomes.
        """
        found: Outcomes = {}
        file = tests[0].partition("::")[0]
        for number in itertools.count(1):
            left = [test for test in tests if test not in found]
            if not left:
                break
            journal, log = self._session(way, f"{name}-{number}", install, left, [file])
            _, came = read_outcomes(journal)
            if not came:
                print(f"{name}: no test began; see {log}", flush=True)
                came = dict.fromkeys(left, STOPPED)
            found |= came
        return found

    def _session(
        self, way: Way, name: str, install: bool, tests: Sequence[str], arguments: Sequence[str]
    ) -> tuple[Path, Path]:
        """Call pytest once, with a server and a worker of its own; return its journal and its output."""
        journal, log = FOLDER / f"{name}.jsonl", FOLDER / f"{name}.log"
        journal.unlink(missing_ok=True)
        asked = {"worker": {}, "conf": {}, **way, "install": install, "patience": self.patience, "tests": tests}
        with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
            store = server.url.removesuffix("/0")
            environment = {
                **{variable: value for variable, value in os.environ.items() if not variable.startswith("RUNTAIL_")},
                "CELERY_SUITE": json.dumps({**asked, "journal": str(journal)}),
                # Some tests call `celery`.
                "PATH": f"{self.environment.interpreter.parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join([str(self.folder), str(PLUGIN.parent)]),
                "TEST_BROKER": store,
                "TEST_BACKEND": store,
                "REDIS_HOST": server.host,
                "REDIS_PORT": str(server.port),
                # The suite flushes the broker's database.
                "RUNTAIL_STORE_URL": f"{store}/5",
                "RUNTAIL_BROKER_URL": server.url,
                "RUNTAIL_WORKER_ADMIN_PORT": "0",
                "C_FORCE_ROOT": "1",
            }
            command: list[str | Path] = [
                *(self.environment.interpreter, "-m", "pytest", "-p", "celery.contrib.pytest", "-p", PLUGIN.stem),
                # With pytest's own capture the suite's worker does not start, with and without Runtail.
                *("--capture=no", "-p", "no:cacheprovider", "-p", "no:timeout", "--rerun-except", NOT_REPEATED),
                *arguments,
            ]
            with (
                log.open("wb") as output,
                subprocess.Popen(
                    command, cwd=self.folder, env=environment, stdout=output, stderr=output, start_new_session=True
                ) as session,
            ):
                _wait(session, journal, SILENT_SECONDS * self.patience)
        return journal, log


def _wait(session: subprocess.Popen[bytes], journal: Path, silent_seconds: float) -> None:
    """Wait for a session's end, or end it with all of its processes once nothing goes on in it."""
    size, since = 0, time.monotonic()
    while True:
        try:
            session.wait(timeout=1)
            return
        except subprocess.TimeoutExpired:
            now = journal.stat().st_size if journal.exists() else 0
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > silent_seconds:
                os.killpg(session.pid, signal.SIGKILL)


def pinned_celery() -> str:
    """Return the lock's lines about Celery: its version and hashes."""
    found = re.search(r"^celery==.*?(?=^\S)", (LOCKS / f"{LOCK}.txt").read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[0]
