"""``runtail share``, ``shares`` and ``unshare``: links with which guests read some lines of one run."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import click

from runtail.cli import options
from runtail.cli.times import exact, length, local, span

#: An id alone; in a link, before the secret; or in the token for programs.
_LINK: Final = re.compile(r"(?:\S*/s/|rts1_)?(?P<id>[a-z2-7]{10})(?:[#_]\S*)?")


@click.command(
    epilog=options.examples(
        "runtail share 4f0c --from 40 --to 60 --for 2h",
        "runtail share 4f0c --live",
    )
)
@options.run_argument
@click.option("--from", "first", type=click.IntRange(1), metavar="LINE", help="First line; 1 if left out.")
@click.option("--to", "last", type=click.IntRange(1), metavar="LINE", help="Last line; the last of now if left out.")
@click.option("--live", is_flag=True, help="Share what follows, too, as it is written. Not with --to.")
@click.option("--for", "seconds", metavar="TIME", callback=length, help="How long it works: 30m, 24h, 7d at most.")
@options.as_json
def share(
    *, run_id: str, first: int | None, last: int | None, live: bool, seconds: float | None, as_json: bool
) -> None:
    """Make a link with which people without a login read lines of a run, and write it. It is shown only once.

    Whoever has the link reads these lines, and nothing else.
    """
    from runtail.cli.naming import whole_id
    from runtail.cli.web import Web, run_path

    if live and last is not None:
        raise click.UsageError("--to: a link that is --live has no end. Leave one of the two out.")
    given = {"from": first, "to": last, "live": live or None, "seconds": seconds}
    body = {name: value for name, value in given.items() if value is not None}
    web = Web.here()
    run_id = whole_id(web, run_id)
    answer = web.send("POST", run_path(run_id, "/shares"), body).value
    # The service says the whole address if it knows it; we may have come by another one.
    link = answer["address"] if "://" in answer["address"] else f"{web.origin}{answer['address']}"
    if as_json:
        options.write_json({**answer, "address": link})
        return
    lasts = span(max(0.0, (answer["ends_ms"] - answer["made_ms"]) / 1000))
    click.echo(
        f"Whoever has this link reads {lines_of(answer)} of {run_id} without a login, until "
        f"{local(answer['ends_ms'])} ({lasts}). It is not shown again.",
        err=True,
    )
    click.echo(link)
    click.echo(f"To revoke it: runtail unshare {answer['id']}", err=True)


@click.command(
    epilog=options.examples(
        "runtail shares 4f0c",
    )
)
@options.run_argument
@options.as_json
def shares(*, run_id: str, as_json: bool) -> None:
    """List the share links of a run, the newest first.

    In a pipe, each link is one line, with tabs between: id, first line, last line (none: what follows, too), who made
    it, when it was made, when it ends, works or dead.
    """
    from runtail.cli import table
    from runtail.cli.naming import whole_id
    from runtail.cli.web import Web, run_path

    web = Web.here()
    answer = web.get(run_path(whole_id(web, run_id), "/shares"))
    if as_json:
        options.write_json(answer)
        return
    found, plain = answer["shares"], not sys.stdout.isatty()
    if not found:
        click.echo("Nobody has a link to this run.", err=True)
        return
    if plain:
        table.show([], [plain_row(one) for one in found], plain=True)
        return
    columns = [
        table.Column("Link"),
        table.Column("Lines"),
        table.Column("Made by", shortens=True),
        table.Column("Made", from_columns=100),
        table.Column("Ends"),
        table.Column(""),
    ]
    now_ms = time.time() * 1000
    table.show(columns, [row(one, now_ms) for one in found], plain=False)


@click.command(
    epilog=options.examples(
        "runtail unshare k3jx7q2mzd",
    )
)
@click.argument("link", metavar="LINK")
@options.as_json
def unshare(*, link: str, as_json: bool) -> None:
    """Revoke a share link, at once, also for those who are reading.

    LINK is the link, or its id as `runtail shares RUN` lists it. Links that others made take the right admin.
    """
    from runtail.cli.web import Web

    found = _LINK.fullmatch(link)
    if not found:
        raise click.UsageError(f"{link!r} is no share link. `runtail shares RUN` lists their ids.")
    share_id = found["id"]
    Web.here().send("DELETE", f"/shares/{share_id}")
    if as_json:
        options.write_json({"revoked": share_id})
    else:
        click.echo(f"The link {share_id} does not work any more.", err=True)


def lines_of(shared: Mapping[str, Any]) -> str:
    """Return in words which lines a link shares."""
    first, last = shared["from"], shared["to"]
    if last is None:
        return f"line {first} and all that follow"
    return f"line {first}" if first == last else f"lines {first} to {last}"


def row(shared: Mapping[str, Any], now_ms: float) -> list[str]:
    """Return the cells of a link for people.

    :param now_ms: the current time, in milliseconds since 1970.
    """
    made, left = (max(0.0, seconds / 1000) for seconds in (now_ms - shared["made_ms"], shared["ends_ms"] - now_ms))
    last = "…" if shared["to"] is None else str(shared["to"])
    state = "" if shared["works"] else "dead"
    return [shared["id"], f"{shared['from']}-{last}", shared["maker"], f"{span(made)} ago", f"in {span(left)}", state]


def plain_row(shared: Mapping[str, Any]) -> list[str]:
    """Return the cells of a link for programs."""
    times = exact(shared["made_ms"]), exact(shared["ends_ms"])
    last = "" if shared["to"] is None else str(shared["to"])
    state = "works" if shared["works"] else "dead"
    return [shared["id"], str(shared["from"]), last, shared["maker"], *times, state]
