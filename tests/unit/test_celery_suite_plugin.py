"""What the plugin of Celery's suite does to a session of pytest: it chooses tests, ends waits, and keeps a journal."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.celery_suite.outcomes import Outcomes, read_outcomes
from tests.celery_suite.suite import PLUGIN

SOURCE = """
import time
import pytest

TIMEOUT = 60

def test_passes():
    assert TIMEOUT == 120

@pytest.mark.timeout(0.1)
def test_waits_in_vain():
    try:
        time.sleep(600)
    except BaseException:  # as a subtest does
        pass
    time.sleep(600)

def test_after():
    pass

def test_fails():
    raise ValueError

def test_is_skipped():
    pytest.skip("why")
"""


def session(folder: Path, tests: Sequence[str]) -> Outcomes:
    """Run pytest with the plugin on the tests above."""
    journal = folder / "journal.jsonl"
    journal.unlink(missing_ok=True)
    asked = {"install": False, "patience": 2, "worker": {}, "conf": {}, "tests": tests, "journal": str(journal)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN.stem, "-p", "no:cacheprovider", "-c", os.devnull, "test_x.py"],
        env={
            **os.environ,
            "CELERY_SUITE": json.dumps(asked),
            "PYTHONPATH": str(PLUGIN.parent),
            "PYTEST_ADDOPTS": "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert journal.exists(), done.stdout + done.stderr
    return read_outcomes(journal)[1]


def test_a_test_that_waits_in_vain_is_ended_and_ends_its_session(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(SOURCE)
    names = ["passes", "waits_in_vain", "after", "fails", "is_skipped"]
    passes, waits, after, fails, is_skipped = (f"test_x.py::test_{name}" for name in names)
    assert session(tmp_path, [passes, waits, after]) == {passes: "passed", waits: "failed"}
    assert session(tmp_path, [after, fails, is_skipped]) == {after: "passed", fails: "failed", is_skipped: "skipped"}
