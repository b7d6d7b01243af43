"""One run: ``runtail cancel``, ``retry`` and ``delete``."""

from __future__ import annotations

import click

from runtail.cli import options


@click.command(
    epilog=options.examples(
        "runtail cancel 4f0c --why 'wrong branch'",
    )
)
@options.run_argument
@click.option("--why", default="", metavar="TEXT", help="Reason, shown in the log.")
@options.as_json
def cancel(*, run_id: str, why: str, as_json: bool) -> None:
    """End a run and everything it started.

    The command does not wait for the end; `runtail follow RUN` does.
    """
    from runtail.cli.naming import whole_id
    from runtail.cli.web import Web, run_path

    web = Web.here()
    run_id = whole_id(web, run_id)
    answer = web.send("POST", run_path(run_id, "/cancel"), {"why": why}).value
    if as_json:
        options.write_json(answer)
    elif answer["state"] == "cancelled":
        click.echo(f"{run_id} is cancelled.", err=True)
    else:
        click.echo(f"{run_id} was asked to end; `runtail follow {run_id}` shows how it ends.", err=True)


@click.command(
    epilog=options.examples(
        "runtail retry 4f0c",
        "runtail follow $(runtail retry 4f0c)",
    )
)
@options.run_argument
@options.as_json
def retry(*, run_id: str, as_json: bool) -> None:
    """Start a run's task again, with the same parameters. Writes the id of the new run."""
    from runtail.cli.naming import whole_id
    from runtail.cli.web import Web, run_path

    web = Web.here()
    answer = web.send("POST", run_path(whole_id(web, run_id), "/retry"), {}).value
    if as_json:
        options.write_json(answer)
    else:
        click.echo(answer["id"])


@click.command(
    epilog=options.examples(
        "runtail delete build-1234",
    )
)
@options.run_argument
@options.as_json
def delete(*, run_id: str, as_json: bool) -> None:
    """Delete a run and its log at once, for example because a secret stands in it.

    It takes the whole id, because nothing brings a run back.
    """
    from runtail.cli.web import Web, run_path

    Web.here().send("DELETE", run_path(run_id))
    if as_json:
        options.write_json({"deleted": run_id})
    else:
        click.echo(f"{run_id} is deleted.", err=True)
