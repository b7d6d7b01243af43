"""``runtail canary``: repeats a check and serves its results as metrics."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING

import click

from runtail.cli import options

if TYPE_CHECKING:
    from runtail.cli.checking import Result
    from runtail.metrics import Metrics

PORT = 8031
#: A run of the canary: a few lines within a second.
LINES, SECONDS = 10, 1.0


@click.command(
    epilog=options.examples(
        "runtail canary --every 60 --port 9400",
    )
)
@click.option("--every", type=click.FloatRange(5), default=60.0, show_default=True, help="Seconds between two runs.")
@click.option("--port", type=int, default=PORT, show_default=True, help="Where health and metrics are served.")
@options.relay_url
def canary(*, every: float, port: int, relay_url: str) -> None:
    """Check this installation again and again, as `runtail check` does, and serve what was seen as metrics."""
    from runtail.admin import AdminServer, always
    from runtail.cli.checking import check
    from runtail.cli.web import Web
    from runtail.metrics import Metrics
    from runtail.settings import load_settings

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    settings = load_settings(os.environ)
    metrics = Metrics("canary")
    counts = Counts(metrics)
    server = AdminServer(settings.admin_host, port, always, metrics.registry, allowed_hosts=settings.allowed_hosts)
    server.start()
    web = Web.here()
    while True:
        began = time.monotonic()
        result = check(web, LINES, SECONDS, min(every, 30.0), relay_url=relay_url)
        counts.add(result)
        click.echo(
            f"Not well: {result.problem}"
            if result.problem
            else f"{result.lines} lines, the first after {result.first_line_seconds:.2f} s"
        )
        time.sleep(max(0.0, every - (time.monotonic() - began)))


class Counts:
    """The canary's results as metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._runs = metrics.counter("runtail_canary_runs_total")
        self._missing = metrics.counter("runtail_canary_missing_lines_total")
        self._doubled = metrics.counter("runtail_canary_doubled_lines_total")
        self._first_line = metrics.histogram("runtail_canary_first_line_seconds")
        self._line = metrics.histogram("runtail_canary_line_seconds")
        # A canary that never succeeds counts as late since its start, not since 1970.
        self._succeeded_at = time.time()
        metrics.read("runtail_canary_last_success_timestamp_seconds", lambda: self._succeeded_at)

    def add(self, result: Result) -> None:
        """Count one check."""
        self._runs.labels("failed" if result.problem else "succeeded").inc()
        # A run that failed before its first line says nothing about missing lines.
        if not result.problem or result.lines:
            self._missing.inc(result.missing)
        self._doubled.inc(result.doubled)
        if result.first_line_seconds is not None:
            self._first_line.observe(result.first_line_seconds)
        if result.line_seconds is not None:
            self._line.observe(result.line_seconds)
        if not result.problem:
            self._succeeded_at = time.time()
