"""The headers of every answer of the web service, whatever it answers; and what caches may keep."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from runtail.store import Store
from runtail_web.app import create_app
from runtail_web.shell import LOG, MANIFEST, STATIC
from tests.support.runs import finish, make_store, open_run, write_lines

PREFIX = "t-headers:"
PUBLIC = "https://runtail.example"
#: One address asks for everything here.
LIMITS: dict[str, Any] = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
LOGIN: dict[str, Any] = {"auth_mode": "password", "auth_admin_password": "a-long-password"}


@pytest.fixture
def store(redis_url: str) -> Store:
    """A store with a run that is over."""
    made = make_store(redis_url, PREFIX, **LIMITS)
    made.client.delete(*made.client.keys(f"{PREFIX}*") or [b"none"])
    writer = open_run(made, "over")
    write_lines(writer, 1, 100, per_entry=10)
    finish(writer)
    return made


def application(store: Store, *, private: bool | None = None, **settings: str | int) -> Flask:
    """Return the application with other settings."""
    other = make_store(store.settings.broker_url, PREFIX, **LIMITS, **settings)
    app = create_app(other.settings, other, lambda *_: None, threading.Event(), watch=lambda _: None, private=private)

    def fail() -> str:
        raise RuntimeError("a view failed")

    fail.__dict__.update(app.view_functions["static"].__dict__)
    app.add_url_rule("/fails", view_func=fail)
    return app


def answers(app: Flask, base: str = "") -> Iterator[tuple[str, dict[str, str], int]]:
    """Ask every route by every method, and for everything that is refused; yield what was asked, headers, status."""
    asked: list[tuple[str, str, dict[str, str]]] = [
        (method, base + rule.rule.replace("<run_id>", run_id).replace("<path:filename>", "icon.svg"), {})
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) | {"PUT"}
        for run_id in ("over", "none")
    ]
    asked += [
        ("GET", f"{base}/nowhere", {}),
        ("GET", f"{base}/api/v1/nowhere", {}),
        ("GET", "/outside", {}),
        ("GET", f"{base}/runs//over", {}),
        ("GET", f"{base}/", {"Host": "evil.test"}),
        ("GET", f"{base}/", {"Host": ""}),
        ("GET", f"{base}/", {"Origin": "http://["}),
        ("GET", f"{base}/api/v1/runs", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", f"{base}/api/v1/runs", {"Content-Type": "text/plain"}),
        ("GET", f"{base}/nowhere", {"Accept": "text/html"}),
        ("GET", f"{base}/runs/none/text", {"Accept": "text/html"}),
    ]
    client = app.test_client()
    for method, path, headers in asked:
        with client.open(path, method=method, headers={"Host": "localhost", **headers}) as answer:
            yield f"{method} {path} {headers}", dict(answer.headers), answer.status_code


@pytest.mark.parametrize("base", ["", "/a/b"])
@pytest.mark.parametrize("public", ["", "http://runtail.example", PUBLIC])
@pytest.mark.parametrize("mode", ["none", "password"])
def test_every_answer_has_every_header(store: Store, mode: str, public: str, base: str) -> None:
    login: dict[str, Any] = {} if mode == "none" else LOGIN
    app = application(store, public_url=public, base_path=base, **login)
    statuses = set()
    for asked, headers, status in answers(app, base):
        statuses.add(status)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; "), asked
        assert "trusted-types 'none'" in headers["Content-Security-Policy"], asked
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], asked
        assert headers["X-Content-Type-Options"] == "nosniff", asked
        assert headers["X-Frame-Options"] == "DENY", asked
        assert headers["Referrer-Policy"] == "no-referrer", asked
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", asked
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", asked
        features = dict(part.split("=") for part in headers["Permissions-Policy"].split(", "))
        assert {"camera", "geolocation", "microphone"} <= features.keys(), asked
        assert set(features.values()) == {"()"}, asked
        secure = headers.get("Strict-Transport-Security")
        assert secure == ("max-age=31536000" if public == PUBLIC else None), asked
        # Wherever a browser is sent, it stays on this host, whatever name and scheme it came by.
        assert headers.get("Location", f"{base}/").startswith(f"{base}/"), asked
        assert not headers.get("Location", "").startswith("//"), asked
    assert {200, 302, 308, 403, 404, 405, 415, 500} <= statuses | ({415} if login else set())
    assert ({303, 401} <= statuses) == bool(login)


def windows(client: FlaskClient) -> list[tuple[str, str]]:
    """Return the addresses of a window that never changes, and of others, with what caches may do with each today."""
    log = "/api/v1/runs/over/log"
    epoch = client.get(log).get_json()["epoch"]
    return [
        (f"{log}?from=11&limit=20&epoch={epoch}", "private, max-age=86400, immutable"),
        (f"{log}?from=11&limit=20", "no-store"),
        (f"{log}?from=91&limit=20&epoch={epoch}", "no-store"),
    ]


def test_windows_are_kept_where_nobody_logs_in(store: Store) -> None:
    client = application(store).test_client()
    for address, caching in windows(client):
        answer = client.get(address)
        assert (answer.headers["Cache-Control"], "ETag" in answer.headers) == (caching, False)


def test_where_people_log_in_a_browser_asks_before_it_shows_a_window_again(store: Store) -> None:
    client = application(store, private=True).test_client()
    (address, _), *others = windows(client)
    first = client.get(address)
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "private, no-cache")
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "private, no-cache"
    assert again.headers["X-Frame-Options"] == "DENY"
    changed = client.get(address.replace("limit=20", "limit=10"), headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    for other, _ in others:
        answer = client.get(other)
        assert (answer.headers["Cache-Control"], "ETag" in answer.headers) == ("no-store", False)


def test_where_people_log_in_no_cache_keeps_an_answer_of_the_api(store: Store) -> None:
    app = application(store, private=True)
    for rule in app.url_map.iter_rules():
        if not (rule.rule.startswith("/api/v1") or rule.rule.endswith("/text")):
            continue
        for run_id in ("over", "none"):
            path = rule.rule.replace("<run_id>", run_id) + ("?q=line" if rule.rule.endswith("search") else "")
            for method in (rule.methods or set()) - {"OPTIONS", "DELETE"}:
                with app.test_client().open(path, method=method, json={} if method == "POST" else None) as answer:
                    assert answer.headers["Cache-Control"].startswith("no-store"), (method, path)


def test_scripts_and_styles_come_compressed_to_those_who_take_that(store: Store) -> None:
    client = application(store).test_client()
    get = partial(client.get, buffered=True)
    built = orjson.loads(MANIFEST.read_bytes())[LOG]
    for name in (built["file"], *built["css"]):
        plain = get(f"/static/{name}")
        packed = get(f"/static/{name}", headers={"Accept-Encoding": "br, gzip"})
        assert ("Content-Encoding" in plain.headers, packed.headers["Content-Encoding"]) == (False, "gzip")
        assert gzip.decompress(packed.data) == plain.data == (STATIC / name).read_bytes()
        assert len(packed.data) < len(plain.data) / 2
        for answer in (plain, packed):
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert "immutable" in answer.headers["Cache-Control"]
        assert packed.headers["Content-Length"] == str(len(packed.data))
        assert get(f"/static/{name}", headers={"Accept-Encoding": "gzip;q=0"}).data == plain.data
        part = get(f"/static/{name}", headers={"Accept-Encoding": "gzip", "Range": "bytes=0-9"})
        assert (part.status_code, part.data) == (206, plain.data[:10])
        assert client.head(f"/static/{name}", headers={"Accept-Encoding": "gzip"}, buffered=True).data == b""
    font = next(path for path in (STATIC / "assets").iterdir() if path.suffix == ".woff2")
    answer = get(f"/static/assets/{font.name}", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
