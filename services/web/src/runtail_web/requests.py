"""Request bodies and query strings: JSON only, checked before anything is done."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar, get_origin

import orjson
from flask import Request
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from runtail.auth.audit_entry import EVENTS
from runtail.protocol import RunState
from runtail.runid import MAX_RUN_ID_CHARS
from runtail.settings import MAX_SHARE_SECONDS
from runtail.titles import MAX_CHARS as MAX_TITLE_CHARS
from runtail_web.problems import Problem, invalid
from runtail_web.text_page import PAGE_LINES

#: Ids that fit into an address, a key and a file name. Celery's own are uuids.
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


_STATES = "|".join(RunState)
_EVENTS = "|".join(EVENTS)
#: The largest number of milliseconds that a store compares exactly.
MAX_MS = 2**53
#: No log has more lines.
MAX_LINE = 2**53
#: Every check of a body descends into it, and each level costs.
MAX_LEVELS = 64
MAX_KEYS = 1000

#: Everything that opens, closes or names things in JSON; long numbers; and texts, because nothing inside them counts.
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}:]|-?[0-9][-+.eE0-9]{18,}+', re.S)


class StartBody(BaseModel):
    """``POST /runs``."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"task": "demo.tail", "kwargs": {"lines": 5}, "run_id": "build-1234"}]},
    )

    task: Annotated[str, Field(min_length=1, max_length=255)]
    kwargs: dict[str, Any] = Field(default_factory=dict)
    run_id: RunId | None = None
    labels: Annotated[
        dict[str, str], Field(description="For finding the run; a label that the task declares cannot be given.")
    ] = Field(default_factory=dict)
    title: Annotated[
        str, Field(max_length=MAX_TITLE_CHARS, description="For people. Empty: the one that the task declares.")
    ] = ""


class CancelBody(BaseModel):
    """``POST /runs/<id>/cancel``; may be empty."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"why": "It has the wrong parameters."}]}
    )

    why: Annotated[str, Field(max_length=500)] = ""


class TokenBody(BaseModel):
    """``POST /tokens``."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"name": "deploy", "rights": ["run:start"]}]}
    )

    name: Annotated[str, Field(min_length=1, max_length=100, description="For people.")]
    rights: Annotated[list[str], Field(max_length=50)] | None = None
    days: Annotated[float, Field(gt=0, strict=False, description="How long it lasts.")] = 90


class ShareBody(BaseModel):
    """``POST /runs/<id>/shares``; may be empty."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"from": 12, "to": 40}]})

    from_line: Annotated[int, Field(alias="from", ge=1, le=MAX_LINE, description="The first line shared.")] = 1
    to: Annotated[int, Field(ge=1, le=MAX_LINE, description="The last line shared.")] | None = None
    live: Annotated[bool, Field(description="What follows is shared, too, as it is written; only without `to`.")] = (
        False
    )
    seconds: (
        Annotated[float, Field(gt=0, le=MAX_SHARE_SECONDS, strict=False, description="How long the link works.")] | None
    ) = None


class OpenBody(BaseModel):
    """``POST /shares/<id>/open``."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"secret": "what follows the #"}]}
    )

    secret: Annotated[str, Field(min_length=1, max_length=100, description="What follows the `#` of the address.")]


class UserBody(BaseModel):
    """``POST /users/lock`` and ``/users/unlock``."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"id": "user:ann"}]})

    id: Annotated[str, Field(min_length=1, max_length=600, description="The id of a user.")]


class EmptyBody(BaseModel):
    """``{}``, or nothing."""

    model_config = ConfigDict(extra="forbid")


class RunsQuery(BaseModel):
    """``GET /run-counts``."""

    model_config = ConfigDict(extra="forbid")

    task: (
        Annotated[
            str,
            Field(
                max_length=255,
                description="The whole name of a task, or with `*` for any text: `*tail*` matches a part, in any case.",
            ),
        ]
        | None
    ) = None
    who: Annotated[str, Field(max_length=255, description="A part of who started it, in any case.")] | None = None
    id: Annotated[str, Field(min_length=1, max_length=600, description="How the id begins.")] | None = None
    label: (
        Annotated[
            str, Field(max_length=200, pattern=r"^[^:]+:.+$", description="A label: its key, a colon, its value.")
        ]
        | None
    ) = None
    root: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=MAX_RUN_ID_CHARS,
                description="The id of a run: those that it called, and these.",
            ),
        ]
        | None
    ) = None
    since: Annotated[int, Field(ge=0, le=MAX_MS, description="Made at this time or later, ms since 1970.")] | None = (
        None
    )
    until: Annotated[int, Field(ge=0, le=MAX_MS, description="Made before this time, ms since 1970.")] | None = None


class ListQuery(RunsQuery):
    """``GET /runs``."""

    state: (
        Annotated[
            str, Field(pattern=rf"^({_STATES})(,({_STATES}))*$", description="One state, or several with commas.")
        ]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=200, description="The most runs on a page.")] = 50
    cursor: Annotated[str, Field(max_length=400, description="The `next` of the page before.")] | None = None


class RunLinesQuery(BaseModel):
    """``GET /run-lines``."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=2 * MAX_RUN_ID_CHARS)]],
        Field(min_length=1, max_length=50, description="A run; may be given more than once."),
    ]


class AuditQuery(BaseModel):
    """``GET /audit``."""

    model_config = ConfigDict(extra="forbid")

    who: (
        Annotated[str, Field(max_length=255, description="A part of the name or the id of who did it, in any case.")]
        | None
    ) = None
    event: (
        Annotated[
            str, Field(pattern=rf"^({_EVENTS})(,({_EVENTS}))*$", description="One event, or several with commas.")
        ]
        | None
    ) = None
    run: Annotated[str, Field(max_length=600, description="The whole id of a run.")] | None = None
    since: Annotated[int, Field(ge=0, le=MAX_MS, description="At this time or later, ms since 1970.")] | None = None
    until: Annotated[int, Field(ge=0, le=MAX_MS, description="Before this time, ms since 1970.")] | None = None
    limit: Annotated[int, Field(ge=1, le=500, description="The most entries on a page.")] = 50
    cursor: Annotated[str, Field(max_length=100, description="The `next` of the page before.")] | None = None


class TokensQuery(BaseModel):
    """``GET /tokens``."""

    model_config = ConfigDict(extra="forbid")

    all: Annotated[bool, Field(description="Those of everybody.")] = False


class WindowQuery(BaseModel):
    """``GET /runs/<id>/log``."""

    model_config = ConfigDict(extra="forbid")

    from_line: Annotated[
        int, Field(alias="from", ge=-MAX_LINE, le=MAX_LINE, description="First line; negative: the last n lines.")
    ] = 1
    limit: Annotated[int, Field(ge=1, le=5000, description="The number of lines; entries are not divided.")] = 1000
    chain: (
        Annotated[
            str, Field(pattern=r"^[0-9a-f]{64}$", description="The digest before `from`, for an exact continuation.")
        ]
        | None
    ) = None
    epoch: (
        Annotated[
            int, Field(ge=0, le=MAX_MS, description="The epoch of the log; a complete response to it may be cached.")
        ]
        | None
    ) = None


class TextPageQuery(BaseModel):
    """``GET /runs/<id>/text``, a page for people."""

    model_config = ConfigDict(extra="forbid")

    from_line: Annotated[int, Field(alias="from", ge=-MAX_LINE, le=MAX_LINE)] = 1
    limit: Annotated[int, Field(ge=1, le=5000)] = PAGE_LINES


class TextQuery(BaseModel):
    """``GET /runs/<id>/log.txt``."""

    model_config = ConfigDict(extra="forbid")

    follow: Annotated[bool, Field(description="Continue with new output until the run ends.")] = False


class SearchQuery(BaseModel):
    """``GET /runs/<id>/log/search``."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=1000, description="A text, or a regular expression (RE2).")]
    regex: Annotated[bool, Field(description="Take `q` as a regular expression.")] = False
    case: Annotated[bool, Field(description="Distinguish upper and lower case.")] = False
    from_line: Annotated[
        Annotated[int, Field(ge=1, le=MAX_LINE)] | None,
        Field(
            alias="from",
            description="The first line that is searched. By default the first line, or the last one if backward.",
        ),
    ] = None
    direction: Annotated[
        Literal["forward", "backward"], Field(description="From there to the end, or to the beginning.")
    ] = "forward"
    limit: Annotated[int, Field(ge=1, le=10_000, description="Stop after this many matching lines.")] = 10_000


Model = TypeVar("Model", bound=BaseModel)


def _checked(model: type[Model], value: object, what: str) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [
            {"field": ".".join(map(str, one["loc"])) or "body", "message": one["msg"]}
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise invalid(errors, what) from None


def _fits(number: bytes) -> bool:
    """Tell whether a number keeps its value: the JSON reader silently turns a larger whole number into a float."""
    digits = number.removeprefix(b"-")
    return not digits.isdigit() or (len(digits) <= 20 and -(2**63) <= int(number) < 2**64)


def _check_structure(data: bytes) -> None:
    level = keys = 0
    for found in _STRUCTURE.finditer(data):
        match found[0]:
            case b"[" | b"{":
                level += 1
            case b"]" | b"}":
                level -= 1
            case b":":
                keys += 1
            case number if number[:1] in b"-0123456789" and not _fits(number):
                message = f"has a whole number of more than 64 bits: {number.decode():.40}"
                raise invalid([{"field": "body", "message": message}], "The values of the body")
        if level > MAX_LEVELS or keys > MAX_KEYS:
            message = f"has more than {MAX_LEVELS} levels of nesting, or more than {MAX_KEYS:,} keys"
            raise invalid([{"field": "body", "message": message}], "The values of the body")


def read_body(request: Request, model: type[Model], *, optional: bool = False) -> Model:
    """Return the request's JSON body.

    :param optional: a missing body stands for ``{}``.
    :raises Problem: 415 for another type, 413 for a body that is too large, 400 for broken JSON, 422 for wrong values.
    """
    try:
        data = request.get_data(cache=False)
    except (ParseException, OSError) as error:
        raise Problem(
            400, "malformed", "The body cannot be read", f"{error}. Send one JSON object, with Content-Length."
        ) from None
    limit = request.max_content_length
    # A body without a length is silently cut off at the limit.
    if limit is not None and len(data) >= limit:
        raise RequestEntityTooLarge
    if optional and not data:
        return _checked(model, {}, "The values of the body")
    if request.mimetype != "application/json":
        raise Problem(
            415,
            "media-type",
            "Only JSON is accepted",
            f"The body came as {request.mimetype or 'nothing'!r}. Send it with Content-Type: application/json.",
        )
    _check_structure(data)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Problem(
            400,
            "malformed",
            "The body is not JSON",
            f"{error}. Send one JSON object in UTF-8.",
        ) from None
    return _checked(model, value, "The values of the body")


def read_query(request: Request, model: type[Model]) -> Model:
    """Return the query string.

    :raises Problem: 422 for wrong or unknown values.
    """
    given: dict[str, Any] = request.args.to_dict()
    for name, field in model.model_fields.items():
        if name in given and field.annotation is not None and get_origin(field.annotation) is list:
            given[name] = request.args.getlist(name)
    return _checked(model, given, "The values of the query")
