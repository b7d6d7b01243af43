"""The dashboards' tables and the JSON made of them, by what can be seen without Grafana."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helm.dashboards import DASHBOARDS
from helm.dashboards.__main__ import path_of, text_of
from helm.dashboards.panels import Dashboard, Panel
from runtail.metric_table import METRICS

ROOT = Path(__file__).parents[2]
SDK = ROOT / "tests/grafana"
#: Of a machine that has nothing of it yet: it downloads and compiles.
SDK_SECONDS = 600
PROCESS = {"up", "process_resident_memory_bytes", "process_start_time_seconds"}
LABELS = {"namespace", "release", "component", "pod", "pool", "instance", "le"}
PANELS = [(dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]


def ids(value: object) -> str:
    return value.title if isinstance(value, Dashboard | Panel) else str(value)


def boxes(rendered: dict[str, Any]) -> Iterator[tuple[range, range]]:
    for panel in rendered["panels"]:
        place = panel["gridPos"]
        yield range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=ids)
def test_the_files_are_those_of_the_tables(dashboard: Dashboard) -> None:
    assert path_of(dashboard).read_text() == text_of(dashboard), "run 'make dashboards'"
    assert {path_of(one) for one in DASHBOARDS} == set(path_of(dashboard).parent.glob("*.json"))


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=ids)
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: Dashboard) -> None:
    rendered = json.loads(text_of(dashboard))
    numbers = [panel["id"] for panel in rendered["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert len({panel["title"] for panel in rendered["panels"]}) == len(numbers)
    for (ax, ay), (bx, by) in itertools.combinations(boxes(rendered), 2):
        assert not (set(ax) & set(bx) and set(ay) & set(by))
    assert all(columns.stop <= 24 for columns, _ in boxes(rendered))
    # What Helm's templates would take for theirs is only in legends, and the chart does not run files through them.
    assert "{{" not in json.dumps([panel["description"] for panel in rendered["panels"]])


@pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=ids)
def test_a_panel_asks_a_question_in_a_unit_for_metrics_that_are_there(dashboard: Dashboard, panel: Panel) -> None:
    assert panel.question.partition("?")[1]
    assert panel.unit
    known = {metric.name: metric for metric in METRICS}
    for alert in panel.alerts:
        assert (ROOT / "docs/runbooks" / f"{alert}.md").is_file()
    for query in panel.queries:
        assert ("RATE" in query.expr) == bool(re.search(r"\b(rate|changes)\(", query.expr)) or "increase(" in query.expr
        # Each selector is kept to the chosen namespace and release.
        selectors = re.findall(r"([a-z_:]+)?\{([^}]*)\}", query.expr)
        assert selectors
        for name, inside in selectors:
            assert "SCOPE" in inside
            if not name:
                pattern = re.search(r'__name__=~"([^"]+)"', inside)
                assert pattern
                assert any(re.fullmatch(pattern[1], one) for one in known)
            elif name not in PROCESS:
                metric = known[name if name in known else re.sub(r"_(bucket|count|sum)$", "", name)]
                asked = set(re.findall(r"(\w+)[=!]", inside))
                assert asked <= {*metric.labels, *LABELS}
        by = {label for found in re.findall(r"by \(([^)]*)\)", query.expr) for label in found.split(", ")}
        assert by <= LABELS | {label for metric in METRICS for label in metric.labels}
        assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= by
        # Without Kubernetes nothing has such a name.
        assert not re.search(r"runtail_\w+(?![\w{])", re.sub(r'"[^"]*"', "", query.expr))


def test_grafanas_own_sdk_reads_them_strictly() -> None:
    """A field that Grafana does not know, or one of another type, is an error there; queries are Prometheus'."""
    go = shutil.which("go") or ("/usr/local/go/bin/go" if Path("/usr/local/go/bin/go").is_file() else None)
    if go is None:
        pytest.skip("Go is not there: Grafana's foundation SDK does not read the dashboards on this machine")
    # (Its module is fetched once; without a way to it nothing can be said.)
    fetched = subprocess.run(
        [go, "mod", "download"], cwd=SDK, capture_output=True, text=True, timeout=SDK_SECONDS, check=False
    )
    if fetched.returncode:
        pytest.skip(f"Grafana's foundation SDK cannot be fetched: {fetched.stderr.strip()[-300:]}")
    command = [go, "run", ".", *(str(path_of(dashboard)) for dashboard in DASHBOARDS)]
    environment = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(
        command, cwd=SDK, capture_output=True, text=True, timeout=SDK_SECONDS, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for dashboard in DASHBOARDS:
        assert f"{path_of(dashboard).name}: {len(dashboard.panels)} panels" in done.stdout


def test_the_docs_name_the_panels_that_may_be_empty() -> None:
    text = " ".join((ROOT / "docs/metrics.md").read_text().split())
    told = re.search(r"These panels may be empty while all is well(.*?)\. All others", text)
    assert told
    assert set(re.findall(r"\*([^*]+)\*", told[1])) == {panel.title for _, panel in PANELS if panel.empty}
