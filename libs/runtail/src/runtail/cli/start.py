"""``runtail start``."""

from __future__ import annotations

import difflib
import sys
from typing import Any

import click

from runtail.cli import completion, options


@click.command()
@click.argument("task", shell_complete=completion.task_names)
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=completion.parameters)
@click.option("--follow", "-f", "follows", is_flag=True, help="Then follow it, as `runtail follow` does.")
@click.option("--idempotency-key", metavar="TEXT", help="The same key starts the same run once, for 24 hours.")
@click.option("--run-id", metavar="ID", help="The new run's id, if it must be known before.")
@options.as_json
def start(
    *,
    task: str,
    parameters: tuple[str, ...],
    follows: bool,
    idempotency_key: str | None,
    run_id: str | None,
    as_json: bool,
) -> None:
    """Start a task and write the id of its run.

    Values are read as the type that the parameter has; a list takes one KEY=VALUE for each element, or JSON.
    KEY:=JSON gives a value as JSON.
    """
    from runtail.cli.follow import followed
    from runtail.cli.parameters import WrongParameter, parse
    from runtail.cli.web import Web

    web = Web.here()
    schema = known_task(web, task).get("schema") or {}
    try:
        kwargs = parse(parameters, schema)
    except WrongParameter as error:
        raise click.UsageError(str(error)) from None
    body: dict[str, Any] = {"task": task, "kwargs": kwargs}
    if run_id is not None:
        body["run_id"] = run_id
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key is not None else {}
    answer = web.send("POST", "/runs", body, headers)
    run = answer.value
    if answer.headers.get("idempotency-replayed"):
        click.echo(f"{run['id']} was started before, with the same key.", err=True)
    if not follows:
        if as_json:
            options.write_json(run)
        else:
            click.echo(run["id"])
        return
    if not as_json:
        click.echo(f"Run {run['id']}", err=True)
    sys.exit(followed(web, run["id"], as_json=as_json, started=run))


def known_task(web: Any, name: str) -> dict[str, Any]:
    """Return a task's entry in the catalogue.

    :raises Failure: if no worker has published it; the message names similar ones.
    """
    from runtail.cli.failure import Failure

    tasks: list[dict[str, Any]] = web.get("/tasks")["tasks"]
    for task in tasks:
        if task["name"] == name:
            return task
    near = difflib.get_close_matches(name, [task["name"] for task in tasks], n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else " `runtail tasks` lists those there are."
    raise Failure(f"no worker has published a task named {name!r}.{hint}", {
        "title": "There is no such task", "code": "unknown-task", "status": 404,
        "detail": f"No worker has published a task named {name!r}.",
    })  # fmt: skip
