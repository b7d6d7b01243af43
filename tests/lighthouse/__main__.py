"""``python -m tests.lighthouse``: the middle of five scores of each page, on a desk and on a phone; 1 if one is low.

The run is one that is over: a page that goes on never becomes idle.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from runtail.protocol import RunState
from tests.support.chromium import launched
from tests.support.examples import Examples
from tests.support.redis_server import RedisServer

PROGRAM: Final = Path(__file__).parent / "node_modules/.bin/lighthouse"
ROUNDS: Final = 5
#: Chromium sometimes begins too late to record.
TRIES: Final = 3
SECONDS: Final = 120
CATEGORIES: Final = ("performance", "accessibility", "best-practices")
#: A score that each page must reach, and the most that its parts may jump while it loads. Performance on a phone is
#: only printed: Lighthouse makes a phone of this machine's speed, and few machines are those that it knows.
LEAST: Final = 95
MOST_SHIFT: Final = 0.05
#: How a page is looked at. On a phone Lighthouse reckons with four times as slow a processor, and 1.6 Mbit/s.
DEVICES: Final[dict[str, tuple[str, ...]]] = {"desk": ("--preset=desktop",), "phone": ()}


def measured(address: str, device: str, folder: Path) -> dict[str, Any]:
    """Lighthouse's report of a page."""
    report = folder / "report.json"
    chromium = launched()
    flags = " ".join(["--headless=new", *chromium["args"]])
    command = [
        str(PROGRAM), address, "--quiet", "--no-enable-error-reporting", f"--only-categories={','.join(CATEGORIES)}",
        *DEVICES[device], f"--chrome-flags={flags}", "--output=json", f"--output-path={report}",
    ]  # fmt: skip
    environment = {**os.environ, "CHROME_PATH": chromium["executable_path"]}
    for _ in range(TRIES):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
        found: dict[str, Any] = json.loads(report.read_text()) if done.returncode == 0 else {}
        if found and all(found["categories"][name]["score"] is not None for name in CATEGORIES):
            return found
    raise SystemExit(f"Lighthouse failed {TRIES} times at {address}: {done.stderr[-2000:]}")


def judge(name: str, reports: list[dict[str, Any]]) -> bool:
    """Print the figures of a page; True if they are good."""

    def middle(*keys: str) -> float:
        values: list[Any] = reports
        for key in keys:
            values = [value[key] for value in values]
        return float(statistics.median(values))

    scores = {category: 100 * middle("categories", category, "score") for category in CATEGORIES}
    shift = middle("audits", "cumulative-layout-shift", "numericValue")
    paint = middle("audits", "first-contentful-paint", "numericValue")
    said = ", ".join(f"{category} {score:.0f}" for category, score in scores.items())
    print(f"{name}: {said}, layout shift {shift:.3f}, first paint {paint:.0f} ms", flush=True)
    held = {category: score for category, score in scores.items() if name.endswith("desk") or category != "performance"}
    good = min(held.values()) >= LEAST and shift < MOST_SHIFT
    if not good:
        low = {
            audit["title"]
            for report in reports
            for category in report["categories"].values()
            for part in category["auditRefs"]
            if part["weight"] and (audit := report["audits"][part["id"]])["score"] not in (None, 1)
        }
        print("  " + "\n  ".join(sorted(low)))
    return good


def main() -> int:
    """Measure all pages on all devices."""
    with ExitStack() as servers:
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="runtail-")))
        (folder / "redis").mkdir()
        server = servers.enter_context(RedisServer(folder / "redis"))
        stack = servers.enter_context(Examples(folder, server.url)).fill()
        over = next(run for run in stack.listed() if run.state is RunState.FAILED)
        pages = {"list": stack.web.url, "run": f"{stack.web.url}/runs/{over.id}"}
        good = [
            judge(f"{page}, {device}", [measured(address, device, folder) for _ in range(ROUNDS)])
            for page, address in pages.items()
            for device in DEVICES
        ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
