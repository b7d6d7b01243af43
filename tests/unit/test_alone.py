"""Tests that failed beside others run once more, alone; what fails then, too, and many at once, stay failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.alone import run_alone


def noted(folder: Path, *names: str) -> Path:
    """Write tests, of which those whose names begin with bad fail, and pytest's note that all of these failed."""
    file = folder / "test_noted.py"
    file.write_text("".join(f"def test_{name}():\n    assert {not name.startswith('bad')}\n" for name in names))
    note = folder / "lastfailed"
    note.write_text(json.dumps({f"{file}::test_{name}": True for name in names}))
    return note


def test_those_that_pass_alone_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_alone(3, noted(tmp_path, "one", "other")) == 0
    out = capfd.readouterr().out
    assert "passed alone (2)" in out
    assert "::test_one" in out
    assert "::test_other" in out


def test_one_that_fails_alone_is_a_failure(tmp_path: Path) -> None:
    assert run_alone(3, noted(tmp_path, "one", "bad")) == 1


def test_many_and_none_are_failures(tmp_path: Path) -> None:
    assert run_alone(3, noted(tmp_path, "a", "b", "c", "d")) == 1
    assert run_alone(3, noted(tmp_path)) == 1
    assert run_alone(3, tmp_path / "missing") == 1
