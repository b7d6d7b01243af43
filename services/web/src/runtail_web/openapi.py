"""The API's description in OpenAPI 3.1, made from the routes and their metadata."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from runtail import __version__
from runtail_web import responses
from runtail_web.route_meta import TAGS, RouteMeta, route_meta_of

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"<(\w+)>")

#: Statuses of problems that any request may be answered with.
ALWAYS = (403, 503)
PROBLEMS = {
    400: "What was sent cannot be read.",
    403: "The host name or the origin is not allowed.",
    404: "There is no such run or task.",
    409: "The present state does not allow it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Some values are wrong; `errors` names them.",
    429: "Too many requests at once; `Retry-After` says when to try again.",
    503: "Not available right now; `Retry-After` says when to try again.",
}


def document(app: Flask, prefix: str) -> dict[str, Any]:
    """Return the description of every route under *prefix*."""
    paths: dict[str, dict[str, Any]] = {}
    models: set[type[BaseModel]] = {responses.Problem}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        meta = route_meta_of(app.view_functions[rule.endpoint])
        if not rule.rule.startswith(prefix) or meta is None:
            continue
        models |= {model for model in (meta.returns, meta.body) if model is not None}
        path = paths.setdefault(_PARAMETER.sub(r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path[method.lower()] = _operation(meta, _PARAMETER.findall(rule.rule))
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
        "servers": [{"url": "/", "description": "The service that this description came from."}],
        # There is no login yet: anyone who reaches the port may do everything.
        "security": [],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(meta: RouteMeta, parameters: list[str]) -> dict[str, Any]:
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
    operation["responses"] = _responses(meta)
    return operation


def _responses(meta: RouteMeta) -> dict[str, Any]:
    statuses = {*ALWAYS, *meta.problems}
    if meta.query is not None:
        statuses.add(422)
    if meta.body is not None:
        statuses |= {400, 413, 415, 422}
    documented: dict[str, Any] = {}
    for status, meaning in meta.answers.items():
        documented[str(status)] = {"description": meaning}
        if meta.returns is not None:
            documented[str(status)]["content"] = {meta.media_type: {"schema": _reference(meta.returns)}}
        elif status != 204:
            documented[str(status)]["content"] = {meta.media_type: {"schema": {"type": "string"}}}
    problem = {"application/problem+json": {"schema": _reference(responses.Problem)}}
    for status in sorted(statuses):
        documented[str(status)] = {"description": PROBLEMS[status], "content": problem}
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
        "description": "The id of a run.",
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
