"""``runtail show``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from runtail.cli import options


@click.command(
    epilog=options.examples(
        "runtail show 4f0c",
        "runtail show 4f0c --json | jq .result.value",
    )
)
@options.run_argument
@options.as_json
def show(*, run_id: str, as_json: bool) -> None:
    """Show a run: its state, its parameters, and what it returned.

    Parameters and result are only shown to those who may read parameters.
    """
    from runtail.cli.naming import whole_id
    from runtail.cli.web import Web, run_path
    from runtail.words import clean

    web = Web.here()
    run = web.get(run_path(whole_id(web, run_id)))
    if as_json:
        options.write_json(run)
        return
    for name, value in facts(run, time.time() * 1000):
        click.echo(f"{name + ':':12} {clean(value)}")


def facts(run: Mapping[str, Any], now_ms: float) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a run: names and values.

    :param now_ms: the current time, in milliseconds since 1970.
    """
    from runtail.cli.runs import row

    _, state, task, created, took, who, status, title = row(run, now_ms, plain=False)
    result = run.get("result")
    labels = {**(run.get("added_labels") or {}), **(run.get("labels") or {})}
    found = {
        "Run": run["id"],
        "Title": title,
        "Task": task,
        "State": f"{state} ({run['why']})" if run.get("why") else state,
        "Exit status": status,
        "Created": f"{created} ago",
        "Took": took,
        "Who": who,
        "Queue": run.get("queue"),
        "Worker": run.get("worker"),
        "Attempt": str(run["attempt"]) if run["attempt"] > 1 else "",
        "Retry of": run.get("retry_of"),
        "Labels": ", ".join(f"{key}={value}" for key, value in sorted(labels.items())),
        "Parameters": _json(run["kwargs"]) if run.get("kwargs") else "",
        "Lines": f"{run['lines']:,}",
        "Result": _json(result["value"]) if result else "",
    }
    yield from ((name, str(value)) for name, value in found.items() if value)
    if result and result.get("cut"):
        yield "", "(Only the beginning of the result is kept.)"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
