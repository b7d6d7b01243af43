"""``python -m helm.dashboards`` writes the JSON files; ``--check`` only says which are stale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from helm.dashboards import DASHBOARDS
from helm.dashboards.panels import Dashboard, render

FILES = Path(__file__).resolve().parents[1] / "runtail/files/dashboards"


def text_of(dashboard: Dashboard) -> str:
    """Return a dashboard's file."""
    return json.dumps(render(dashboard), indent=2) + "\n"


def path_of(dashboard: Dashboard) -> Path:
    """Return where it stands."""
    return FILES / f"{dashboard.uid}.json"


def main() -> None:
    """Write, or check."""
    stale = [one for one in DASHBOARDS if not path_of(one).is_file() or path_of(one).read_text() != text_of(one)]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"{', '.join(path_of(one).name for one in stale)}: stale; run 'make dashboards'.")
        return
    FILES.mkdir(parents=True, exist_ok=True)
    for dashboard in stale:
        path_of(dashboard).write_text(text_of(dashboard))


if __name__ == "__main__":
    main()
