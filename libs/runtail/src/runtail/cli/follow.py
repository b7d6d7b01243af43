"""``runtail follow``, and how it ends."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from runtail.cli import exits, options

if TYPE_CHECKING:
    from runtail.cli.jsonlines import JsonLines
    from runtail.cli.screen import Screen
    from runtail.cli.web import Web

#: No log has more lines than this.
LINE = click.IntRange(-(2**53), 2**53)
#: The status for somebody who may not read the run's record.
FORBIDDEN = 403


@click.command()
@options.run_argument
@click.option(
    "--from", "from_line", type=LINE, default=1, metavar="LINE", help="First line; -100 means the last 100 lines."
)
@click.option("--raw", is_flag=True, help="Pass all escape sequences to a terminal, not only colours and links.")
@options.as_json
def follow(*, run_id: str, from_line: int, raw: bool, as_json: bool) -> None:
    """Write a run's output: what is stored, then what comes, until the run is over.

    The output goes to stdout, exactly as it is stored; a terminal gets only harmless escape sequences. Everything else
    goes to stderr. The exit status is the task's own. Ctrl-C does not end the run; it prints how to continue.
    """
    from runtail.cli.failure import Failure, Refused
    from runtail.cli.web import Web, run_path

    if from_line == 0:
        raise click.UsageError("--from takes a line number from 1, or a negative number for the last lines")
    web = Web.here()
    try:
        named = neighbours(web.get(run_path(run_id)))
    except Refused as refused:
        if refused.status != FORBIDDEN:
            raise
        if web.get("/session").get("kind") == "share":
            where = f"{web.url}/api/v1{run_path(run_id, '/log.txt')}"
            raise Failure(f"The lines of a share link cannot be verified. Read them with curl: {where}") from None
        # Whoever may read only the log of a run is told nothing else about it.
        named = ""
    sys.exit(followed(web, run_id, from_line, raw=raw, as_json=as_json, neighbours=named))


def neighbours(run: Mapping[str, Any]) -> str:
    """Return a note on earlier and newer executions of the same id; empty if there are no others."""
    from runtail.words import clean

    named = [("earlier", run.get("earlier_execution")), ("newer", run.get("newer_execution"))]
    text = ", ".join(f"{word} execution: {clean(run_id)}" for word, run_id in named if run_id)
    return text[:1].upper() + text[1:]


def followed(
    web: Web,
    run_id: str,
    from_line: int = 1,
    *,
    raw: bool = False,
    as_json: bool,
    started: dict[str, Any] | None = None,
    neighbours: str = "",
) -> int:
    """Follow a run to its end and return the exit status.

    :param raw: pass everything through to a terminal.
    :param started: the run, to be written before its items.
    :param neighbours: the result of :func:`neighbours`, to be shown first.
    :raises Failure: if the run cannot be followed (any more).
    """
    from runtail.cli.interrupts import Interrupts
    from runtail.cli.jsonlines import JsonLines
    from runtail.cli.screen import Screen
    from runtail.cli.tail import Tail
    from runtail.cli.terminal import wants_colour

    sink: JsonLines | Screen
    if as_json:
        sink = JsonLines(sys.stdout.buffer)
        if started is not None:
            sink.write({"run": started})
    else:
        sink = Screen(sys.stdout.buffer, sys.stderr, colour=wants_colour(), raw=raw)
    if neighbours:
        sink.note(neighbours)
    relay = web.relay_url()
    with Interrupts() as interrupts:
        tail = Tail(web, relay, run_id, sink, interrupts, from_line=from_line)
        try:
            outcome = tail.follow()
            interrupts.ignore()
        except KeyboardInterrupt:
            interrupts.ignore()
            sink.close()
            again = f"runtail follow {shlex.quote(run_id)} --from {tail.next_line}"
            click.echo(f"\nThe run goes on. To follow it further: {again}", err=True)
            return exits.INTERRUPTED
    status = exits.of_end(outcome.end or {}) if outcome.verified else exits.UNVERIFIED
    if isinstance(sink, JsonLines):
        sink.verdict(outcome, status)
    else:
        sink.row(outcome.text, "note" if outcome.verified else "error")
    sink.close()
    return status
