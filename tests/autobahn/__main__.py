"""``python -m tests.autobahn``: run the suite itself, which needs a Python 2.7 (PYTHON27=/path/to/it, or on the PATH).

The suite is fetched from the package index into ``build/autobahn`` when it is not there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import Process

BUILD = Path("build/autobahn").absolute()
REQUIREMENTS = Path("requirements/autobahn.txt").absolute()
START = "import site; site.addsitedir({!r}); from autobahntestsuite.wstest import run; run()"
#: Messages of more than 16 KiB, and binary ones, end a connection.
LIMITS = {"1.1.6", "1.1.7", "1.1.8", "10.1.1", *(f"1.2.{n}" for n in range(1, 9))}
#: Speed; compression, which is not offered.
EXCLUDED = ["9.*", "12.*", "13.*"]
GOOD = {"OK", "INFORMATIONAL", "NON-STRICT"}


def python27() -> str | None:
    """The Python that runs the suite; None if there is none."""
    found = map(str, Path.home().glob(".pyenv/versions/2.7*/bin/python"))
    for candidate in (os.environ.get("PYTHON27"), "python2.7", *found):
        program = shutil.which(candidate) if candidate else None
        # One that a version manager keeps may be a name only.
        if program and subprocess.run([program, "-c", "import pip"], capture_output=True, check=False).returncode == 0:
            return program
    return None


def install(python: str) -> Path:
    """Return the folder that has the suite."""
    packages = BUILD / "packages"
    if not (packages / "autobahntestsuite").is_dir():
        shutil.rmtree(packages, ignore_errors=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*command, "--target", str(packages), "-r", str(REQUIREMENTS)], check=True)
    return packages


def run(python: str, packages: Path, mode: str) -> int:
    """Run all cases, print what came of them, and return how many failed."""
    port, reports = free_port(), BUILD / mode
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    specification = {
        "outdir": str(reports),
        "servers": [{"agent": mode, "url": f"ws://127.0.0.1:{port}"}],
        "cases": ["*"],
        "exclude-cases": EXCLUDED,
        "exclude-agent-cases": {},
    }
    (reports / "specification.json").write_text(json.dumps(specification))
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "tests.autobahn.echo", str(port), mode]
    with Process(command, reports, name="echo", environment=environment) as echo:
        echo.wait_for_log("echoing", 20)
        start = START.format(str(packages))
        with (reports / "suite.log").open("wb") as log:
            subprocess.run(
                [python, "-c", start, "-m", "fuzzingclient", "-s", str(reports / "specification.json")],
                stdout=log, stderr=subprocess.STDOUT, timeout=900, check=True,
            )  # fmt: skip
    results = json.loads((reports / "index.json").read_text())[mode]
    behaviors = {number: {found["behavior"], found["behaviorClose"]} for number, found in results.items()}
    failed = sorted(number for number, found in behaviors.items() if found - GOOD and number not in LIMITS)
    counted = Counter(found["behavior"] for number, found in results.items() if number not in LIMITS)
    print(f"{mode}: {len(results)} cases, {len(LIMITS)} of them about our limits; the others: {dict(counted)}")
    for number in failed:
        print(f"  {number} failed: {reports}/{mode}_case_{number.replace('.', '_')}.html")
    return len(failed) + (not results)


def main() -> int:
    """Run it on everything that the relay runs on; return the exit status."""
    python = python27()
    if python is None:
        print("Autobahn's suite needs a Python 2.7: PYTHON27=/path/to/python2.7 names one.", file=sys.stderr)
        print("Its cases, as a list of our own, are run by tests/integration/test_relay_autobahn.py.", file=sys.stderr)
        return 2
    packages = install(python)
    return 1 if sum(run(python, packages, mode) for mode in ("eventlet", "gevent")) else 0


if __name__ == "__main__":
    sys.exit(main())
