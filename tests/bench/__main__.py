"""``python -m tests.bench``: run, print the table, write JSON and plot under ``build/bench/``."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import orjson

from tests.bench import machine, page, report
from tests.bench.rig import ROOT, Unfit, cores
from tests.bench.subjects import SUBJECTS
from tests.bench.workloads import FULL, QUICK, Workloads

FOLDER = ROOT / "build" / "bench"

#: Where the Makefile puts matplotlib: apart from the project's environment.
PLOT_PACKAGES = FOLDER / "packages"


def main() -> int:
    """Return the exit status: 0 when everything was run, whatever was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run: one round, less of everything")
    parser.add_argument("--rounds", type=int, default=0, help="how often everything is repeated")
    parser.add_argument("--workloads", default="abcdefgh", help="letters, e.g. ab")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="subjects, comma-separated")
    parser.add_argument("--ports", default="", help="two ports for the servers, comma-separated; else free ones")
    options = parser.parse_args()
    ports = [int(port) for port in options.ports.split(",") if port]
    names = options.only.split(",")
    if unknown := (set(names) - set(SUBJECTS)) or (set(options.workloads) - set("abcdefgh")):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    try:
        cores()
        machine.check_ports(ports)
    except Unfit as error:
        print(error, file=sys.stderr)
        return 2
    # Told to end, it ends what it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    about = machine.describe()
    for name, value in about.items():
        print(f"{name:>13}: {value}")
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = replace(plan, rounds=options.rounds, h_rounds=options.rounds)
    workloads = Workloads(plan, names, ports, lambda text: print(text, flush=True))
    began = time.time()
    path = FOLDER / ("quick.json" if options.quick else "results.json")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for letter in options.workloads:
        workloads.run(letter)
        # After each: who interrupts the bench keeps what it has found.
        found = {"machine": about, "began": began, "seconds": time.time() - began, "results": workloads.results}
        path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        path.with_suffix(".md").write_text(
            "\n".join(page.markdown(workloads.results, about, time.time() - began)) + "\n"
        )
    for line in report.lines(workloads.results):
        print(line)
    for line in report.goal_lines(report.goals(workloads.results)):
        print(line)
    took = time.time() - began
    print(f"\n{path.relative_to(ROOT)} written, after {took:.0f} s (all workloads: at most {plan.most_seconds} s)")
    plot = subprocess.run(
        [sys.executable, "-m", "tests.bench.plot", str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(PLOT_PACKAGES)},
        capture_output=True,
        text=True,
        check=False,
    )
    if plot.returncode:
        print(f"No plot: {plot.stderr.strip().splitlines()[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
