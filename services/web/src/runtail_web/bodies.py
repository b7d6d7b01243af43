"""Request bodies and query strings: JSON only, checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import orjson
from flask import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from runtail_web.problems import Problem, invalid

#: Ids that fit into an address, a key and a file name. Celery's own are uuids.
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class StartBody(BaseModel):
    """``POST /runs``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: Annotated[str, Field(min_length=1, max_length=255)]
    kwargs: dict[str, Any] = Field(default_factory=dict)
    run_id: RunId | None = None


class CancelBody(BaseModel):
    """``POST /runs/<id>/cancel``; may be empty."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: Annotated[str, Field(max_length=500)] = ""


class ListQuery(BaseModel):
    """``GET /runs``."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    #: The ``next`` of the page before.
    cursor: Annotated[int, Field(ge=0)] | None = None


class WindowQuery(BaseModel):
    """``GET /runs/<id>/log``."""

    model_config = ConfigDict(extra="forbid")

    #: First line; negative: the last n lines.
    from_line: Annotated[int, Field(alias="from")] = 1
    limit: Annotated[int, Field(ge=1, le=5000)] = 1000
    #: The digest before ``from``, for an exact continuation.
    chain: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class TextQuery(BaseModel):
    """``GET /runs/<id>/log.txt``."""

    model_config = ConfigDict(extra="forbid")

    follow: bool = False


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


def read_body(request: Request, model: type[Model], *, optional: bool = False) -> Model:
    """Return the request's JSON body.

    :param optional: no body at all stands for ``{}``.
    :raises Problem: 415 for another type, 413 for too much, 400 for broken JSON, 422 for wrong values.
    """
    data = request.get_data(cache=False)
    limit = request.max_content_length
    # A body without a length is cut off at the limit in silence.
    if limit is not None and len(data) >= limit:
        raise RequestEntityTooLarge
    if optional and not data:
        return _checked(model, {}, "The values of the body")
    if request.mimetype != "application/json":
        raise Problem(
            415,
            "media-type",
            "Only JSON is understood",
            f"The body came as {request.mimetype or 'nothing'!r}. Send it with Content-Type: application/json.",
        )
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
    return _checked(model, request.args.to_dict(), "The values of the query")
