"""The audit log of web: what is written when somebody does something, may not, or reads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from flask import Flask, request

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from runtail.auth.audit_entry import MARK
from runtail.errors import NotLoggedIn
from runtail.runs.access import anyone_at
from runtail.store import Store
from runtail_web.app import create_app
from tests.support.audit_lines import audit_entries
from tests.support.grants import GRANTS
from tests.support.runs import finish, make_store, open_run
from tests.support.services import Service
from tests.support.waiting import wait_for

TASK = {
    "name": "own.echo", "schema": {"type": "object"}, "queue": "audit", "doc": "", "exclusive": False,
}  # fmt: skip
SECRET = "argument-that-nobody-may-see"

Call = Callable[..., int]


class Lines:
    """What goes to standard output."""

    def __init__(self) -> None:
        self.raw = b""

    def __call__(self, line: bytes) -> None:
        self.raw += line

    def take(self) -> list[dict[str, Any]]:
        """The entries since the last call."""
        found = [json.loads(line) for line in self.raw.splitlines()]
        self.raw = b""
        return found


def told(entry: dict[str, Any]) -> tuple[str, str, str, str, str, str, str]:
    """What an entry says, without when and from where."""
    return tuple(entry[name] for name in ("event", "outcome", "who_id", "run", "task", "right", "why"))


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    made = make_store(redis_url, key_prefix)
    for name in ("own.echo", "others.echo"):
        made.client.hset(made.keys.tasks(), name, orjson.dumps({**TASK, "name": name}))
    return made


@pytest.fixture
def lines() -> Lines:
    return Lines()


def make_app(store: Store, lines: Lines) -> Flask:
    def identify() -> Principal | None:
        name = request.headers["X-Test-Principal"]
        if name == "anyone":
            return anyone_at(request.remote_addr)
        if name == "wrong":
            raise NotLoggedIn("This is not a token.")
        return Principal("user", f"user:{name}", name, GRANTS[name]) if name in GRANTS else None

    audit = Audit(None, write=lines)
    return create_app(
        store.settings, store, lambda *_: None, threading.Event(), watch=lambda _: None, identify=identify, audit=audit
    )


def caller(app: Flask) -> Call:
    def call(who: str, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> int:
        answer = app.test_client().open(
            path, method=method, json=body, headers={"X-Test-Principal": who, "User-Agent": "test/1", **headers}
        )
        with answer:
            assert answer.data is not None
            return answer.status_code

    return call


@pytest.fixture
def call(store: Store, lines: Lines) -> Call:
    """Sends a request as somebody and returns the status."""
    return caller(make_app(store, lines))


def test_what_is_done_with_runs(call: Call, lines: Lines) -> None:
    body = {"task": "own.echo", "kwargs": {"word": SECRET}, "run_id": "r1"}
    assert call("operator", "POST", "/api/v1/runs", body, **{"Idempotency-Key": "k"}) == 202
    (entry,) = lines.take()
    assert told(entry) == ("run-start", "ok", "user:operator", "r1", "own.echo", "", "")
    assert entry["who"] == "operator"
    assert entry["address"] == "127.0.0.1"
    assert entry["agent"] == "test/1"
    assert entry["request"] == "POST /api/v1/runs"

    assert call("operator", "POST", "/api/v1/runs", body, **{"Idempotency-Key": "k"}) == 202
    assert told(lines.take()[0]) == ("run-start", "ok", "user:operator", "r1", "own.echo", "", "replayed")
    assert call("operator", "POST", "/api/v1/runs", body) == 409
    assert told(lines.take()[0]) == ("run-start", "failed", "user:operator", "r1", "own.echo", "", "taken")

    assert call("operator", "POST", "/api/v1/runs/r1/cancel", {"why": "wrong\nbranch"}) == 200
    why = "wrong\ufffdbranch"
    assert told(lines.take()[0]) == ("run-cancel", "ok", "user:operator", "r1", "own.echo", "", why)
    assert call("operator", "POST", "/api/v1/runs/r1/cancel") == 409
    assert told(lines.take()[0]) == ("run-cancel", "failed", "user:operator", "r1", "", "", "ended")

    assert call("everything", "POST", "/api/v1/runs/r1/retry") == 202
    (entry,) = lines.take()
    assert told(entry)[:3] == ("run-retry", "ok", "user:everything")
    assert told(entry)[4:] == ("own.echo", "", "of r1")
    assert entry["run"] not in ("", "r1")

    assert call("everything", "DELETE", "/api/v1/runs/r1") == 204
    assert told(lines.take()[0]) == ("run-delete", "ok", "user:everything", "r1", "", "", "")
    assert call("everything", "DELETE", "/api/v1/runs/r1") == 404
    assert told(lines.take()[0]) == ("run-delete", "failed", "user:everything", "r1", "", "", "deleted-run")


def test_arguments_are_in_no_entry(call: Call, lines: Lines, store: Store) -> None:
    task = {**TASK, "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    store.client.hset(store.keys.tasks(), "own.echo", orjson.dumps(task))
    for kwargs in ({"n": SECRET}, {"n": 1, "more": SECRET}, {SECRET: 1}):
        call("everything", "POST", "/api/v1/runs", {"task": "own.echo", "kwargs": kwargs, "run_id": "same"})
        call("everything", "POST", "/api/v1/runs", {"task": "own.echo", "kwargs": kwargs, "who": SECRET})
        call("viewer", "POST", "/api/v1/runs", {"task": "own.echo", "kwargs": kwargs})
        call("viewer", "GET", f"/api/v1/runs/same/log/search?q={SECRET}")
    raw = lines.raw.decode()
    assert '"denied"' in raw
    assert '"run-start"' in raw
    assert SECRET not in raw


def test_denials(call: Call, lines: Lines, store: Store) -> None:
    finish(open_run(store, "ours", task="own.echo"))
    finish(open_run(store, "theirs", task="others.echo"))
    for who, method, path, body, status, expected in (
        ("nobody", "GET", "/api/v1/runs/ours", None, 401, ("", "ours", "", "run:read", "login")),
        ("nobody", "GET", "/api/v1/config", None, 401, ("", "", "", "login", "login")),
        ("guest", "GET", "/api/v1/runs", None, 403, ("user:guest", "", "", "run:read", "")),
        # They may see it, and no more.
        ("viewer", "DELETE", "/api/v1/runs/ours", None, 403, ("user:viewer", "ours", "own.echo", "run:delete", "")),
        # For them it is not there; the audit log knows better.
        ("viewer", "GET", "/api/v1/runs/theirs", None, 404, ("user:viewer", "theirs", "others.echo", "run:read", "")),
        (
            "operator", "POST", "/api/v1/runs", {"task": "others.echo"}, 404,
            ("user:operator", "", "others.echo", "run:start", ""),
        ),
        ("no-parameters", "POST", "/api/v1/runs/ours/retry", None, 403,
         ("user:no-parameters", "ours", "own.echo", "params:read", "")),
        ("viewer", "GET", "/runs/theirs/text", None, 404, ("user:viewer", "theirs", "others.echo", "log:read", "")),
        ("viewer", "GET", "/api/v1/audit", None, 403, ("user:viewer", "", "", "admin", "")),
        # An administrator of some tasks is none of the installation.
        ("admin", "GET", "/api/v1/audit", None, 403, ("user:admin", "", "", "admin", "")),
    ):  # fmt: skip
        assert call(who, method, path, body) == status
        (entry,) = lines.take()
        assert told(entry) == ("denied", "failed", *expected), (who, method, path)
        assert entry["request"] == f"{method} {path}"
    for query, status, why in (("", 401, "token"), ("?token=rt1_x", 400, "token-in-address")):
        assert call("wrong", "GET", f"/api/v1/runs/ours{query}", Authorization="Bearer wrong") == status
        (entry,) = lines.take()
        assert told(entry) == ("denied", "failed", "", "", "", "login", why)
        assert "rt1_x" not in str(entry)
    # What is not there is no denial.
    assert call("viewer", "GET", "/api/v1/runs/none") == 404
    assert lines.take() == []


def test_a_denial_is_written_once_a_minute(call: Call, lines: Lines, store: Store) -> None:
    finish(open_run(store, "ours", task="own.echo"))
    assert {call("viewer", "DELETE", "/api/v1/runs/ours") for _ in range(50)} == {403}
    assert len(lines.take()) == 1


def test_without_a_login_it_is_an_address(call: Call, lines: Lines) -> None:
    assert call("anyone", "POST", "/api/v1/runs", {"task": "own.echo", "run_id": "r"}) == 202
    (entry,) = lines.take()
    assert (entry["who_id"], entry["who"], entry["address"]) == ("", "anonymous (127.0.0.1)", "127.0.0.1")


def test_reading_is_written_only_if_that_is_wanted(store: Store, redis_url: str, key_prefix: str) -> None:
    finish(open_run(store, "r", task="own.echo"))
    paths = ("/api/v1/runs/r/log", "/api/v1/runs/r/log.txt", "/api/v1/runs/r/outline", "/runs/r/text", "/api/v1/runs")
    silent, lines = Lines(), Lines()
    call_silently = caller(make_app(store, silent))
    call = caller(make_app(make_store(redis_url, key_prefix, audit_reads=True), lines))
    for path in paths:
        assert call_silently("viewer", "GET", path) == call("viewer", "GET", path) == 200
    assert silent.raw == b""
    # One for the run, the person and the hour.
    (entry,) = lines.take()
    assert told(entry) == ("log-read", "ok", "user:viewer", "r", "", "log:read", "")
    assert call("everything", "GET", paths[0]) == 200
    assert call("everything", "GET", "/api/v1/runs/none/log") == 404
    assert [told(entry)[2:4] for entry in lines.take()] == [("user:everything", "r")]


def test_wrong_queries(call: Call, lines: Lines) -> None:
    for query in ("cursor=x", "cursor=MS0", "event=none", "event=login,", "limit=0", "limit=501", "since=-1", "more=1"):
        assert call("everything", "GET", f"/api/v1/audit?{query}") == 422, query
    assert lines.take() == []


@pytest.fixture
def web(redis_url: str, key_prefix: str, tmp_path: Path, store: Store) -> Iterator[Service]:
    """A running web service, without a login."""
    assert store.client.ping()
    # One address asks more than anybody does.
    limits = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
    with Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix, **limits}) as service:
        yield service


MEAN = ("\r\n", "\x1b[2J", "\u2028", "\u2029", "\u202e", "\x00", "\x85", "\x9b31m", '"}\n{"log": "audit", "v": 1}')


def test_whatever_clients_send_is_one_line_each(web: Service) -> None:
    token = "rt1_abcdefghij_" + "S3cr3t" * 7 + "x_abc123"
    agent = b"agent \x80\x85\x9b31m " + token.encode() + b" \xe2\x80\xa8"
    with httpx.Client(base_url=web.url, timeout=20, headers=[(b"User-Agent", agent)]) as client:
        for number in range(50):
            mean = MEAN[number % len(MEAN)]
            start = {"task": "own.echo", "kwargs": {"word": token + mean}, "run_id": f"mean-{number}"}
            assert client.post(f"/api/v1/runs?secret={token}", json=start).status_code == 202
            why = f"{mean}{token}{'x' * number * 5}{mean}"
            assert client.post(f"/api/v1/runs/mean-{number}/cancel", json={"why": why}).status_code == 200
            assert client.delete(f"/api/v1/runs/none%E2%80%A8%E2%80%AE%0A{number}").status_code == 404
    entries = audit_entries(web.process)[1:]
    assert [entry["event"] for entry in entries] == ["run-start", "run-cancel", "run-delete"] * 50
    assert [entry["run"] for entry in entries if entry["event"] == "run-cancel"] == [f"mean-{n}" for n in range(50)]
    raw = web.process.log_path.read_bytes()
    lines = [line for line in raw.splitlines() if line.startswith(MARK)]
    assert len(lines) == raw.count(MARK) == 151
    assert b"S3cr3t" not in raw
    assert all(character.isprintable() for line in lines for character in line.decode())


def test_a_real_service(web: Service, store: Store) -> None:
    with httpx.Client(base_url=web.url, timeout=20) as client:
        assert client.post("/api/v1/runs", json={"task": "own.echo", "kwargs": {}, "run_id": "r1"}).status_code == 202
        start, run = audit_entries(web.process)
        assert (start["event"], start["outcome"]) == ("service-start", "ok")
        assert start["why"].startswith("web ")
        assert (run["event"], run["run"], run["who"]) == ("run-start", "r1", "anonymous (127.0.0.1)")
        assert wait_for(lambda: store.client.xlen(store.keys.audit()) == 2, 20)
        found = client.get("/api/v1/audit?event=run-start").json()["entries"]
    assert [{**entry, "id": None} for entry in found] == [
        {"id": None, **{name: value for name, value in run.items() if name != "log"}}
    ]
    # What was read is an entry, too.
    assert audit_entries(web.process)[-1]["event"] == "audit-read"
    assert web.metric('runtail_web_audit_lost_total{where="store"}') == 0
    assert web.metric('runtail_web_audit_lost_total{where="stdout"}') == 0
