"""``python -m tests.bench.plot <results.json>``: the plot beside the results, as PNG and SVG."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import orjson

mpl.use("Agg")
# Text stays text, and the same results make the same file.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "runtail", "font.size": 9})

from matplotlib import pyplot as plt  # noqa: E402

from tests.bench.report import median  # noqa: E402
from tests.bench.subjects import SUBJECTS  # noqa: E402

#: Panel: workload, measurement, head.
_PANELS = (
    ("a", "p99_ms", "(a) 200 viewers, 1,000 lines/s:\np99 written to received, ms"),
    ("a", "us_per_line", "(a) server CPU per delivered line, µs"),
    ("b", "us_per_line", "(b) 200 viewers, 200 lines/s:\nserver CPU per delivered line, µs"),
    ("c", "viewers", "(c) most viewers at 1,000 lines/s\nwith p99 up to 250 ms"),
)


def _label(value: float, failed: bool) -> str:
    if not value:
        return "failed" if failed else "not measured"
    number = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    return f"{number} (failed)" if failed else number


def main() -> None:
    """Draw."""
    path = Path(sys.argv[1])
    results: Any = orjson.loads(path.read_bytes())["results"]
    figure, axes = plt.subplots(1, len(_PANELS), figsize=(15, 3.2), layout="constrained")
    for axis, (workload, key, head) in zip(axes, _PANELS, strict=True):
        names = list(reversed(SUBJECTS))
        measured = [median(results, workload, name, key) for name in names]
        values = [0.0 if math.isnan(value) else value for value in measured]
        if not any(value > 0 for value in values):
            axis.set_axis_off()
            continue
        colours = ["#1f6feb" if name == "runtail" else "#b8bec6" for name in names]
        bars = axis.barh([SUBJECTS[name].title for name in names], values, color=colours)
        failed = [any(round_["failed"] for round_ in results.get(workload, {}).get(name, [])) for name in names]
        axis.bar_label(bars, [_label(value, bad) for value, bad in zip(values, failed, strict=True)], padding=3)
        axis.set_xscale("symlog" if key == "viewers" else "log")
        axis.margins(x=0.35)
        axis.set_title(head, fontsize=9, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[1:]:
        axis.set_yticklabels([])
    for suffix in ("png", "svg"):
        figure.savefig(path.with_suffix(f".{suffix}"), dpi=150, metadata={"Date": None} if suffix == "svg" else None)


if __name__ == "__main__":
    main()
