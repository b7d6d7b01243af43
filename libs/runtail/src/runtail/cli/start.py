"""``runtail start``."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from runtail.cli import completion, options


@click.command(
    epilog=options.examples(
        "runtail start demo.tail lines=5 --follow",
        "runtail start demo.build_image --preset quick name=web --label branch=main",
        "runtail start acme.deploy token=@key.txt host=a host=b how:='{\"dry\": true}'",
    )
)
@click.argument("task", shell_complete=completion.task_names)
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=completion.parameters)
@click.option("--follow", "-f", "follows", is_flag=True, help="Follow the new run, as `runtail follow` does.")
@click.option("--idempotency-key", metavar="TEXT", help="Start only one run with this key within 24 hours.")
@click.option("--run-id", metavar="ID", help="Id of the new run, if you need to know it in advance.")
@click.option("--label", "labels", metavar="KEY=VALUE", multiple=True, help="Label by which the run can be found.")
@click.option(
    "--preset",
    metavar="NAME",
    shell_complete=completion.presets,
    help="Take the values of this preset, which the task declares.",
)
@click.option("--title", metavar="TEXT", help="Title of the new run, for people.")
@options.as_json
def start(
    *,
    task: str,
    parameters: tuple[str, ...],
    follows: bool,
    idempotency_key: str | None,
    run_id: str | None,
    labels: tuple[str, ...],
    preset: str | None,
    title: str | None,
    as_json: bool,
) -> None:
    """Start a task and write the id of its run.

    A value is read as the type of its parameter. For a list, write KEY=VALUE once for each element, or write JSON.
    KEY:=JSON passes any JSON value. Give a secret as a file, KEY=@FILE (@- for stdin), because everybody on a machine
    can see the arguments of a command. If a required secret is missing, you are asked for it on the terminal.
    """
    from runtail.cli.follow import followed
    from runtail.cli.naming import page_url, pages_at
    from runtail.cli.parameters import WrongParameter, parse
    from runtail.cli.runs import key_and_value
    from runtail.cli.web import Web

    web = Web.here()
    known = known_task(web, task)
    schema = known.get("schema") or {}
    values = values_of(known, preset) if preset is not None else {}
    try:
        kwargs = values | parse(with_secrets(parameters, schema), schema)
    except WrongParameter as error:
        raise click.UsageError(str(error)) from None
    body: dict[str, Any] = {"task": task, "kwargs": kwargs}
    if run_id is not None:
        body["run_id"] = run_id
    if labels:
        body["labels"] = dict(map(key_and_value, labels))
    if title is not None:
        body["title"] = title
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key is not None else {}
    # (Nothing that can fail comes after the start.)
    pages = "" if as_json else pages_at(web)
    answer = web.send("POST", "/runs", body, headers)
    run = answer.value
    if answer.headers.get("idempotency-replayed"):
        click.echo(f"{run['id']} was started before, with the same key.", err=True)
    if not follows:
        if as_json:
            options.write_json(run)
        else:
            click.echo(run["id"])
            click.echo(f"Its page: {page_url(pages, run['id'])}", err=True)
        return
    if not as_json:
        click.echo(f"Run {run['id']}\nIts page: {page_url(pages, run['id'])}", err=True)
    sys.exit(followed(web, run["id"], as_json=as_json, started=run))


def values_of(task: Mapping[str, Any], preset: str) -> dict[str, Any]:
    """Return the values of a task's preset; parameters that are given replace them.

    :raises click.UsageError: if the task has no such preset.
    """
    presets: dict[str, dict[str, Any]] = task.get("presets") or {}
    if preset not in presets:
        those = f"it has {', '.join(sorted(presets))}" if presets else "it has none"
        raise click.UsageError(f"--preset: {task['name']} has no preset {preset!r}; {those}.")
    return presets[preset]


def with_secrets(parameters: Sequence[str], schema: Mapping[str, Any]) -> list[str]:
    """Return ``key=value`` for all parameters; secrets may come from files or from a prompt on the terminal.

    :raises click.UsageError: if a file cannot be read.
    """
    rules = schema.get("properties") or {}
    secrets = [name for name, rule in rules.items() if rule.get("writeOnly")]
    found = list(parameters)
    for at, parameter in enumerate(parameters):
        key, _, text = parameter.partition("=")
        if key in secrets and text.startswith("@"):
            try:
                with click.open_file(text[1:], encoding="utf-8") as file:
                    value = file.read().removesuffix("\n")
            except (OSError, UnicodeDecodeError) as error:
                raise click.UsageError(f"{key}: the file {text[1:]!r} cannot be read: {error}") from None
            found[at] = f"{key}={value}"
    given = {parameter.partition("=")[0].removesuffix(":") for parameter in parameters}
    for name in secrets:
        if name in (schema.get("required") or ()) and name not in given and sys.stdin.isatty():
            found.append(f"{name}={click.prompt(name, hide_input=True, err=True)}")
    return found


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
    hint = f" Did you mean {' or '.join(near)}?" if near else " `runtail tasks` lists the tasks there are."
    raise Failure(f"no worker has published a task named {name!r}.{hint}", {
        "title": "There is no such task", "code": "unknown-task", "status": 404,
        "detail": f"No worker has published a task named {name!r}.",
    })  # fmt: skip
