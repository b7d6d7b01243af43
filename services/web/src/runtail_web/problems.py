"""Every error is a problem document (RFC 9457) that says what to do next."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from runtail.errors import (
    ExclusiveHeld,
    IdempotencyConflict,
    NotLoggedIn,
    ProtocolError,
    ProxyRefused,
    PublishFailed,
    RunDeleted,
    RunEnded,
    RunNotFound,
    StartError,
    StoreEvicts,
    StoreForbids,
    StoreLoginRefused,
    StoreUnavailable,
    TaskNotRecorded,
    TaskUnknown,
)
from runtail_web.mount import here

log = logging.getLogger(__name__)

#: How long a client is told to wait if the store does not say how long.
RETRY_AFTER_SECONDS = 2


class Problem(Exception):
    """An answer that reports a problem.

    :param status: the HTTP status.
    :param code: a short stable word that a program can act on.
    :param title: the problem in one sentence, the same for all problems of its kind.
    :param detail: what happened in this case, and what to do next.
    :param headers: more headers of the answer.
    :param members: more members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> Response:
        """Return the problem document."""
        body = {
            "type": f"urn:runtail:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
        }
        return Response(
            orjson.dumps(body),
            self.status,
            {"Cache-Control": "no-store", **self.headers},
            content_type="application/problem+json",
        )

    def page(self) -> Response:
        """Return a page about the problem, for people."""
        body = render_template("text.html", page=None, problem=self)
        return Response(
            body, self.status, {"Cache-Control": "no-store", **self.headers}, content_type="text/html; charset=utf-8"
        )


def invalid(errors: Sequence[Mapping[str, str]], what: str) -> Problem:
    """Return the answer to invalid values.

    :param errors: ``{"field", "message"}`` for each invalid value; at least one.
    :param what: what the values are, e.g. ``The parameters of demo.tail``.
    """
    fields = ", ".join(dict.fromkeys(error["field"] for error in errors))
    first = errors[0]
    detail = f"{what} are wrong in: {fields}. {first['field']}: {first['message']}"
    return Problem(422, "invalid", "Some values are wrong", detail, errors=list(errors))


def unavailable(detail: str, retry_after_seconds: float = RETRY_AFTER_SECONDS) -> Problem:
    """Return the answer while a service that we need is away."""
    seconds = max(1, math.ceil(retry_after_seconds))
    return Problem(
        503,
        "unavailable",
        "Not available right now",
        f"{detail} Try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )


def too_many(limit: str, told: str, seconds: int) -> Problem:
    """Return the answer to a request that is one too many.

    :param limit: the limit's name, for programs.
    :param told: what the limit is, as a sentence.
    :param seconds: when to try again.
    """
    return Problem(
        429,
        "too-many",
        "Too many requests",
        f"{told} Try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
        limit=limit,
    )


def no_login() -> Problem:
    """Return the answer where tokens are of no use."""
    return Problem(409, "no-login", "There is no login", "Everybody may do everything here, without a token.")


def run_page(run_id: str) -> str:
    """Return the path of a run's page, with the base path."""
    return here(f"/runs/{quote(run_id, safe='')}")


def of_error(error: Exception) -> Problem:
    """Return the problem that an error of ours is for a client."""
    match error:
        case Problem():
            return error
        case NotLoggedIn():
            return Problem(
                401,
                "login",
                "You are not logged in",
                str(error),
                headers={"WWW-Authenticate": 'Bearer realm="runtail"'},
            )
        case ProxyRefused():
            return Problem(400, "proxy-header", "The headers of the proxy cannot be believed", str(error))
        case RunNotFound(deleted=True):
            return Problem(
                404,
                "deleted-run",
                "This run was deleted",
                f"The run {error.run_id!r} and its log were deleted: by somebody, or because ended runs took more "
                f"memory than RUNTAIL_BUDGET_BYTES allows. GET {here('/api/v1/runs')} lists the runs there are.",
            )
        case RunNotFound():
            return Problem(
                404,
                "unknown-run",
                "There is no such run",
                f"No run has the id {error.run_id!r}: it was never started, was deleted, or is older than "
                f"logs are kept. GET {here('/api/v1/runs')} lists the runs there are.",
            )
        case RunDeleted():
            return Problem(404, "deleted-run", "This run was deleted", "It was deleted a moment ago.")
        case RunEnded():
            return Problem(
                409,
                "ended",
                "The run is already over",
                f"It ended as {error.state}, so there is nothing left to do.",
                run=error.run_id,
                run_page=run_page(error.run_id),
            )
        case TaskUnknown():
            return Problem(
                404,
                "unknown-task",
                "There is no such task",
                f"No worker has published a task named {error.task!r}. GET {here('/api/v1/tasks')} lists the known "
                "ones. Is its worker running, and does its app call runtail.install(app)?",
            )
        case TaskNotRecorded():
            return Problem(
                409,
                "not-recorded",
                "The task is not recorded",
                f"Workers have {error.task} and do not record it, so its run would not be shown here: "
                f"{error.why}. Start it from your own code, or record it.",
                task=error.task,
            )
        case ExclusiveHeld():
            holder: dict[str, Any] = {"run": error.holder, "run_page": run_page(error.holder)} if error.holder else {}
            return Problem(
                409,
                "exclusive",
                "Task is already running",
                f"{error.task} runs once at a time. Wait for its current run, or cancel that.",
                task=error.task,
                **holder,
            )
        case IdempotencyConflict():
            return Problem(
                422,
                "idempotency",
                "The Idempotency-Key was used for another request",
                f"The key {error.key!r} belongs to a request with another body. Use a new key for a new request.",
            )
        case PublishFailed():
            return unavailable("The broker did not take the task, and nothing was started.")
        case StartError():
            return Problem(409, "taken", "The run cannot be started", f"{error}. Choose another id, or leave it out.")
        case StoreLoginRefused():
            return unavailable(
                "The store refuses the user or the password of RUNTAIL_STORE_URL.", error.retry_after_seconds
            )
        case StoreForbids():
            log.error("%s", error)
            return unavailable(
                "The store's access list forbids the user of RUNTAIL_STORE_URL what this needs; this service's log has "
                "the command and the key.",
                error.retry_after_seconds,
            )
        case StoreEvicts():
            return unavailable(f"Nothing was started: {error}.", error.retry_after_seconds)
        case StoreUnavailable():
            return unavailable("The store does not answer.", error.retry_after_seconds)
        case ProtocolError(code="record"):
            return Problem(
                500,
                "record",
                "The run's record cannot be read",
                f"{error} Something other than Runtail wrote to the store. DELETE removes it.",
            )
        case ProtocolError():
            return Problem(
                500,
                "log",
                "The stored log cannot be read",
                f"{error}. The run's log contradicts itself; please report this.",
            )
        case HTTPException():
            return _of_http(error)
        case _:
            log.error("a request failed", exc_info=error)
            return Problem(
                500,
                "internal",
                "Something went wrong here",
                "The web service's log has the traceback; please report it.",
            )


_HTTP = {
    400: ("malformed", "Send a well-formed request."),
    404: ("not-found", "The API is under {base}/api/v1, the pages are {base}/ and {base}/runs/<id>."),
    405: ("method", "The Allow header names the methods there are."),
    413: ("too-large", "Send a smaller body."),
    415: ("media-type", "Send JSON, with Content-Type: application/json."),
}


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    code, advice = _HTTP.get(status, ("http", ""))
    headers = {
        name: value for name, value in error.get_headers() if name.lower() not in {"content-type", "content-length"}
    }
    detail = " ".join(part for part in (error.description, advice.replace("{base}", here(""))) if part)
    return Problem(status, code, error.name, detail, headers=headers)


def install(app: Flask) -> None:
    """Make every error of *app* a problem document."""

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        problem = of_error(error)
        return problem.page() if _for_people() else problem.response()


def _for_people() -> bool:
    """Tell whether a browser asks for a page to show."""
    if request.path.startswith("/api/v"):
        return False
    return request.accept_mimetypes.best_match(("application/problem+json", "text/html")) == "text/html"
