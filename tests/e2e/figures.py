"""The figures of the scenarios: printed at the end, and kept in ``build/e2e/figures.json``."""

from __future__ import annotations

import json
from typing import Final

from tests.e2e.cluster import ROOT

PATH: Final = ROOT / "build/e2e/figures.json"
#: Of this session.
seen: dict[str, dict[str, str]] = {}


def figure(scenario: str, what: str, value: str) -> None:
    """Keep a figure: the scenario's number, what was measured, and the value with its unit."""
    seen.setdefault(scenario, {})[what] = value
    PATH.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(PATH.read_text()) if PATH.exists() else {}
    before[scenario] = {**before.get(scenario, {}), what: value}
    PATH.write_text(json.dumps(before, indent=1) + "\n")
