"""Who asks, and whether they may: each route names the right that it requires, and is refused to anyone without it.

A thing that somebody may not see looks as if it did not exist: the answer is the same, word for word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from flask import Flask, Response, g, request

from runtail.access.decision import allowed, reaches_everything
from runtail.access.principal import Principal
from runtail.access.rights import Right
from runtail.errors import ConfigError, RunNotFound, RuntailError, TaskUnknown
from runtail.runs.access import anyone_at, thing_of, thing_of_task
from runtail.runs.record import Run, read_run
from runtail.store import Store
from runtail_web.problems import Problem, of_error

View = TypeVar("View", bound=Callable[..., Any])

#: Returns the sender of the current request; None if the sender is unknown.
Identify = Callable[[], Principal | None]


def anyone_at_this_address() -> Principal:
    """Identify everybody as an administrator: there is no login."""
    return anyone_at(request.remote_addr)


@dataclass(frozen=True, slots=True)
class Requirement:
    """The right that a route requires.

    :param right: ``login``: any principal; ``public``: nothing at all.
    :param on: what the right must cover: the run in the address, or anything.
    """

    right: Right | Literal["login", "public"]
    on: Literal["run"] | None = None


def allows(right: Right | Literal["login", "public"], on: Literal["run"] | None = None) -> Callable[[View], View]:
    """Say who may call a view; see :class:`Requirement`. Put this below the route decorator."""

    def mark(view: View) -> View:
        view.__dict__["requirement"] = Requirement(right, on)
        return view

    return mark


def requirement_of(view: Callable[..., Any]) -> Requirement | None:
    """Return the requirement of a view; None if it has none."""
    found = view.__dict__.get("requirement")
    return found if isinstance(found, Requirement) else None


def principal() -> Principal:
    """Return the sender of the current request; only for routes that are not public."""
    found = g.principal
    assert isinstance(found, Principal)
    return found


def may(right: Right, run: Run) -> bool:
    """Return True if the sender of the current request has a right on a run."""
    return allowed(principal(), right, thing_of(run))


def check_task(right: Right, task: Mapping[str, Any]) -> None:
    """Check that the sender of the current request has a right on a task that a worker published.

    :raises TaskUnknown: if the sender may not even know of the task.
    :raises Problem: 403 if the sender may see the task but not do this with it.
    """
    thing = thing_of_task(task)
    if allowed(principal(), right, thing):
        return
    raise forbidden(right) if allowed(principal(), "tasks:read", thing) else TaskUnknown(str(task["name"]))


def install(app: Flask, store: Store, identify: Identify) -> None:
    """Check every request before its view is called."""
    # Flask's own view, for the style sheets and scripts that pages load.
    allows("public")(app.view_functions["static"])

    @app.before_request
    def check_request() -> Response | None:
        g.principal = None
        view = app.view_functions.get(request.endpoint or "")
        if view is None:
            return None  # 404 or 405, as for everybody
        requirement = requirement_of(view)
        assert requirement is not None
        if requirement.right == "public":
            return None
        try:
            g.principal = identify()
            _check(store, g.principal, requirement)
        except (Problem, RuntailError) as error:
            if request.path.startswith("/api/"):
                raise
            return of_error(error).page()
        return None


def refuse_unmarked(app: Flask) -> None:
    """Refuse an application with a route that does not say who may call it.

    :raises ConfigError: if there are such routes; it names them.
    """
    unmarked = sorted(
        rule.rule for rule in app.url_map.iter_rules() if requirement_of(app.view_functions[rule.endpoint]) is None
    )
    if unmarked:
        raise ConfigError(f"these routes do not say who may call them (@allows): {', '.join(unmarked)}")


def _check(store: Store, who: Principal | None, requirement: Requirement) -> None:
    if who is None:
        raise Problem(401, "login", "You are not logged in", "Log in, or send a token.")
    if requirement.right == "login" or requirement.right == "public":
        return
    if requirement.on == "run":
        _check_run(store, who, requirement.right, str((request.view_args or {})["run_id"]))
    elif not allowed(who, requirement.right):
        raise forbidden(requirement.right)


def _check_run(store: Store, who: Principal, right: Right, run_id: str) -> None:
    if reaches_everything(who, right):
        return  # the record does not matter, and the view reads it itself
    try:
        thing = thing_of(read_run(store, run_id))
    except RunNotFound:
        # Do not reveal that a run was deleted to those who could not have read it.
        raise RunNotFound(run_id) from None
    if allowed(who, right, thing):
        return
    if not allowed(who, "run:read", thing):
        raise RunNotFound(run_id)
    raise forbidden(right)


def forbidden(right: Right) -> Problem:
    """Return the answer to a sender that may see a thing but not do this with it."""
    detail = f"It takes the right {right}. Ask whoever grants rights here."
    return Problem(403, "forbidden", "You may not do this", detail)
