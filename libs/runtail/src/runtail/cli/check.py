"""``runtail check``: whether this installation works."""

from __future__ import annotations

import sys

import click

from runtail.cli import exits, options


@click.command(
    epilog=options.examples(
        "runtail check",
        "runtail check --lines 1000 --seconds 10 --json",
    )
)
@click.option(
    "--lines",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="Number of lines that the run prints.",
)
@click.option(
    "--seconds", type=click.FloatRange(0), default=2.0, show_default=True, help="Seconds over which it prints them."
)
@click.option(
    "--timeout",
    type=click.FloatRange(1),
    default=60.0,
    show_default=True,
    help="Timeout for the whole check, in seconds.",
)
@options.relay_url
@click.option(
    "--kill-relay",
    "selector",
    default="",
    metavar="LABELS",
    help="In Kubernetes: delete the pod of the relay that serves this check. The labels select the relays.",
)
@options.as_json
def check(*, lines: int, seconds: float, timeout: float, relay_url: str, selector: str, as_json: bool) -> None:
    """Start a run of the task runtail.check, watch it as a browser does, and check every line and digest.

    The exit status is 0 if all is well. Otherwise it is 1, and the command says what is wrong.
    """
    from dataclasses import asdict

    from runtail.cli.checking import check as checked
    from runtail.cli.web import Web

    killer = None
    if selector:
        from runtail.cli.relay_killer import RelayKiller

        killer = RelayKiller(selector)
        killer.look()
    result = checked(
        Web.here(), lines, seconds, timeout, relay_url=relay_url, on_line=killer.strike if killer else None
    )
    killed = killer.killed if killer else ""
    problem = result.problem or (
        "no relay was killed: none of them had one more viewer than before" if killer and not killed else ""
    )
    if as_json:
        options.write_json({**asdict(result), "problem": problem, "killed": killed})
    else:
        for note in result.notes:
            click.echo(note)
        if killed:
            click.echo(f"killed {killed}, which served this check")
        if result.first_line_seconds is not None:
            click.echo(
                f"{result.lines} of {lines} lines, the first after {result.first_line_seconds:.1f} s, "
                f"the longest pause {result.longest_pause_seconds:.1f} s"
            )
        click.echo(
            f"Not well: {problem}" if problem else "Everything works: all lines arrived and match their digests."
        )
    sys.exit(exits.FAILED if problem else 0)
