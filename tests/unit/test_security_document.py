"""docs/security.md against the tree: every attack has its row, and each row names tests and figures that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.proof.figures.__main__ import known
from tests.support.documentation import section
from tests.support.hostile import CORPUS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/security.md"
#: By number: what is tried, the bar, what was measured, and how to repeat it.
ROWS = {
    cells[0].strip(): [cell.strip() for cell in cells[1:]]
    for cells in re.findall(r"^\|(.*)\|(.*)\|(.*)\|(.*)\|(.*)\|$", section(PAGE, "What we tried"), re.MULTILINE)
    if re.fullmatch(r"T\d+", cells[0].strip())
}


def test_every_attack_has_a_row() -> None:
    assert list(ROWS) == [f"T{number}" for number in range(1, 21)]


@pytest.mark.parametrize("number", ROWS)
def test_a_row_names_what_repeats_it(number: str) -> None:
    _, bar, measured, repeat = ROWS[number]
    assert bar
    named = re.findall(r"`([^`]+)`", repeat)
    # Either there is a test and what it measured, or the row says that it is not done.
    assert bool(named) == bool(measured)
    assert named or repeat == "[not done](#not-done-yet)"
    for command in named:
        if command.startswith("make figures F="):
            assert set(command.partition("=")[2].strip('"').split()) <= set(known()), command
            continue
        path, _, test = command.partition("::")
        source = (ROOT / path).read_text()
        begins = re.escape(f"def {test}(" if test else "def test_")
        assert re.search(f"^{begins}", source, re.MULTILINE), command


def test_what_is_not_done_is_said() -> None:
    missing = [number for number, cells in ROWS.items() if "not-done-yet" in cells[-1]]
    assert re.findall(r"\bT\d+\b", PAGE.read_text().partition("### Not done yet")[2]) == missing


def test_the_count_of_hostile_texts_is_that_of_the_corpus() -> None:
    for page in (PAGE, ROOT / "SECURITY.md"):
        assert f"{len(CORPUS)} hostile texts" in page.read_text()
