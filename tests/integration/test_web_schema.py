"""The API against its own description: schemathesis tries what it allows, and what it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import orjson
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig

from runtail.protocol import event
from runtail.settings import load_settings
from runtail.store import Store
from runtail_web.app import API, create_app
from runtail_web.openapi import document
from runtail_web.route_meta import route_meta_of
from tests.support.runs import finish, make_store, open_run, write_lines

PREFIX = "t-schema:"
TASK = {"name": "tests.echo", "schema": {"type": "object"}, "queue": "schema", "doc": "Prints."}
#: Runs there are, and one there is not. None runs: whoever followed it would wait for ever.
RUN_IDS = ("over", "cut", "none")
EXAMPLES = 15

CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 400, 404, 409, 422]}}}
)


@pytest.fixture(scope="module")
def store(redis_url: str) -> Store:
    """A store with what can be asked for."""
    made = make_store(redis_url, PREFIX, quota_bytes=200_000, head_bytes=20_000)
    made.client.hset(made.keys.tasks(), "tests.echo", orjson.dumps(TASK))
    return made


def seed(store: Store) -> None:
    """Bring the runs back that a test deleted."""
    if not store.client.exists(store.keys.run("over")):
        store.client.delete(store.keys.deleted("over"))
        writer = open_run(store, "over")
        writer.add("e", event.encode("group", title="build"), 1)
        write_lines(writer, 1, 30)
        writer.add("o", b"\x1b[31m\xff no text", 1)
        finish(writer)
    if not store.client.exists(store.keys.run("cut")):
        store.client.delete(store.keys.deleted("cut"))
        writer = open_run(store, "cut")
        for _ in range(40):
            writer.add("o", b"x" * 10_000 + b"\n", 1)
            writer.flush()
        finish(writer)


@pytest.fixture(scope="module")
def app(store: Store) -> Flask:
    """The application, without a broker."""
    return create_app(store.settings, store, lambda *_: None, threading.Event(), watch=lambda _: None)


def map_path_parameters(_context: Any, parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ask for runs that there are."""
    if parameters and "run_id" in parameters:
        parameters["run_id"] = RUN_IDS[len(str(parameters["run_id"])) % len(RUN_IDS)]
    return parameters


@pytest.fixture(scope="module")
def api_schema(app: Flask) -> Any:
    """Its description."""

    def served(environ: Any, start_response: Any) -> Iterable[bytes]:
        # As servers do, and as this client does not: streams hold a place until they are closed.
        body: Any = app(environ, start_response)
        with closing(body):
            return [b"".join(body)]

    made = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", served, config=CONFIG)
    made.hook(map_path_parameters)
    return made


def operations() -> list[tuple[str, str, GenerationMode]]:
    """Return what is tried; the description needs no store."""
    settings_ = load_settings({})
    app = create_app(settings_, Store(settings_), lambda *_: None, threading.Event(), watch=lambda _: None)
    found = []
    for path, methods in document(app, API)["paths"].items():
        for method, operation in methods.items():
            found.append((path, method, GenerationMode.POSITIVE))
            # What takes no values but a run's id can be given no wrong ones.
            if "requestBody" in operation or any(one["in"] != "path" for one in operation.get("parameters", ())):
                found.append((path, method, GenerationMode.NEGATIVE))
    return found


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("path", "method", "mode"), operations())
def test_the_api_is_what_it_says(api_schema: Any, store: Store, path: str, method: str, mode: GenerationMode) -> None:
    cases = api_schema[path][method.upper()].as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def tried(case: Case[Any]) -> None:
        seed(store)
        case.call_and_validate()

    tried()


def test_every_route_says_what_it_does(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(API) and not rule.rule.endswith("openapi.json"):
            assert route_meta_of(app.view_functions[rule.endpoint]) is not None, rule.rule


def test_the_page_names_every_operation(app: Flask) -> None:
    client = app.test_client()
    document = client.get(f"{API}/openapi.json").get_json()
    answer = client.get("/api")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = answer.text
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in page
    assert "<script" not in page
    assert "<style" not in page
    assert " style=" not in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page
    assert client.get("/api/api.css").content_type.startswith("text/css")
