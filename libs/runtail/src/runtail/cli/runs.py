"""``runtail runs``: the list."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from runtail.cli import completion, options
from runtail.cli.times import exact, span, when

STATES = ("queued", "running", "succeeded", "failed", "cancelled", "lost")


@click.command(
    epilog=options.examples(
        "runtail runs --state running --state queued",
        "runtail runs --task 'etl.*' --state failed --since 24h",
    )
)
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only runs in this state, or these states.")
@click.option(
    "--task",
    metavar="NAME",
    shell_complete=completion.task_names,
    help="Only runs of this task; * stands for any text.",
)
@click.option("--who", metavar="NAME", help="Only runs whose starter's name contains this.")
@click.option("--label", metavar="KEY=VALUE", help="Only runs with this label.")
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
    label: str | None,
    since: int | None,
    until: int | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List runs, the newest first.

    In a pipe, each run is one line, with tabs between: id, state, task, time of creation, duration in seconds, who
    started it, exit status, title.
    """
    from runtail.cli import table
    from runtail.cli.web import Web

    states = ",".join(state) or None
    wanted = ":".join(key_and_value(label)) if label is not None else None
    answer = Web.here().get(
        "/runs", state=states, task=task, who=who, label=wanted, since=since, until=until, limit=limit, cursor=cursor
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
        table.Column("Title", shortens=True, from_columns=80),
    ]
    if found:
        table.show(columns, [row(run, now_ms, plain=plain) for run in found], plain=plain)
    elif not answer.get("next"):
        click.echo("No such run.", err=True)
    if answer.get("next"):
        click.echo(f"There are more runs: --cursor {answer['next']}", err=True)


def key_and_value(label: str) -> tuple[str, str]:
    """Return the parts of ``key=value``.

    :raises click.UsageError: if the text has no ``=``.
    """
    key, equals, value = label.partition("=")
    if not equals:
        raise click.UsageError(f"--label: {label!r} is not KEY=VALUE.")
    return key, value


def row(run: Mapping[str, Any], now_ms: float, *, plain: bool) -> list[str]:
    """Return a run's cells.

    :param now_ms: the current time, in milliseconds since 1970.
    :param plain: True for exact times, for programs.
    """
    started, created = run.get("first_started_ms"), run["created_ms"]
    took = max(0.0, ((run.get("finished_ms") or now_ms) - started) / 1000) if started else None
    if plain:
        age = exact(created)
        duration = "" if took is None else f"{took:.3f}"
    else:
        age = span(max(0.0, (now_ms - created) / 1000))
        duration = "" if took is None else span(took)
    status = f"signal {run['signal']}" if run.get("signal") else run.get("exit_status")
    exit_ = "" if status is None else str(status)
    return [
        run["id"], run["state"], run["task"], age, duration, run.get("who") or "", exit_, run.get("title") or ""
    ]  # fmt: skip
