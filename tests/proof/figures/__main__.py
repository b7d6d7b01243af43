"""Measures the figures that have no result yet, and prints all of them as one table.

python -m tests.proof.figures                      # all
python -m tests.proof.figures relay_death stalled_listener # some
python -m tests.proof.figures --again relay_death  # although it has a result
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import orjson

from tests.proof.figures import Figure
from tests.proof.figures._relays import LIMIT_BYTES, REACHED_PART, RelayMemory

FOLDER = Path("build/proof/figures")


def known() -> list[str]:
    """The modules that measure something."""
    package = Path(__file__).parent
    return sorted(module.name for module in pkgutil.iter_modules([str(package)]) if not module.name.startswith("_"))


def measure(name: str, path: Path) -> bool:
    """Run one module and write its result file; return False if it failed."""
    began = time.monotonic()
    print(f"== {name}", flush=True)
    relays = RelayMemory()
    try:
        with relays:
            figures: list[Figure] = importlib.import_module(f"tests.proof.figures.{name}").measure()
    except Exception:  # noqa: BLE001  # The others are measured all the same; the exit status tells.
        traceback.print_exc()
        return False
    took, load = time.monotonic() - began, os.getloadavg()[0]
    # Times say little without how many processes wanted the machine's cores.
    about = {"name": name, "took_seconds": round(took, 1), "load": round(load, 1), "cores": os.cpu_count()}
    result = about | {"relay_bytes": relays.most_bytes, "figures": [asdict(figure) for figure in figures]}
    path.with_suffix(".part").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    path.with_suffix(".part").replace(path)
    print(f"   ({took:.0f} s, load {load:.1f} on {os.cpu_count()} cores)", flush=True)
    return True


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [f"| {f.name} | {f.measured} | {f.goal} | {'reached' if f.reached else '**missed**'} |" for f in figures]
    return "\n".join(["| figure | measured | goal | |", "|---|---|---|---|", *rows])


def largest_relay(most_bytes: int) -> Figure:
    """Return the figure of the largest relay of all modules."""
    goal = f"<= {REACHED_PART:.0%} of {LIMIT_BYTES >> 20} MiB"
    reached = most_bytes <= REACHED_PART * LIMIT_BYTES
    return Figure("the largest relay in all of these: resident memory", f"{most_bytes >> 20} MiB", goal, reached)


def main(arguments: list[str]) -> int:
    """Measure; return how many figures failed or missed their goal, at most 100."""
    parser = argparse.ArgumentParser(
        prog="tests.proof.figures", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(known())}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="result files; what has one is skipped")
    parser.add_argument("--again", action="store_true", help="measure also what has a result")
    parser.add_argument("--minutes", type=float, default=60.0, help="nothing new begins later")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(known()):
        parser.error(f"no figures named {', '.join(sorted(unknown))}; there are: {', '.join(known())}")
    # Hundreds of viewers, with both ends of some connections in this process.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    options.folder.mkdir(parents=True, exist_ok=True)
    paths = {name: options.folder / f"{name}.json" for name in options.names or known()}
    deadline = time.monotonic() + options.minutes * 60
    failed = []
    for name, path in paths.items():
        if path.exists() and not options.again:
            continue
        if time.monotonic() > deadline or not measure(name, path):
            failed.append(name)
    results = [orjson.loads(path.read_bytes()) for path in paths.values() if path.exists()]
    figures = [Figure(**figure) for result in results for figure in result["figures"]]
    if largest := max((result["relay_bytes"] for result in results), default=0):
        figures.append(largest_relay(largest))
    print(f"\n{table(figures)}\n")
    print(f"{sum(figure.reached for figure in figures)} of {len(figures)} goals reached, "
          f"in {sum(result['took_seconds'] for result in results):.0f} s")  # fmt: skip
    if failed:
        print(f"not measured: {', '.join(failed)}")
    return min(100, len(failed) + sum(not figure.reached for figure in figures))


if __name__ == "__main__":
    # So that what a module started is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(sys.argv[1:]))
