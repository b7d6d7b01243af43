"""Faults by seed against the whole product, then the verdict: was the contract kept?

python -m tests.proof.nemesis --seeds 100 --minutes 60
python -m tests.proof.nemesis --seed 17 --keep
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from tests.proof import schedule as schedules
from tests.proof.cluster import ROOT
from tests.proof.round import Round, Settings
from tests.proof.skew import faketime

#: Of one schedule: how long faults begin.
SECONDS = 16.0
FOLDER = Path("build/proof")
#: Every so many seeds, one runs with the default leases and graces: three in a hundred.
DEFAULTS_EVERY = 33
#: Of the violations of one schedule; all stand in its file.
SHOWN = 8


def run_seed(options: argparse.Namespace) -> dict[str, Any]:
    """Run one schedule and write its result file; return the result."""
    seed, kinds = options.seed, frozenset(filter(None, options.kinds.split(",")))
    mode = options.async_mode or ("gevent" if seed % 10 == 0 else "eventlet")
    settings = Settings(async_mode=mode, defaults=seed % DEFAULTS_EVERY == 0, keep=options.keep)
    plan = schedules.make(seed, options.seconds, kinds=kinds, apart=options.apart)
    result = Round(plan, options.folder / f"seed-{seed}", settings).run()
    path = options.folder / f"seed-{seed}.json"
    path.with_suffix(".part").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    path.with_suffix(".part").replace(path)
    return result


def show(result: dict[str, Any]) -> None:
    """Print one result in a few lines."""
    states = " ".join(f"{count} {state}" for state, count in sorted(Counter(result["states"].values()).items()))
    print(
        f"seed {result['seed']:>4}: {len(result['violations'])} violations, {len(result['faults'])} faults, "
        f"{states}, {result['resets']} resets, {result['messages']} messages, {result['took_seconds']:.0f} s",
        flush=True,
    )
    for violation in result["violations"][:SHOWN]:
        print(f"      {violation}", flush=True)


def main(arguments: list[str]) -> int:
    """Run many seeds; return the number of seeds with violations, at most 100."""
    parser = argparse.ArgumentParser(prog="tests.proof.nemesis", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many schedules, beginning at --first")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, help="only this one, again")
    parser.add_argument("--minutes", type=float, default=60.0, help="no schedule begins later")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long faults begin in each schedule")
    parser.add_argument("--parallel", type=int, default=1, help="schedules at a time")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="result files; seeds that have one are skipped")
    parser.add_argument("--kinds", default="", help="only these faults, with commas")
    parser.add_argument(
        "--apart", type=float, default=0.0, help="at least so many seconds between faults, to time them"
    )
    parser.add_argument("--async-mode", default="", choices=("", "eventlet", "gevent"),
                        help="of the relays; by default every tenth seed runs on gevent")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="leave data and output of every schedule")
    options = parser.parse_args(arguments)
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    todo = [s for s in seeds if not (options.folder / f"seed-{s}.json").exists()]
    if options.seed is None:
        done = len(seeds) - len(todo)
        print(f"{len(todo)} schedules to run, {done} have their result in {options.folder}", flush=True)
        if faketime() is None:
            print("Without libfaketime no clock is an hour off (apt install faketime).", flush=True)
    if options.seed is not None:
        result = run_seed(options)
        show(result)
        return len(result["violations"]) > 0
    return Many(options, todo).run()


class Many:
    """Runs seeds, each in a process of its own, some at a time.

    :param options: of the command line; handed on.
    """

    def __init__(self, options: argparse.Namespace, seeds: list[int]) -> None:
        self._options, self._seeds = options, iter(seeds)
        self._deadline = time.monotonic() + options.minutes * 60
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self.failed: list[int] = []

    def run(self) -> int:
        """Return how many seeds had violations, at most 100."""
        threads = [threading.Thread(target=self._work) for _ in range(self._options.parallel)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            self._ended = True
            for process in list(self._running):
                process.terminate()
        summarise(self._options.folder)
        return min(len(self.failed), 100)

    def _work(self) -> None:
        while not self._ended and time.monotonic() < self._deadline:
            with self._lock:
                seed = next(self._seeds, None)
            if seed is None:
                return
            if self._run(seed) != 0:
                self.failed.append(seed)

    def _run(self, seed: int) -> int:
        options = self._options
        command = [
            sys.executable, "-m", "tests.proof.nemesis", "--seed", str(seed), "--seconds", str(options.seconds),
            "--folder", str(options.folder), "--kinds", options.kinds, "--apart", str(options.apart),
            "--async-mode", options.async_mode,
            *(["--keep"] if options.keep else []),
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            self._running.add(process)
            assert process.stdout is not None
            output = process.stdout.read().decode()
        self._running.discard(process)
        print(output, end="", flush=True)
        return process.returncode


def summarise(folder: Path) -> None:
    """Print what all result files in a folder say together."""
    results = [orjson.loads(path.read_bytes()) for path in sorted(folder.glob("seed-*.json"))]
    kinds = Counter(fault["kind"] for result in results for fault in result["faults"])
    bad = sorted(result["seed"] for result in results if result["violations"])
    print(f"\n{len(results)} schedules in {folder}: {sum(len(r['violations']) for r in results)} violations in "
          f"{len(bad)} seeds {bad or ''}")  # fmt: skip
    print(f"{sum(kinds.values())} faults: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    delays: dict[str, list[float]] = {}
    for result in results:
        for kind, seconds in result.get("delays", {}).items():
            delays.setdefault(kind, []).extend(seconds)
    for kind, seconds in sorted(delays.items()):
        middle = sorted(seconds)[len(seconds) // 2]
        print(f"   {kind:<14} {len(seconds):>4} alone: lines waited {middle:.2f} s, at most {max(seconds):.2f} s")
    states = Counter(state for result in results for state in result["states"].values())
    print("runs: " + ", ".join(f"{count} {state}" for state, count in states.most_common()))


if __name__ == "__main__":
    os.environ.pop("PYTHONUNBUFFERED", None)
    # So that what it started is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(sys.argv[1:]))
