"""Errors of the program, written to stderr in words, or as JSON with ``--json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import IO, Any

import click

from runtail.cli import exits
from runtail.words import clean


class Failure(click.ClickException):
    """Runtail did not do what was asked.

    :param message: what happened and what to do next.
    :param problem: the web service's problem document, if there is one.
    """

    exit_code = exits.TROUBLE

    def __init__(self, message: str, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        context = click.get_current_context(silent=True)
        self._as_json = bool(context and context.params.get("as_json"))
        self.problem = problem or {"title": message}

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message; click calls this before the program ends."""
        text = json.dumps({"problem": self.problem}) if self._as_json else f"runtail: {self.message}"
        click.echo(text, file=file or sys.stderr)


class Unusable(Failure):
    """A file that was to be checked cannot be used."""

    exit_code = exits.FAILED


class Unreachable(Failure):
    """The web service does not answer."""


class Unsendable(Failure):
    """A value on the command line cannot be sent to the web service."""

    exit_code = exits.USAGE


class Refused(Failure):
    """The web service answered with a problem.

    :param status: the HTTP status of the answer.
    :param retry_after_seconds: when another try has a chance, if the answer says so; else 0.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after_seconds: int = 0) -> None:
        super().__init__(describe(problem), problem)
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.code = str(problem.get("code", ""))


def describe(problem: Mapping[str, Any]) -> str:
    """Return a problem document in words, with what the user can do about it here."""
    title, detail = clean(problem.get("title") or "refused"), clean(problem.get("detail") or "")
    match problem.get("code"):
        case "invalid" if problem.get("errors"):
            wrong = [f"  {clean(one.get('field'))}: {clean(one.get('message'))}" for one in problem["errors"]]
            return "\n".join([f"{title}:", *wrong])
        case "exclusive" if problem.get("run"):
            holder = clean(problem.get("run"))
            return (
                f"{title}: {clean(problem.get('task'))} runs once at a time, and run {holder} holds it.\n"
                f"  runtail follow {holder}   shows it\n"
                f"  runtail cancel {holder}   ends it"
            )
        case "unknown-run":
            return f"{title}. It was never started or is too old; `runtail runs` lists the runs there are."
        case "deleted-run":
            return f"{title}. `runtail runs` lists the runs there are."
        case "unknown-task":
            return f"{title}. `runtail tasks` lists the tasks there are; is the worker that has it running?"
        case _:
            return f"{title}. {detail}".strip()
