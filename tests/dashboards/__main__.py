"""``python -m tests.dashboards <results.json> <minutes>``: load an installation, keep what each panel's query gives.

The chart's rules are evaluated as they are, and which alerts fired is kept as well: with nothing wrong it is none.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from helm.dashboards import DASHBOARDS
from helm.dashboards.panels import prometheus_query
from tests.support.monitored import Monitored
from tests.support.prometheus import RULES, Prometheus

SCOPE = 'namespace=~"team",release=~"demo"'
#: What is drawn, at most.
SHOWN_SECONDS = 300.0


def series(prometheus: Prometheus, expr: str, seconds: float) -> list[dict[str, Any]]:
    """The results of one query, with times as seconds before now."""
    now = time.time()
    asked = prometheus_query(expr, scope=SCOPE, rate="20s", range_=f"{seconds:.0f}s")
    found = prometheus.series(asked, seconds)
    return [
        {"labels": json.loads(labels), "points": [(round(at - now, 1), value) for at, value in points]}
        for labels, points in found.items()
    ]


def main() -> None:
    """Record."""
    path, minutes = Path(sys.argv[1]), float(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder, Monitored(Path(folder) / "site", list(RULES)) as site:
        site.load(minutes * 60 + 600)
        began = time.monotonic()
        while (left := minutes * 60 - (time.monotonic() - began)) > 0:
            time.sleep(min(60.0, left))
            print(
                f"{(time.monotonic() - began) / 60:.1f} minutes, firing: {sorted(site.prometheus.firing())}", flush=True
            )
        shown = min(SHOWN_SECONDS, minutes * 60)
        panels = {
            f"{dashboard.uid}/{panel.title}": [series(site.prometheus, query.expr, shown) for query in panel.queries]
            for dashboard in DASHBOARDS
            for panel in dashboard.panels
        }
        asked = f'count by (alertname) (count_over_time(ALERTS{{alertstate="firing"}}[{minutes * 60:.0f}s]))'
        fired = [one["metric"]["alertname"] for one in site.prometheus.get("query", query=asked)["result"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"minutes": minutes, "seconds": shown, "fired": fired, "panels": panels}))
    empty = sorted(name for name, queries in panels.items() if not all(queries))
    print(f"Fired in {minutes:g} minutes: {', '.join(fired) or 'none'}. Empty: {', '.join(empty) or 'none'}.")


if __name__ == "__main__":
    main()
