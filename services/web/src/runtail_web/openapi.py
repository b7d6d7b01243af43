"""The API's description in OpenAPI 3.1, made from the routes and their metadata."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from runtail import __version__
from runtail_web import responses
from runtail_web.authorization import Requirement, requirement_of
from runtail_web.route_meta import TAGS, RouteMeta, route_meta_of

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"<(\w+)>")

#: Statuses of problems that any request may be answered with; 401 and 429 only where that can happen.
ALWAYS = (403, 503)
#: What lets a client in, where people log in.
SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-runtail",
        "description": "The cookie of a browser that has logged in; its name depends on the settings. Requests that "
        "change something need an Origin, too.",
    },
}
#: Statuses of answers without a body.
EMPTY = (204, 304)
PARAMETERS = {"run_id": "The id of a run.", "token_id": "The id of a token."}
PROBLEMS = {
    400: "What was sent cannot be read.",
    401: "You are not logged in, or your login has ended.",
    403: "The host name or the origin is not allowed, or you do not have the right.",
    404: "There is no such run or task.",
    409: "The present state does not allow it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Some values are wrong; `errors` names them.",
    429: "Too many requests; `Retry-After` says when to try again.",
    503: "Not available right now; `Retry-After` says when to try again.",
}

#: The server answers this by itself, before the application is asked.
TOO_LONG = {
    "description": "Path and query have more than 4 KiB.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}


def document(app: Flask, prefix: str, base_path: str = "", *, login: bool = False) -> dict[str, Any]:
    """Return the description of every route under *prefix*.

    :param login: people log in here.
    :param base_path: ``RUNTAIL_BASE_PATH``, which the paths in the description do not have.
    """
    paths: dict[str, dict[str, Any]] = {}
    models: set[type[BaseModel]] = {responses.Problem}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        meta, requirement = route_meta_of(view), requirement_of(view)
        if requirement is None or not rule.rule.startswith(prefix) or meta is None:
            continue
        models |= {model for model in (meta.returns, meta.body) if model is not None}
        path = paths.setdefault(_PARAMETER.sub(r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path[method.lower()] = _operation(meta, requirement, _PARAMETER.findall(rule.rule))
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)], ref_template=_REF
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runtail",
            "version": __version__,
            "description": "Runs of Celery tasks and their logs. Errors are problem documents (RFC 9457).",
            "contact": {"name": "The Runtail authors"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_path or "/", "description": "The service that this description came from."}],
        # Without a login, anyone who reaches the port may do everything.
        "security": [{name: []} for name in SECURITY_SCHEMES] if login else [],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {"schemas": schemas["$defs"], "securitySchemes": SECURITY_SCHEMES if login else {}},
    }


def _operation(meta: RouteMeta, requirement: Requirement, parameters: list[str]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": meta.operation_id,
        "tags": [meta.tag],
        "summary": meta.summary,
        "description": meta.description,
    }
    listed = [_path_parameter(parameter) for parameter in parameters]
    if meta.query is not None:
        listed += _query_parameters(meta.query)
    if meta.idempotent:
        listed.append(_idempotency_key())
    if listed:
        operation["parameters"] = listed
    if meta.body is not None:
        operation["requestBody"] = {
            "required": meta.body_required,
            "content": {"application/json": {"schema": _reference(meta.body)}},
        }
    if requirement.right == "public":
        operation["security"] = []
    operation["responses"] = _responses(meta, requirement)
    return operation


def _responses(meta: RouteMeta, requirement: Requirement) -> dict[str, Any]:
    statuses = {*ALWAYS, *meta.problems}
    if requirement.right != "public":
        statuses.add(401)
    if requirement.limit is not None:
        statuses.add(429)
    if meta.query is not None:
        statuses.add(422)
    if meta.body is not None:
        statuses |= {400, 413, 415, 422}
    documented: dict[str, Any] = {}
    for status, meaning in meta.answers.items():
        documented[str(status)] = {"description": meaning}
        if status in EMPTY:
            continue
        if meta.returns is not None:
            documented[str(status)]["content"] = {meta.media_type: {"schema": _reference(meta.returns)}}
        else:
            documented[str(status)]["content"] = {meta.media_type: {"schema": {"type": "string"}}}
    problem = {"application/problem+json": {"schema": _reference(responses.Problem)}}
    for status in sorted(statuses):
        documented[str(status)] = {"description": PROBLEMS[status], "content": problem}
    if meta.query is not None:
        documented["414"] = TOO_LONG
    return documented


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    listed = []
    for name, found in schema["properties"].items():
        value = {key: item for key, item in found.items() if key not in ("title", "description")}
        # A parameter may be left out, but a query cannot say null.
        choices = [choice for choice in value.pop("anyOf", []) if choice != {"type": "null"}]
        if value.get("default", ...) is None:
            del value["default"]
        value |= choices[0] if choices else {}
        description = found.get("description") or value.pop("description", "")
        value.pop("description", None)
        listed.append(
            {"name": name, "in": "query", "required": name in required, "description": description, "schema": value}
        )
    return listed


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": PARAMETERS.get(name, "An id."),
        "schema": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
        "example": "0b6f9c5e-5a0e-4d0b-9f0b-6a8f4f2f7c11",
    }


def _idempotency_key() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key with the same request starts one run, within 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        "example": "build-1234",
    }


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
