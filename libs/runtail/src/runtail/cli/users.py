"""``runtail users``: who has logged in; locking somebody out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from runtail.cli import options


@click.group()
def users() -> None:
    """Who has logged in, and who is locked out. It takes the right admin."""


@users.command("list", epilog=options.examples("runtail users list"))
@options.as_json
def list_users(*, as_json: bool) -> None:
    """List everybody who has logged in.

    In a pipe, each user is one line, with tabs between: id, locked or gone, groups, sessions, tokens, last seen.
    """
    from runtail.cli import table
    from runtail.cli.web import Web

    answer = Web.here().get("/users")
    if as_json:
        options.write_json(answer)
        return
    found, plain = answer["users"], not sys.stdout.isatty()
    if not found:
        click.echo("Nobody has logged in yet.", err=True)
        return
    columns = [
        table.Column("User", shortens=True),
        table.Column(""),
        table.Column("Groups", wraps=True),
        table.Column("Sessions"),
        table.Column("Tokens"),
        table.Column("Last seen"),
    ]
    table.show([] if plain else columns, [row(user, plain=plain) for user in found], plain=plain)


@users.command(epilog=options.examples("runtail users lock user:ann"))
@click.argument("user")
def lock(*, user: str) -> None:
    """Lock a user out, at once: streams end, and neither sessions nor tokens of the user work.

    USER is an id as the list shows it, such as user:ann.
    """
    _change(user, "lock")
    click.echo(f"{user} is locked out. To undo this: runtail users unlock {user}", err=True)


@users.command(epilog=options.examples("runtail users unlock user:ann"))
@click.argument("user")
def unlock(*, user: str) -> None:
    """Let a user in again."""
    _change(user, "unlock")
    click.echo(f"{user} may log in.", err=True)


def _change(user: str, what: str) -> None:
    from runtail.cli.web import Web

    Web.here().send("POST", f"/users/{what}", {"id": user})


def row(user: Mapping[str, Any], *, plain: bool) -> list[str]:
    """Return the cells of a user."""
    state = "locked" if user["locked"] else "gone" if user["gone"] else ""
    seen = datetime.fromtimestamp(user["seen_ms"] / 1000, UTC) if user["seen_ms"] else None
    shown = "" if seen is None else seen.isoformat(timespec="seconds") if plain else f"{seen.astimezone():%Y-%m-%d}"
    return [user["id"], state, ",".join(user["groups"]), str(user["sessions"]), str(user["tokens"]), shown]
