"""Damage that must not pass: replies that the store's writer never hears, changes between relay and screen.

Both are tests of their own; here they run with all their cases.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.proof.cluster import ROOT
from tests.proof.figures import Figure

LOST_REPLIES = 10_000


def measure() -> list[Figure]:
    """Run both."""
    return [
        _tested(
            f"the reply to each of {LOST_REPLIES:,} appends is lost: entries doubled, lost or changed",
            "tests/proof/test_lost_replies.py",
            "0",
            RUNTAIL_TEST_LOST_REPLIES=str(LOST_REPLIES),
        ),
        _tested(
            "a byte flipped, a line or an entry dropped or doubled between relay and browser: flagged on the screen",
            "tests/browser/test_page_damage.py",
            "100 of 100",
        ),
    ]


def _tested(name: str, test: str, goal: str, **environment: str) -> Figure:
    """Run a test that fails unless the goal is reached."""
    command = [sys.executable, "-m", "pytest", "-q", "-rA", test]
    # With CI a browser that is missing is a failure, not a test that was left out.
    environment = {**os.environ, "CI": "true", **environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    reached = done.returncode == 0
    if not reached:
        print(done.stdout)
    return Figure(name, goal if reached else f"not reached: see the output of {test}", goal, reached)
