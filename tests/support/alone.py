"""Run the few tests that failed beside others once more, alone: ``python -m tests.support.alone 3``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def run_alone(most: int, last_failed: Path = LAST_FAILED) -> int:
    """Run the tests that pytest noted as failed, and say which passed alone.

    :param most: with more failed tests than these, it is no matter of load, and none is run again.
    :param last_failed: where pytest's cache keeps their names.
    :returns: 0 if all of them passed.
    """
    failed = sorted(json.loads(last_failed.read_text())) if last_failed.exists() else []
    if not 0 < len(failed) <= most:
        return 1
    if status := subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed], check=False
    ).returncode:
        return status
    print(f"Failed beside other tests, and passed alone ({len(failed)}):", *failed, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(run_alone(int(sys.argv[1])))
