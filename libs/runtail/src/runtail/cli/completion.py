"""The shell's completions after TAB: names of tasks and their parameters, ids of runs.

They come from the web service. If it does not answer at once, there are no
completions: a prompt must not hang or show errors.
"""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

#: Nobody waits longer than this after TAB.
TIMEOUT_SECONDS = 1.0
RUNS = 100


def _ask(path: str, **query: Any) -> dict[str, Any]:
    from runtail.cli.web import Web

    try:
        answer = Web.here(TIMEOUT_SECONDS).get(path, **query)
    except click.ClickException:
        return {}
    return answer if isinstance(answer, dict) else {}


def task_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer tasks, with the first line of their docstrings."""
    tasks = _ask("/tasks").get("tasks", [])
    return [
        CompletionItem(task["name"], help=(task.get("doc") or "").partition("\n")[0])
        for task in tasks
        if task["name"].startswith(incomplete)
    ]


def parameters(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the parameters of the task that the command line names, as ``key=``."""
    rules = (_task_of(context).get("schema") or {}).get("properties") or {}
    return [
        CompletionItem(f"{key}=", help=rule.get("description"))
        for key, rule in rules.items()
        if key.startswith(incomplete)
    ]


def presets(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the presets of the task that the command line names."""
    found = _task_of(context).get("presets") or {}
    return [CompletionItem(name) for name in sorted(found) if name.startswith(incomplete)]


def _task_of(context: click.Context) -> dict[str, Any]:
    # (While the value of an option is missing, arguments are not taken apart yet.)
    name = context.params.get("task") or next(iter(context.args), None)
    for task in _ask("/tasks").get("tasks", []) if name else []:
        if task["name"] == name:
            return dict(task)
    return {}


def run_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the newest runs, with state and task."""
    runs = _ask("/runs", limit=RUNS, id=incomplete or None).get("runs", [])
    return [CompletionItem(run["id"], help=f"{run['state']} {run['task']}") for run in runs]
