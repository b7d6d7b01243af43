"""The program ``runtail``."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from runtail import __version__
from runtail.cli import main

PROGRAM = Path(sys.executable).parent / "runtail"


def test_says_its_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"runtail {__version__}\n")


def test_lists_its_commands() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    listed = {line.split()[0] for line in result.output.splitlines() if line.strip()}
    assert {"tasks", "start", "follow", "runs", "cancel", "retry", "delete", "dev", "shipper"} <= listed


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(main, ["tea"])
    assert result.exit_code == 2
    assert "No such command 'tea'" in result.output


@pytest.mark.parametrize(
    ("written", "meant"),
    [("list", "runs"), ("ls", "runs"), ("ps", "runs"), ("log", "follow"), ("logs", "follow"), ("tail", "follow")],
)
def test_a_command_of_other_programs_leads_to_ours(written: str, meant: str) -> None:
    result = CliRunner().invoke(main, [written])
    assert result.exit_code == 2
    assert f"No such command '{written}'. Did you mean '{meant}'?" in result.output
    assert meant in main.commands


def test_the_shipper_becomes_the_module_that_a_keeper_starts() -> None:
    # Without a link to a keeper it says what it misses.
    found = subprocess.run([PROGRAM, "shipper"], capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert "--link" in found.stderr


def test_starts_without_what_only_services_need() -> None:
    unwanted = {"redis", "celery", "psutil", "rich", "orjson", "websocket", "http.client", "runtail.protocol"}
    code = f"import sys, runtail.cli; print(sorted({unwanted!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"
