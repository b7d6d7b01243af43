"""The summaries of docs/performance.md and docs/reliability.md say what their tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def cells(page: str, first: str, *, below: str) -> list[str]:
    """Return the cells of the first row that begins with a text, below another text."""
    text = (DOCS / page).read_text().partition(below)[2]
    row = re.search(rf"^\| {re.escape(first)}[^|\n]*\|(.*)\|$", text, re.MULTILINE)
    assert row, f"docs/{page} has no row {first!r} below {below!r}"
    return [cell.strip() for cell in row[1].split("|")]


def number(cell: str) -> float:
    """Return the first number of a cell."""
    found = re.search(r"\d[\d,]*(?:\.\d+)?", cell)
    assert found, cell
    return float(found[0].replace(",", ""))


def short(page: str, question: str) -> str:
    """Return what the summary answers."""
    return cells(page, question, below="## In short")[0]


@pytest.mark.parametrize(
    ("question", "work", "row", "column"),
    [
        ("How late is a line?", "**(a)**", "Runtail", 1),
        ("How many viewers does one relay carry?", "**(c)**", "Runtail", 0),
        ("And with Flask-SocketIO", "**(c)**", "Flask-SocketIO", 0),
        ("How much memory does a viewer take?", "**(f)**", "Runtail", 0),
        ("Does recording slow down", "**(h)**", "runtail", 0),
    ],
)
def test_performance(question: str, work: str, row: str, column: int) -> None:
    measured = number(cells("performance.md", row, below=work)[column])
    assert number(short("performance.md", question)) == pytest.approx(measured, rel=0.01)


def test_the_price_of_a_line_beside_others() -> None:
    answer = short("performance.md", "How much processor time does a line cost the relay?")
    assert answer.startswith("a twentieth of Flask-SocketIO's, a thirtieth of Socket.IO's (Node), 1.6 times")
    figures = (DOCS / "performance.md").read_text().partition("## The figures")[2]
    for text, wanted in [("Flask-SocketIO's", 1 / 20), ("Socket.IO's (Node)", 1 / 30), ("the floor's", 1.6)]:
        row = re.search(
            rf"^\| \(a\) \| CPU per (?:line|frame) / {re.escape(text)} \| ([\d.]+) \|", figures, re.MULTILINE
        )
        assert row
        assert float(row[1]) == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize(
    ("what", "row", "at"),
    [
        ("a [relay]", "relay SIGKILLed with 200 viewers on it, 5 times: the screen stands still", 0),
        ("a whole worker dies", "whole worker SIGKILLed (defaults): run is lost", 3),
    ],
)
def test_reliability(what: str, row: str, at: int) -> None:
    figures = re.findall(r"\d+(?:\.\d+)?", cells("reliability.md", row, below="## Faults, one by one")[0])
    assert number(short("reliability.md", what)) == pytest.approx(float(figures[at]), rel=0.1)


def test_the_schedules_of_faults() -> None:
    text = (DOCS / "reliability.md").read_text()
    told = re.search(r"\*\*100 random schedules.*?([\d,]+) faults, ([\d,]+) runs", text, re.DOTALL)
    assert told
    assert f"| {told[1]}, of 29 kinds | {told[2]}: " in text
    assert (
        re.findall(r"\| (\d+) \|$", text.partition("**Results so far**")[2].partition("\n*Gone*")[0], re.MULTILINE)
        == ["0"] * 4
    )
