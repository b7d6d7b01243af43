"""``runtail audit``: who did what."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from runtail.auth.audit_entry import EVENTS
from runtail.cli import completion, options
from runtail.cli.times import exact, local, when


@click.command(
    epilog=options.examples(
        "runtail audit --event login --since 7d",
        "runtail audit --run build-1234 --json",
    )
)
@click.option("--who", metavar="NAME", help="Only what was done by somebody whose name or id contains this.")
@click.option("--event", type=click.Choice(EVENTS), multiple=True, help="Only this event, or these events.")
@click.option("--run", metavar="RUN", shell_complete=completion.run_ids, help="Only what was done with this run.")
@click.option(
    "--since", metavar="TIME", callback=when, help="Only what was done after this: 30m, 2h, 7d, or 2026-01-31T14:05."
)
@click.option("--until", metavar="TIME", callback=when, help="Only what was done before this.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="List at most this many entries."
)
@click.option("--cursor", metavar="TEXT", help="Continue where an earlier list ended.")
@options.as_json
def audit(
    *,
    who: str | None,
    event: tuple[str, ...],
    run: str | None,
    since: int | None,
    until: int | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List the audit log, the newest first. It takes the right admin.

    In a pipe, each entry is one line, with tabs between: time, event, outcome, how often, who, id, address, run, task,
    right, reason.
    """
    from runtail.cli import table
    from runtail.cli.web import Web

    events = ",".join(event) or None
    answer = Web.here().get(
        "/audit", who=who, event=events, run=run, since=since, until=until, limit=limit, cursor=cursor
    )
    if as_json:
        options.write_json(answer)
        return
    found, plain = answer["entries"], not sys.stdout.isatty()
    if found and plain:
        table.show([], [plain_row(entry) for entry in found], plain=True)
    elif found:
        columns = [
            table.Column("When"),
            table.Column("Event"),
            table.Column("Who", shortens=True),
            table.Column("From", from_columns=100),
            table.Column("What", wraps=True),
        ]
        table.show(columns, [row(entry) for entry in found], plain=False)
    elif not answer.get("next"):
        click.echo("No such entry.", err=True)
    if answer.get("next"):
        click.echo(f"There are more entries: --cursor {answer['next']}", err=True)


def row(entry: Mapping[str, Any]) -> list[str]:
    """Return the cells of an entry for people."""
    often = f" ×{entry['count']}" if entry["count"] > 1 else ""
    failed = entry["outcome"] != "ok" and entry["event"] != "denied"
    right = f"right {entry['right']}" if entry["right"] else ""
    return [
        local(entry["t_ms"]),
        f"{entry['event']}{' failed' if failed else ''}{often}",
        entry["who"] or entry["who_id"],
        entry["address"],
        ", ".join(part for part in (f"{entry['task']} {entry['run']}".strip(), right, entry["why"]) if part),
    ]


def plain_row(entry: Mapping[str, Any]) -> list[str]:
    """Return the cells of an entry for programs."""
    names = ("event", "outcome", "count", "who", "who_id", "address", "run", "task", "right", "why")
    return [exact(entry["t_ms"]), *(str(entry[name]) for name in names)]
