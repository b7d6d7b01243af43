"""The API against its own description: schemathesis tries what it allows, and what it does not."""

from __future__ import annotations

import html
import re
import shlex
import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import ignored_auth

from runtail.access.rights import RIGHTS
from runtail.auth.sessions import Sessions
from runtail.auth.tokens import Tokens
from runtail.auth.users import Users
from runtail.protocol import event
from runtail.settings import load_settings
from runtail.store import Store
from runtail_web.app import API, create_app
from runtail_web.openapi import document
from runtail_web.route_meta import route_meta_of
from tests.support.passing_time import let_pass
from tests.support.runs import finish, make_store, open_run, write_lines

PREFIX = "t-schema:"
TASK = {"name": "tests.echo", "schema": {"type": "object"}, "queue": "schema", "doc": "Prints."}
#: Runs there are, and one there is not. None runs: whoever followed it would wait for ever.
RUN_IDS = ("over", "cut", "none")
EXAMPLES = 15

LOGIN: dict[str, Any] = {"auth_mode": "password", "auth_admin_password": "a-long-password"}
#: Fewer, for what is tried again with a login.
FEW_EXAMPLES = 4


def config(*expected: int) -> SchemathesisConfig:
    """Return which answers to requests that follow the description are right, beside the usual ones."""
    statuses = ["2xx", 400, 404, 409, 422, *expected]
    return SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": statuses}}})


@pytest.fixture(scope="module")
def store(redis_url: str) -> Store:
    """A store with what can be asked for."""
    limits = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
    made = make_store(redis_url, PREFIX, quota_bytes=200_000, head_bytes=20_000, **limits)
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
    """Its description. A share link is opened by pages only, and so answered 403."""
    return schema_of(app, config(403))


def schema_of(app: Flask, config_: SchemathesisConfig, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Return what an application says of itself.

    :param headers: to get it.
    """

    def served(environ: Any, start_response: Any) -> Iterable[bytes]:
        # As servers do, and as this client does not: streams hold a place until they are closed.
        body: Any = app(environ, start_response)
        with closing(body):
            return [b"".join(body)]

    made = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", served, config=config_, headers=dict(headers))
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


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("path", "method", "mode"), operations())
def test_the_api_is_what_it_says(api_schema: Any, store: Store, path: str, method: str, mode: GenerationMode) -> None:
    cases = api_schema[path][method.upper()].as_strategy(generation_mode=mode)

    @examples(EXAMPLES)
    @given(case=cases)
    def tried(case: Case[Any]) -> None:
        seed(store)
        case.call_and_validate()

    tried()


def examples(most: int) -> settings:
    """Return how a test tries examples: the same ones each time."""
    return settings(
        max_examples=most, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )


class Locked(NamedTuple):
    """The API with a login: its app, its store, its description, and what an administrator can show: headers and cookies."""

    app: Flask
    store: Store
    schema: Any
    shown: dict[str, tuple[dict[str, str], dict[str, str]]]


@pytest.fixture(scope="module")
def locked(redis_url: str) -> Locked:
    limits = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
    store = make_store(redis_url, PREFIX, quota_bytes=200_000, head_bytes=20_000, **limits, **LOGIN)
    store.client.hset(store.keys.tasks(), "tests.echo", orjson.dumps(TASK))
    admin = Users(store).put("user:admin", ["admins"])
    text, _ = Tokens(store).make("schema", "user:admin", "admin", RIGHTS, 1)
    cookie, _ = Sessions(store).begin("login", "user:admin", "admin", admin)
    app = create_app(store.settings, store, lambda *_: None, threading.Event(), watch=lambda _: None)
    token = {"Authorization": f"Bearer {text.text}"}
    wrong, page = {"Authorization": f"Bearer {text.text[:-1]}"}, {"Origin": "http://localhost"}
    shown: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "token": (token, {}),
        "cookie": (page, {"runtail-80": cookie}),
        "wrong token": (wrong, {}),
        "wrong cookie": (page, {"runtail-80": cookie[::-1]}),
        "nothing": ({}, {}),
    }
    # A token makes no tokens, and a ticket is for pages of other origins.
    return Locked(app, store, schema_of(app, config(401, 403, 429), token), shown)


def sent(locked: Locked, case: Case[Any], shown: str) -> int:
    """Send a request that shows this and nothing that a generator made up; return the status."""
    seed(locked.store)
    # Whoever guesses tokens has to wait after thirty, and wrong ones are tried with each case.
    let_pass(locked.store, 3600)
    case.headers.pop("Authorization", None)
    case.cookies.clear()
    # The description has one name for the cookie, which is another one at each port.
    excluded = [ignored_auth] if shown == "cookie" else []
    headers, cookies = locked.shown[shown]
    answer = case.call_and_validate(headers=headers, cookies=cookies, excluded_checks=excluded)
    return int(answer.status_code)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("path", "method", "mode"), operations())
def test_it_is_with_a_login_as_well(locked: Locked, path: str, method: str, mode: GenerationMode) -> None:
    cases = locked.schema[path][method.upper()].as_strategy(generation_mode=mode)

    @examples(FEW_EXAMPLES)
    @given(case=cases, shown=sampled_from(("token", "cookie")))
    def tried(case: Case[Any], shown: str) -> None:
        assert sent(locked, case, shown) != 401

    tried()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("shown", ["wrong token", "wrong cookie", "nothing"])
def test_who_is_not_logged_in_gets_401_from_every_operation(locked: Locked, shown: str) -> None:
    for path, method, mode in operations():
        asks_nobody = locked.schema.raw_schema["paths"][path][method].get("security") == []
        if mode is GenerationMode.POSITIVE and not asks_nobody:
            cases = locked.schema[path][method.upper()].as_strategy(generation_mode=mode)

            @examples(1)
            @given(case=cases)
            def tried(case: Case[Any]) -> None:
                assert sent(locked, case, shown) == 401

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


#: What a page shows of an operation to try it.
COMMAND = re.compile(r'<pre class="try"[^>]*>(.+?)</pre>', re.DOTALL)


def test_the_page_has_a_command_for_every_operation(app: Flask) -> None:
    client = app.test_client()
    described = client.get(f"{API}/openapi.json").get_json()
    operations = [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]
    commands = COMMAND.findall(client.get("/api").text)
    for command, (path, method, operation) in zip(commands, operations, strict=True):
        words = shlex.split(html.unescape(command))
        address, _, query = words[-1].partition("?")
        assert (words[0], address) == ("curl", f"http://localhost{path}".replace("{", "${"))
        parameters = operation.get("parameters", ())
        needed = [one["name"] for one in parameters if one["in"] == "query" and one.get("required")]
        assert query == "&".join(f"{name}=${{{name}}}" for name in needed)
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            sent_body = orjson.loads(words[words.index("-d") + 1])
            assert sent_body in described["components"]["schemas"][schema].get("examples", [{}])
        else:
            assert method == (words[words.index("-X") + 1].lower() if "-X" in words else "get")
        assert "Authorization" not in command


def test_the_page_shows_how_a_token_is_sent(locked: Locked) -> None:
    headers, _ = locked.shown["token"]
    commands = COMMAND.findall(locked.app.test_client().get("/api", headers=headers).text)
    assert commands
    assert all("Bearer $RUNTAIL_TOKEN" in command for command in commands)
