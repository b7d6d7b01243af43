"""``python -m tests.dashboards.draw <results.json> <folder>``: one picture per dashboard, drawn from the results."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import orjson

mpl.use("Agg")
mpl.rcParams.update({"font.size": 8, "axes.grid": True, "grid.alpha": 0.3, "axes.spines.top": False})

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: E402

from helm.dashboards import DASHBOARDS  # noqa: E402
from helm.dashboards.panels import COLUMNS, HEIGHT, Dashboard, Panel, render  # noqa: E402

_CAPTION = "Drawn from the results of the panels' queries, on a Prometheus that scrapes real services; not by Grafana."
_SCALES = {
    "s": ((1.0, "s"), (1e-3, "ms")),
    "bytes": ((2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
    "Bps": ((2.0**20, "MiB/s"), (2.0**10, "KiB/s"), (1.0, "B/s")),
}
_SUFFIXES = {"cps": "/s", "reqps": " req/s"}


def text_of(value: float, unit: str) -> str:
    """A value as people read it."""
    if unit == "percentunit":
        return f"{value:.1%}" if value < 0.1 else f"{value:.0%}"
    if unit == "bool_yes_no":
        return "Yes" if value >= 1 else "No"
    if unit in _SCALES:
        size, name = next((one for one in _SCALES[unit] if abs(value) >= one[0]), _SCALES[unit][-1])
        return f"{_number(value / size)} {name}" if value else "0"
    return f"{_number(value)}{_SUFFIXES.get(unit, '')}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value % 1 == 0 or abs(value) >= 100 else f"{value:.3g}"


def name_of(panel: Panel, legend: str, labels: dict[str, str]) -> str:
    """A series' name, of the legend's form."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend).strip() or panel.title


def draw_stat(axis: Any, panel: Panel, queries: list[list[dict[str, Any]]]) -> None:
    """The last values, large."""
    axis.set_axis_off()
    shown = [
        (name_of(panel, query.legend, one["labels"]), one["points"][-1][1])
        for query, found in zip(panel.queries, queries, strict=True)
        for one in found
    ]
    for number, (name, value) in enumerate(shown):
        bad = panel.red_from is not None and value >= panel.red_from
        bad = bad or (panel.red_below is not None and value < panel.red_below)
        at = 1 - (number + 0.6) / max(2, len(shown))
        size = 16 if len(shown) == 1 else 9
        axis.text(1, at, text_of(value, panel.unit), ha="right", size=size, color="#c4162a" if bad else "#1a7f37",
                  transform=axis.transAxes)  # fmt: skip
        if len(shown) > 1:
            axis.text(0, at, name, size=8, transform=axis.transAxes)


def draw_lines(axis: Any, panel: Panel, queries: list[list[dict[str, Any]]]) -> None:
    """Lines over time."""
    names = 0
    for query, found in zip(panel.queries, queries, strict=True):
        for one in sorted(found, key=lambda one: -max(value for _, value in one["points"])):
            times, values = zip(*one["points"], strict=True)
            label = name_of(panel, query.legend, one["labels"]) if names < 6 else None
            axis.plot(times, values, linewidth=1, label=label)
            names += 1
    if panel.red_from is not None and names and axis.get_ylim()[1] > panel.red_from / 3:
        axis.axhline(panel.red_from, color="#c4162a", linewidth=0.8, linestyle="--")
    # Room for the names.
    axis.set_ylim(0, axis.get_ylim()[1] * 1.35)
    axis.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: text_of(value, panel.unit)))
    if names:
        axis.legend(fontsize=6, frameon=False, loc="upper left", ncols=2)
    else:
        axis.text(0.5, 0.5, "none", ha="center", transform=axis.transAxes)


def draw_heatmap(axis: Any, queries: list[list[dict[str, Any]]]) -> None:
    """Counts by bucket over time; buckets as they come contain all below them."""
    rows = sorted(queries[0], key=lambda one: float(one["labels"]["le"]))
    below: dict[float, float] = {}
    grid, names, times = [], [], sorted({at for one in rows for at, _ in one["points"]})
    for one in rows:
        values = dict(one["points"])
        grid.append([max(0.0, values.get(at, 0.0) - below.get(at, 0.0)) for at in times])
        below = values
        names.append(one["labels"]["le"])
    axis.imshow(
        grid, aspect="auto", origin="lower", cmap="Oranges", extent=(times[0], times[-1], -0.5, len(rows) - 0.5)
    )
    axis.set_yticks(range(len(names)), names, fontsize=6)
    axis.grid(visible=False)


def draw(dashboard: Dashboard, results: dict[str, Any], folder: Path) -> None:
    """One dashboard, laid out as in Grafana."""
    places = [panel["gridPos"] for panel in render(dashboard)["panels"]]
    rows = max(place["y"] for place in places) // HEIGHT + 1
    height = 2.4 * rows + 1.0
    figure = plt.figure(figsize=(14, height))
    # Columns are narrow, and what lies between them is counted by their width.
    edges = {"left": 0.045, "right": 0.985, "top": 1 - 0.7 / height, "bottom": 0.7 / height}
    grid = figure.add_gridspec(rows, COLUMNS, wspace=4.0, hspace=0.45, **edges)
    for panel, place in zip(dashboard.panels, places, strict=True):
        axis = figure.add_subplot(grid[place["y"] // HEIGHT, place["x"] : place["x"] + place["w"]])
        axis.set_title(panel.title, fontsize=9, loc="left", fontweight="bold")
        queries = results["panels"][f"{dashboard.uid}/{panel.title}"]
        if panel.kind == "stat":
            draw_stat(axis, panel, queries)
        elif panel.kind == "heatmap":
            draw_heatmap(axis, queries)
        else:
            draw_lines(axis, panel, queries)
        if panel.kind != "stat":
            axis.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:.0f} s"))
    figure.text(0.01, 1 - 0.3 / height, dashboard.title, fontsize=12)
    figure.text(0.01, 0.2 / height, _CAPTION, fontsize=7)
    figure.savefig(folder / f"{dashboard.uid}.png", dpi=80, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Draw all."""
    results = orjson.loads(Path(sys.argv[1]).read_bytes())
    for dashboard in DASHBOARDS:
        draw(dashboard, results, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
