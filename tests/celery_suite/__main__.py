"""Run Celery's integration suite without Runtail and with it, and compare test by test.

    python -m tests.celery_suite [--ways prefork,solo] [--patience 4] [--at-once 4] [-- arguments of pytest]

The suite comes from the source distribution of the Celery that ``requirements/celery-suite.txt`` pins, with its hash;
nothing of it is kept in the repository. Its tests are dealt into sessions of pytest, several of which run at a time:
each first without Runtail, then with it. What fails without Runtail is tried once more, and if it fails again it is
listed and not run with Runtail. What passes without Runtail and not with it is repeated both ways, at the same time.

Exit status 1: a test that passes without Runtail does not with it.
"""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.celery_suite.outcomes import (
    REPETITIONS,
    ROUNDS,
    Outcomes,
    Result,
    Verdict,
    differences,
    required,
    sessions,
    short,
    table,
)
from tests.celery_suite.suite import FOLDER, LOCK, Suite
from tests.support.environments import environments

#: How the worker runs: options of the worker, and settings of the app.
WAYS: dict[str, dict[str, Any]] = {
    "prefork": {},
    "solo": {"worker": {"pool": "solo"}},
    "autoscale": {"worker": {"autoscale": "4,1"}},
    "acks_late": {"conf": {"task_acks_late": True}},
    "one-task-per-child": {"worker": {"max_tasks_per_child": 1}},
}
#: Sessions at a time. They wait most of their time.
AT_ONCE = 4
WORDS = {False: "without", True: "with"}


class Comparison:
    """One way, with and without.

    :param at_once: how many sessions run at a time.
    """

    def __init__(self, suite: Suite, way: str, at_once: int) -> None:
        self.suite = suite
        self.at_once = at_once
        self.result = Result(way)
        self._lock = threading.Lock()

    def run(self, tests: Sequence[str]) -> Result:
        """Run the tests, and repeat what came out differently."""
        begun = time.monotonic()
        with ThreadPoolExecutor(self.at_once) as threads:
            list(threads.map(self._compare, range(len(dealt := sessions(tests))), dealt))
        plain, installed = self.result.outcomes[False], self.result.outcomes[True]
        # Each is two sessions.
        with ThreadPoolExecutor(max(1, self.at_once // 2)) as threads:
            list(threads.map(self._judge, differences(plain, installed)))
        self.result.seconds = time.monotonic() - begun
        return self.result

    def _compare(self, number: int, tests: Sequence[str]) -> None:
        """Run one session's tests without Runtail, and those that pass with it."""
        plain = self._call(f"{number}", tests, install=False)
        failed = sorted(set(plain) - set(required(plain)))
        if failed:
            # Something before it may have spoiled it.
            plain |= self._call(f"{number}-once-more", failed, install=False)
        passed = required(plain)
        installed = self._call(f"{number}", passed, install=True) if passed else {}
        with self._lock:
            self.result.outcomes[False] |= plain
            self.result.outcomes[True] |= installed
        counts = [list(outcomes.values()).count("passed") for outcomes in (plain, installed)]
        said = f"{self.result.way}, {short(tests[0]).partition('::')[0]}, {len(tests)} tests"
        print(f"{said}: {counts[0]} passed without, {counts[1]} with Runtail", flush=True)

    def _judge(self, test: str) -> None:
        """Repeat a test both ways."""
        well = {False: 0, True: 0}
        for rounds in range(1, ROUNDS + 1):
            for _ in range(REPETITIONS):
                with ThreadPoolExecutor() as threads:
                    label = "again-" + re.sub(r"\W+", "-", short(test))[:100]
                    calls = {way: threads.submit(self._call, label, [test], install=way) for way in well}
                    for install, call in calls.items():
                        well[install] += bool(required(call.result()))
            verdict = Verdict(well[False], well[True], rounds * REPETITIONS)
            if not verdict.is_open:
                break
        with self._lock:
            self.result.verdicts[test] = verdict
        print(f"  {short(self.result.said_of(test))}", flush=True)

    def _call(self, label: str, tests: Sequence[str], *, install: bool) -> Outcomes:
        name = f"{self.result.way}-{WORDS[install]}-{label}"
        return self.suite.run(WAYS[self.result.way], name, install=install, tests=tests)


def main() -> int:
    """Run the ways that were asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.celery_suite")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument(
        "--patience", type=int, default=1, help="times as long as the suite would, tests wait for tasks"
    )
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="sessions at a time")
    parser.add_argument("arguments", nargs="*", help="files or tests, or other arguments of pytest that choose some")
    options = parser.parse_args()
    ways = options.ways.split(",")
    if unknown := set(ways) - set(WAYS):
        parser.error(f"no way is named {', '.join(sorted(unknown))}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    suite = Suite(next(environments(LOCK)), options.patience)
    suite.prepare()
    tests = suite.collect(options.arguments)
    results = [Comparison(suite, way, options.at_once).run(tests) for way in ways]
    print(table(results))
    return 1 if any(result.guilty for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
