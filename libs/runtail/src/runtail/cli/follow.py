"""``runtail follow``, and how it ends."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from runtail.cli import completion, exits, options

if TYPE_CHECKING:
    from runtail.cli.several import Named
    from runtail.cli.sink import Output
    from runtail.cli.web import Web

#: No log has more lines than this.
LINE = click.IntRange(-(2**53), 2**53)
#: The status for somebody who may not read the run's record.
FORBIDDEN = 403


def pattern(_context: click.Context, _parameter: click.Parameter, text: str | None) -> re.Pattern[str] | None:
    """Read a regular expression; called by click."""
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise click.BadParameter(f"{text!r} is not a regular expression: {error}.") from None


@click.command(
    epilog=options.examples(
        "runtail follow 4f0c --from -100",
        "runtail follow --last --grep '(?i)error|warn'",
        "runtail follow 4f0c 77e1 b3d9    # several at once, each line with its run",
    )
)
@click.argument("run_ids", metavar="[RUN]...", nargs=-1, shell_complete=completion.run_ids)
@click.option("--last", is_flag=True, help="Follow the newest run that you started.")
@click.option(
    "--task",
    metavar="NAME",
    shell_complete=completion.task_names,
    help="With --last: the newest run of this task, whoever started it; * stands for any text.",
)
@click.option(
    "--from", "from_line", type=LINE, default=1, metavar="LINE", help="First line; -100 means the last 100 lines."
)
@click.option(
    "--grep",
    "wanted",
    metavar="PATTERN",
    callback=pattern,
    help="Write only lines in which this regular expression is found.",
)
@click.option(
    "--prefix/--no-prefix", default=None, help="Begin each line with its run, or not; with several runs it does."
)
@click.option("--raw", is_flag=True, help="Pass all escape sequences to a terminal, not only colours and links.")
@options.as_json
def follow(
    *,
    run_ids: tuple[str, ...],
    last: bool,
    task: str | None,
    from_line: int,
    wanted: re.Pattern[str] | None,
    prefix: bool | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Write the output of runs: what is stored, then what comes, until the runs are over.

    The output goes to stdout, exactly as it is stored; a terminal gets only harmless escape sequences. Everything else
    goes to stderr. The exit status is the task's own; of several runs, the highest. Ctrl-C does not end a run; it
    prints how to continue.
    """
    from runtail.cli.naming import newest, whole_id
    from runtail.cli.web import Web

    if from_line == 0:
        raise click.UsageError("--from takes a line number from 1, or a negative number for the last lines")
    if last == bool(run_ids):
        raise click.UsageError("Name a run, or several; or take the newest with --last.")
    if task is not None and not last:
        raise click.UsageError("--task: it goes with --last.")
    if as_json and (wanted or prefix is not None):
        raise click.UsageError("--json: it has whole entries, without --grep and --prefix.")
    web = Web.here()
    ids = list(dict.fromkeys([newest(web, task)] if last else (whole_id(web, run_id) for run_id in run_ids)))
    prefix = len(ids) > 1 if prefix is None else prefix
    if raw and (wanted or prefix):
        raise click.UsageError("--raw: only the whole output of one run can be passed on raw.")
    if last and not as_json:
        click.echo(f"Run {ids[0]}", err=True)
    if len(ids) == 1 and not wanted and not prefix:
        named = known(web, ids[0])
        sys.exit(followed(web, ids[0], from_line, raw=raw, as_json=as_json, neighbours=named.note))
    sys.exit(followed_by_lines(web, ids, from_line, wanted=wanted, prefix=prefix, as_json=as_json))


def known(web: Web, run_id: str) -> Named:
    """Return what we may know of a run before we follow it.

    :raises Failure: if nobody can follow it here.
    """
    from runtail.cli.failure import Failure, Refused
    from runtail.cli.several import Named
    from runtail.cli.web import run_path

    try:
        run = web.get(run_path(run_id))
    except Refused as refused:
        if refused.status != FORBIDDEN:
            raise
        if web.get("/session").get("kind") == "share":
            where = f"{web.url}/api/v1{run_path(run_id, '/log.txt')}"
            raise Failure(f"The lines of a share link cannot be verified. Read them with curl: {where}") from None
        # Whoever may read only the log of a run is told nothing else about it.
        return Named(run_id)
    return Named(run_id, run["task"], neighbours(run))


def neighbours(run: Mapping[str, Any]) -> str:
    """Return a note on earlier and newer executions of the same id; empty if there are no others."""
    from runtail.words import clean

    named = [("earlier", run.get("earlier_execution")), ("newer", run.get("newer_execution"))]
    text = ", ".join(f"{word} execution: {clean(run_id)}" for word, run_id in named if run_id)
    return text[:1].upper() + text[1:]


def followed_by_lines(
    web: Web, ids: list[str], from_line: int, *, wanted: re.Pattern[str] | None, prefix: bool, as_json: bool
) -> int:
    """Follow runs line by line, or one of them, and return the exit status.

    :param wanted: lines in which it finds nothing are left out.
    :param prefix: whether each line begins with its run.
    :raises Failure: if one cannot be followed at all.
    """
    from runtail.cli.jsonlines import JsonLines
    from runtail.cli.lines import Lines
    from runtail.cli.several import MAX_RUNS, STYLES, follow_all, prefixes
    from runtail.cli.terminal import wants_colour

    if len(ids) > MAX_RUNS:
        raise click.UsageError(f"At most {MAX_RUNS} runs can be followed at once; these are {len(ids)}.")
    runs = [known(web, run_id) for run_id in ids]
    shown = prefixes(runs) if prefix else [""] * len(runs)

    def output_of(number: int, held: AbstractContextManager[object]) -> Output:
        if as_json:
            return JsonLines(sys.stdout.buffer, ids[number], held)
        style = STYLES[number % len(STYLES)]
        return Lines(
            sys.stdout.buffer, sys.stderr, held,
            prefix=shown[number], prefix_style=style, wanted=wanted, colour=wants_colour(),
        )  # fmt: skip

    again = f" --grep {shlex.quote(wanted.pattern)}" if wanted else ""
    return follow_all(web, runs, from_line, output_of, again=again)


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
    from runtail.cli.sink import told
    from runtail.cli.tail import Tail
    from runtail.cli.terminal import wants_colour

    sink: Output
    if as_json:
        sink = json_lines = JsonLines(sys.stdout.buffer)
        if started is not None:
            json_lines.write({"run": started})
    else:
        sink = Screen(sys.stdout.buffer, sys.stderr, colour=wants_colour(), raw=raw)
    if neighbours:
        sink.note(neighbours)
    relay = web.relay_url()
    with Interrupts() as interrupts:
        tail = Tail(web, relay, run_id, sink, interrupts.held, from_line=from_line)
        try:
            outcome = tail.follow()
            interrupts.ignore()
        except KeyboardInterrupt:
            interrupts.ignore()
            sink.close()
            again = f"runtail follow {shlex.quote(run_id)} --from {tail.next_line}"
            click.echo(f"\nThe run goes on. To follow it further: {again}", err=True)
            return exits.INTERRUPTED
    return told(sink, outcome)
