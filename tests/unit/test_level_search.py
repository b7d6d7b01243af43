"""The page asks the server for lines of a level by an expression; it finds what the page takes for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtail_web.matching import Matcher

VECTORS = json.loads((Path(__file__).parents[1] / "support/level_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("levels", VECTORS["expressions"])
def test_lines_of_a_level_are_found_by_its_expression(levels: str) -> None:
    matcher = Matcher(VECTORS["expressions"][levels], regex=True, case=True)
    lines = [line for line, _ in VECTORS["lines"]]
    found = {lines[hit.index] for hit in matcher.hits("\n".join(lines).encode())}
    assert found == {line for line, level in VECTORS["lines"] if level in levels.split()}
