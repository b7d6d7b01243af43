"""``runtail runs``: the list."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from runtail.cli import completion, options

STATES = ("queued", "running", "succeeded", "failed", "cancelled", "lost")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def when(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Return a time in milliseconds since 1970, given as an age (``90s``, ``30m``, ``2h``, ``7d``) or in ISO 8601.

    :raises click.BadParameter: if the text is neither.
    """
    if value is None:
        return None
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value)
    try:
        if ago:
            # No run is older than 1970.
            return max(0, int((time.time() - float(ago[1]) * _UNITS[ago[2]]) * 1000))
        # A time without a zone is in this machine's time zone.
        return int(datetime.fromisoformat(value).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is not a time: write 30m, 2h, 7d, or 2026-01-31T14:05") from None


@click.command()
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only runs in this state, or these states.")
@click.option("--task", metavar="NAME", shell_complete=completion.task_names, help="Only runs of this task.")
@click.option("--who", metavar="NAME", help="Only runs whose starter's name contains this.")
@click.option(
    "--since", metavar="TIME", callback=when, help="Only runs made after this: 30m, 2h, 7d, or 2026-01-31T14:05."
)
@click.option("--until", metavar="TIME", callback=when, help="Only runs made before this.")
@click.option(
    "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="List at most this many runs."
)
@click.option("--cursor", metavar="TEXT", help="Continue where an earlier list ended.")
@options.as_json
def runs(
    *,
    state: tuple[str, ...],
    task: str | None,
    who: str | None,
    since: int | None,
    until: int | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List runs, the newest first.

    In a pipe, each run is one line, with tabs between: id, state, task, time of creation, duration in seconds, who
    started it, exit status.
    """
    from runtail.cli import table
    from runtail.cli.web import Web

    states = ",".join(state) or None
    answer = Web.here().get(
        "/runs", state=states, task=task, who=who, since=since, until=until, limit=limit, cursor=cursor
    )
    if as_json:
        options.write_json(answer)
        return
    found, plain = answer["runs"], not sys.stdout.isatty()
    now_ms = time.time() * 1000
    columns = [
        table.Column("Run"),
        table.Column("State"),
        table.Column("Task", shortens=True),
        table.Column("Age"),
        table.Column("Took", from_columns=90),
        table.Column("Who", shortens=True, from_columns=110),
        table.Column("Exit", from_columns=100),
    ]
    if found:
        table.show(columns, [row(run, now_ms, plain=plain) for run in found], plain=plain)
    elif not answer.get("next"):
        click.echo("No such run.", err=True)
    if answer.get("next"):
        click.echo(f"There are more runs: --cursor {answer['next']}", err=True)


def row(run: Mapping[str, Any], now_ms: float, *, plain: bool) -> list[str]:
    """Return a run's cells.

    :param now_ms: the current time, in milliseconds since 1970.
    :param plain: True for exact times, for programs.
    """
    started, created = run.get("first_started_ms"), run["created_ms"]
    took = max(0.0, ((run.get("finished_ms") or now_ms) - started) / 1000) if started else None
    if plain:
        age = datetime.fromtimestamp(created / 1000, UTC).isoformat(timespec="milliseconds")
        duration = "" if took is None else f"{took:.3f}"
    else:
        age = span(max(0.0, (now_ms - created) / 1000))
        duration = "" if took is None else span(took)
    status = f"signal {run['signal']}" if run.get("signal") else run.get("exit_status")
    return [
        run["id"], run["state"], run["task"], age, duration, run.get("who") or "", "" if status is None else str(status)
    ]  # fmt: skip


def span(seconds: float) -> str:
    """Return a length of time in two units at most: ``<0.1s``, ``4.2s``, ``3m20s``, ``2h5m``, ``3d4h``."""
    if seconds < 0.1:
        return "<0.1s"
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    whole = int(seconds)
    for large, small in (("d", "h"), ("h", "m")):
        if whole >= _UNITS[large]:
            return f"{whole // _UNITS[large]}{large}{whole % _UNITS[large] // _UNITS[small]}{small}"
    return f"{whole // 60}m{whole % 60}s"
