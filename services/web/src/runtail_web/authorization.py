"""Who asks, and whether they may: each route names the right that it requires, and is refused to anyone without it.

A route also names the limit that its requests count against (:mod:`runtail_web.limits`).

A thing that somebody may not see looks as if it did not exist: the answer is the same, word for word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from runtail.access.decision import allowed, knows, reaches_everything, shared_part
from runtail.access.principal import Principal, SharedLog
from runtail.access.rights import Right
from runtail.errors import ConfigError, NotLoggedIn, ProtocolError, ProxyRefused, RunNotFound, RuntailError, TaskUnknown
from runtail.log.reader import Head
from runtail.protocol import Clip
from runtail.runs.access import thing_of, thing_of_task
from runtail.runs.record import Run, read_run
from runtail.store import Store
from runtail_web.auditing import note
from runtail_web.limits import LimitName, Limits
from runtail_web.mount import here
from runtail_web.problems import Problem, of_error

View = TypeVar("View", bound=Callable[..., Any])

#: ``X-Robots-Tag`` of what guests see: a link that was posted somewhere must not lead a search engine in.
NOINDEX: Final = "noindex, nofollow"

#: Returns the sender of the current request; None if the sender is unknown.
Identify = Callable[[], Principal | None]


@dataclass(frozen=True, slots=True)
class Requirement:
    """The right that a route requires.

    :param right: ``login``: any principal; ``public``: nothing at all.
    :param on: what the right must cover: the run in the address, or anything.
    :param limit: what a request counts as, and so how many there may be; None: it is not counted.
    :param part: those who may read a part of the run's log get in, too: the view asks :func:`shared` for it.
    """

    right: Right | Literal["login", "public"]
    on: Literal["run"] | None = None
    limit: LimitName | None = "requests"
    part: bool = False


def allows(
    right: Right | Literal["login", "public"],
    on: Literal["run"] | None = None,
    *,
    limit: LimitName | None = "requests",
    part: bool = False,
) -> Callable[[View], View]:
    """Say who may call a view, and how often; see :class:`Requirement`. Put this below the route decorator."""

    def mark(view: View) -> View:
        view.__dict__["requirement"] = Requirement(right, on, limit, part)
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


def shared() -> SharedLog | None:
    """Return the part of the log that the sender may read by a share link; None: the whole log, by a grant."""
    found = g.get("shared")
    return found if isinstance(found, SharedLog) else None


def shared_clip(head: Head) -> Clip | None:
    """Return the range of :func:`shared`; None: the whole log.

    :param head: the log that is read.
    :raises RunNotFound: if the log has another epoch by now, whose lines nobody has shared.
    """
    log = shared()
    if log is not None and log.epoch != head.epoch:
        raise RunNotFound(log.run_id)
    return log.clip if log else None


def may(right: Right, run: Run) -> bool:
    """Return True if the sender of the current request has a right on a run."""
    return allowed(principal(), right, thing_of(run))


def sees(store: Store, run_id: str) -> bool:
    """Return True if the sender of the current request may see a run; a False is no denial for the audit log."""
    if reaches_everything(principal(), "run:read"):
        return True
    try:
        return may("run:read", read_run(store, run_id))
    except (RunNotFound, ProtocolError):
        return False


def check_task(right: Right, task: Mapping[str, Any]) -> None:
    """Check that the sender of the current request has a right on a task that a worker published.

    :raises TaskUnknown: if the sender may not even know of the task.
    :raises Problem: 403 if the sender may see the task but not do this with it.
    """
    thing = thing_of_task(task)
    if allowed(principal(), right, thing):
        return
    note("denied", right=right, task=thing.task)
    raise forbidden(right) if allowed(principal(), "tasks:read", thing) else TaskUnknown(str(task["name"]))


def install(app: Flask, store: Store, identify: Identify, limits: Limits) -> None:
    """Check every request before its view is called."""
    # Flask's own view, for the style sheets and scripts that pages load: one page loads many, and they cost little.
    allows("public", limit=None)(app.view_functions["static"])

    @app.before_request
    def check_request() -> WerkzeugResponse | None:
        g.principal = g.shared = None
        view = app.view_functions.get(request.endpoint or "")
        if view is None:
            limits.count("requests", None)
            return None  # 404 or 405, as for everybody
        requirement = requirement_of(view)
        assert requirement is not None
        try:
            if requirement.right != "public":
                g.principal = _identified(identify, limits)
                # Browsers show such a login by themselves, also for the pages of others.
                g.ambient = g.principal is not None and g.principal.ambient
                _note_guest(g.principal)
            if requirement.limit is not None:
                limits.count(requirement.limit, g.principal)
            _check(store, g.principal, requirement)
        except (Problem, RuntailError) as error:
            if request.path.startswith(("/api/", "/auth/")):
                raise
            if isinstance(error, NotLoggedIn):
                return to_login()
            return of_error(error).page()
        return None

    @app.after_request
    def keep_from_searches(response: Response) -> Response:
        if g.get("principal") and g.principal.kind == "share":
            response.headers["X-Robots-Tag"] = NOINDEX
        return response


def _note_guest(who: Principal | None) -> None:
    """Write who reads by a share link; that a browser opened one is written when it does."""
    if who is not None and who.credential.startswith("share:"):
        note("share-opened", run=next(iter(who.shared), ""))


def _identified(identify: Identify, limits: Limits) -> Principal | None:
    """Return the sender of the current request; one who shows something wrong is counted by address."""
    try:
        return identify()
    except NotLoggedIn:
        if request.headers.get("Authorization"):
            note("denied", right="login", why="token")
            limits.guessed_wrong(request.remote_addr)
        else:
            # A session that has ended is no guess.
            limits.count("requests", None)
        raise
    except ProxyRefused:
        limits.count("requests", None)
        note("denied", right="login", why="proxy")
        raise


def to_login() -> WerkzeugResponse:
    """Return the answer to a browser that must log in before it sees the page of the current request."""
    path = here(request.full_path.removesuffix("?"))
    answer = redirect(f"{here('/login')}?next={quote(path, safe='/')}", 303)
    answer.headers["Cache-Control"] = "no-store"
    return answer


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
    if requirement.right == "public":
        return
    if who is None:
        note("denied", run=str((request.view_args or {}).get("run_id", "")), right=requirement.right, why="login")
        raise NotLoggedIn("Log in, or send a token.")
    if requirement.right == "login":
        return
    if requirement.on == "run":
        _check_run(store, who, requirement.right, str((request.view_args or {})["run_id"]), part=requirement.part)
    elif not allowed(who, requirement.right):
        note("denied", right=requirement.right)
        raise forbidden(requirement.right)


def _check_run(store: Store, who: Principal, right: Right, run_id: str, *, part: bool) -> None:
    if reaches_everything(who, right):
        return  # the record does not matter, and the view reads it itself
    try:
        thing = thing_of(read_run(store, run_id))
    except (RunNotFound, ProtocolError):
        # Do not reveal that a run was deleted, or cannot be read, to those who could not have read it.
        raise RunNotFound(run_id) from None
    if allowed(who, right, thing):
        return
    log = shared_part(who, run_id, thing)
    if part and log is not None:
        g.shared = log
        return
    note("denied", run=run_id, task=thing.task, right=right)
    if log is None and not knows(who, thing):
        raise RunNotFound(run_id)
    raise forbidden(right)


def lacking(right: Right, run: Run) -> Problem | RunNotFound:
    """Return the answer to a sender that may do a part of what a request takes, and lacks a right for the rest of it.

    Somebody who may start a task need not see the runs of others: to those the run is not there.
    """
    note("denied", run=run.id, task=run.text("task"), right=right)
    return forbidden(right) if may("run:read", run) else RunNotFound(run.id)


def forbidden(right: Right) -> Problem:
    """Return the answer to a sender that may see a thing but not do this with it."""
    detail = f"It takes the right {right}. Ask whoever grants rights here."
    return Problem(403, "forbidden", "You may not do this", detail)
