"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from runtail.cli import completion

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def as_json(decorated: Decorated) -> Decorated:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs; errors too, on stderr.")(
        decorated
    )


def relay_url(decorated: Decorated) -> Decorated:
    """Add ``--relay-url``."""
    return click.option(
        "--relay-url",
        envvar="RUNTAIL_CHECK_RELAY_URL",
        default="",
        help="The relay, if it is not where the web service says.",
    )(decorated)


def run_argument(decorated: Decorated) -> Decorated:
    """Add the argument RUN."""
    return click.argument("run_id", metavar="RUN", shell_complete=completion.run_ids)(decorated)


def examples(*lines: str) -> str:
    """Return what a command's help ends with, for the parameter ``epilog``."""
    # (The sign keeps the lines as they are.)
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def write_json(value: object) -> None:
    """Write one JSON document to stdout, in ASCII, so that it has no control sequences that a terminal would obey."""
    import json

    click.echo(json.dumps(value, indent=2))
