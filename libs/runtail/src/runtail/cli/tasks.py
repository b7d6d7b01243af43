"""``runtail tasks``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from runtail.cli import options


@click.command(
    epilog=options.examples(
        "runtail tasks",
        "runtail tasks --json | jq '.tasks[].name'",
    )
)
@options.as_json
def tasks(*, as_json: bool) -> None:
    """List the tasks that can be started, with their parameters.

    A parameter with a default is shown with it; a * stands for one that must be given. Its bounds are in parentheses.
    """
    from runtail.cli import table
    from runtail.cli.web import Web

    answer = Web.here().get("/tasks")
    if as_json:
        options.write_json(answer)
        return
    rows = [
        [
            task["name"],
            " ".join(parameter_words(task.get("schema") or {})),
            task.get("queue") or "",
            (task.get("doc") or "").partition("\n")[0],
        ]
        for task in answer["tasks"]
    ]
    if not rows:
        click.echo("No worker has published a task yet: is one running, with runtail.install(app)?", err=True)
        return
    columns = [
        table.Column("Task"),
        table.Column("Parameters", wraps=True),
        table.Column("Queue", from_columns=100),
        table.Column("", wraps=True),
    ]
    table.show(columns, rows, plain=not sys.stdout.isatty())


def parameter_words(schema: Mapping[str, Any]) -> list[str]:
    """Return each parameter in short: ``lines=100``, ``name*`` if it must be given, ``shards=8 (1 to 64)``."""
    import json

    from runtail.bounds import bounds_of

    required = schema.get("required") or ()
    words = []
    for name, rule in (schema.get("properties") or {}).items():
        if name in required:
            word = f"{name}*"
        elif "default" in rule:
            default = rule["default"]
            word = f"{name}={default if isinstance(default, str) else json.dumps(default)}"
        else:
            word = name
        bounds = bounds_of(rule)
        words.append(f"{word} ({bounds})" if bounds else word)
    return words
