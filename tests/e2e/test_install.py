"""E1: an operator installs the chart and does what NOTES says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.figures import figure
from tests.e2e.release import Release
from tests.e2e.walk import walk

pytestmark = pytest.mark.timeout(600)
#: With images present.
FIRST_LINE_SECONDS = 60.0


def test_install(make_release: Callable[..., Release]) -> None:
    seen = walk(make_release())
    figure("E1", "helm install to Available", f"{seen.available_seconds:.1f} s")
    figure("E1", "helm install to the first line", f"{seen.page_seconds:.1f} s (at most {FIRST_LINE_SECONDS:.0f})")
    figure("E1", "prompts, passwords pasted", "0, 1")
    figure("E1", "helm install to the first line of NOTES' command", f"{seen.first_line_seconds:.1f} s")
    figure("E1", "helm test", f"{seen.check_seconds:.1f} s")
    figure("E1", "restarts", "0")
    assert seen.page_seconds <= FIRST_LINE_SECONDS
