"""Entries of the audit log about the current request: who sends it, and from where, comes from the request itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask, current_app, g, request
from werkzeug.exceptions import HTTPException

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from runtail.auth.audit_entry import Event, Outcome
from runtail.errors import RuntailError
from runtail.listening import plain
from runtail_web.problems import Problem, of_error

_EXTENSION = "runtail-audit"


def install(app: Flask, audit: Audit) -> None:
    """Let the views of an application write to an audit log."""
    app.extensions[_EXTENSION] = audit


def note(
    event: Event,
    outcome: Outcome = "ok",
    *,
    principal: Principal | None = None,
    run: str = "",
    task: str = "",
    right: str = "",
    why: str = "",
) -> None:
    """Write an entry about the current request; see :meth:`Audit.record`.

    :param principal: the one who did it; the sender of the request if not given.
    """
    audit: Audit = current_app.extensions[_EXTENSION]
    audit.record(
        event,
        outcome,
        principal=principal or g.get("principal"),
        address=plain(request.remote_addr or ""),
        agent=request.user_agent.string,
        run=run,
        task=task,
        right=right,
        why=why,
        request=f"{request.method} {request.path}",
    )


@dataclass(slots=True)
class Deed:
    """What somebody is about to do; its fields may be filled in on the way."""

    run: str = ""
    task: str = ""
    why: str = ""


@contextmanager
def noted(event: Event, deed: Deed) -> Iterator[Deed]:
    """Do something, and then write whether it worked; if not, ``why`` is the code of the problem.

    (Not its sentence, which may quote arguments.)
    """
    try:
        yield deed
    except Exception as error:
        known = isinstance(error, Problem | RuntailError | HTTPException)
        note(event, "failed", run=deed.run, task=deed.task, why=of_error(error).code if known else "internal")
        raise
    note(event, run=deed.run, task=deed.task, why=deed.why)
