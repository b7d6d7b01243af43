"""Logging in by headers of a proxy: who is believed, what is refused, and what a stream of such a login is."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtail.auth.proxy_settings import SECRET_HEADER
from runtail.auth.users import Users, digest_of
from tests.support.installation import Installation
from tests.support.logins import grant, write
from tests.support.ports import free_port
from tests.support.proxied import GROUPS, NAME, SECRET, SETTINGS, SOCKET_PATH, USER, Headers, ask, logged_in
from tests.support.relay import Client, Follower, Producer
from tests.support.runs import finish, open_run, write_lines
from tests.support.waiting import wait_for

SHOWN = (SECRET_HEADER, SECRET)
ANN = (USER, "ann")
#: Not in the settings.
STRANGER = "127.0.0.2"
TOKEN = "a-long-random-token-of-the-file"
#: A token of another issuer, which oauth2-proxy can pass on.
FOREIGN = ("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("proxy")
    policy = write(folder / "policy.toml", grant("group:admins", "admin") + grant("group:builders", "operator"))
    settings: dict[str, Any] = {
        **SETTINGS,
        "auth_policy_file": policy,
        "proxy_hops": 1,
        "socket_async_mode": request.param,
    }
    # Both families on one socket, so that IPv4 peers come mapped into IPv6.
    hosts: dict[str, Any] = {"web_host": "::", "socket_host": "::"}
    with Installation(folder, redis_url, services=("web", "socket"), **settings, **hosts) as found:
        finish(open_run(found.store, "one"))
        yield found


@pytest.fixture(params=["web", "relay"])
def judge(request: pytest.FixtureRequest, installation: Installation) -> Any:
    """Who judges: returns status and body for the headers of a request, asked from an address."""
    port = (installation.web if request.param == "web" else installation.relay).port
    path = "/api/v1/session" if request.param == "web" else SOCKET_PATH

    def judged(headers: Headers, source: str = "127.0.0.1") -> tuple[int, str]:
        return ask(port, headers, path, source)

    return judged


#: The cases of the proxy's test row that are refused: headers, the address asked from, and what the sentence names.
REFUSED: dict[str, tuple[Headers, str, str]] = {
    "unlisted-peer": ([SHOWN, ANN], STRANGER, f"{USER}|{SECRET_HEADER}.*127.0.0.2.*RUNTAIL_AUTH_PROXY_CIDRS"),
    "unlisted-peer-secret-alone": ([SHOWN], STRANGER, f"{SECRET_HEADER} came from 127.0.0.2"),
    "unlisted-peer-groups-alone": ([(GROUPS, "admins")], STRANGER, f"{GROUPS} came from 127.0.0.2"),
    "no-secret": ([ANN], "127.0.0.1", f"{USER} came without {SECRET_HEADER}"),
    "wrong-secret": ([ANN, (SECRET_HEADER, SECRET[:-1])], "127.0.0.1", f"{SECRET_HEADER} does not have the value"),
    "empty-secret": ([ANN, (SECRET_HEADER, "")], "127.0.0.1", f"{SECRET_HEADER} does not have the value"),
    "twin": ([SHOWN, ANN, ("X_Forwarded_User", "admin")], "127.0.0.1", "X_Forwarded_User"),
    "twin-alone": ([SHOWN, ("X-Forwarded_User", "admin")], "127.0.0.1", "X-Forwarded_User"),
    "twin-of-groups": ([SHOWN, ANN, ("x_forwarded_groups", "admins")], "127.0.0.1", "x_forwarded_groups"),
    "twin-of-the-secret": ([SHOWN, ANN, ("Runtail_Proxy_Secret", SECRET)], "127.0.0.1", "Runtail_Proxy_Secret"),
    "twin-from-a-stranger": ([("X_Forwarded_User", "admin")], STRANGER, "X_Forwarded_User"),
    "twice": ([SHOWN, ANN, (USER, "admin")], "127.0.0.1", f"{USER} came more than once"),
    "twice-the-same": ([SHOWN, ANN, (USER.lower(), "ann")], "127.0.0.1", f"{USER} came more than once"),
    "groups-twice": ([SHOWN, ANN, (GROUPS, "a"), (GROUPS, "admins")], "127.0.0.1", f"{GROUPS} came more than once"),
    "secret-twice": ([SHOWN, SHOWN, ANN], "127.0.0.1", f"{SECRET_HEADER} came more than once"),
    "list-in-one": ([SHOWN, (USER, "ann, admin")], "127.0.0.1", f"{USER} has a comma"),
    "5-KiB": ([SHOWN, ANN, (GROUPS, "x" * 5120)], "127.0.0.1", f"{GROUPS} has 5,120 bytes. It may have 4,096"),
    "5-KiB-of-user": ([SHOWN, (USER, "x" * 5120)], "127.0.0.1", f"{USER} has 5,120 bytes"),
    "long-name": ([SHOWN, (USER, "x" * 256)], "127.0.0.1", f"{USER} has 256 characters"),
    "empty-user": ([SHOWN, (USER, "")], "127.0.0.1", f"{USER} is empty"),
    "spaces-as-user": ([SHOWN, (USER, "   ")], "127.0.0.1", f"{USER} is empty"),
    "no-utf-8": ([SHOWN, (USER, "ann\xff")], "127.0.0.1", f"{USER} is not UTF-8"),
    "line-separator": ([SHOWN, (USER, "ann\u2028".encode().decode("latin-1"))], "127.0.0.1", f"{USER} has a control"),
    "c1-control": ([SHOWN, (USER, "ann\x85".encode().decode("latin-1"))], "127.0.0.1", f"{USER} has a control"),
    "tab": ([SHOWN, (USER, "a\tnn")], "127.0.0.1", f"{USER} has a control"),
    "forwarded-for-of-a-listed-peer": (
        [SHOWN, ANN, ("X-Forwarded-For", "127.0.0.1")], STRANGER, "came from 127.0.0.2",
    ),
    "a-token-hides-nothing": ([ANN, ("Authorization", "Bearer rt1_x")], "127.0.0.1", f"came without {SECRET_HEADER}"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_believed_is_refused_with_a_sentence(judge: Any, case: str) -> None:
    headers, source, sentence = REFUSED[case]
    status, body = judge(headers, source)
    assert status == 400, body
    # gunicorn hands names on in capital letters.
    assert re.search(sentence, body, re.IGNORECASE), body
    assert SECRET not in body


@pytest.mark.parametrize(
    "value", ["ann\r\n admin", "ann\r\n\tadmin", "ann\nX-Forwarded-Groups: admins", "an\rn", "a\0nn"]
)
def test_the_end_of_a_line_in_a_name_makes_nobody(judge: Any, value: str) -> None:
    """Servers refuse most of this themselves, and none of it makes a user or a group."""
    status, body = judge([SHOWN, (USER, value)])
    assert status == 400, body


def test_ipv4_in_ipv6_counts_as_ipv4(judge: Any) -> None:
    assert judge([SHOWN, ANN])[0] in (200, 101)
    assert judge([])[0] == 401


def test_a_token_of_somebody_else_is_the_proxys_business(judge: Any) -> None:
    assert judge([SHOWN, ANN, FOREIGN])[0] in (200, 101)
    assert judge([FOREIGN])[0] == 401
    # One of ours decides, and this one is not valid.
    assert judge([SHOWN, ANN, ("Authorization", "Bearer rt1_x")])[0] == 401


def test_other_names_with_an_underscore_are_dropped(installation: Installation) -> None:
    """The servers do so by default, and mode proxy looks at the names before it."""
    stolen = [SHOWN, ANN, ("Authorization_", "x"), ("X_Forwarded_For", "1.2.3.4"), ("Sec_Fetch_Site", "cross-site")]
    assert ask(installation.web.port, stolen)[0] == 200
    assert ask(installation.relay.port, stolen, SOCKET_PATH)[0] == 101


def session(installation: Installation, *more: tuple[str, str]) -> dict[str, Any]:
    """Return who somebody is to web; values are UTF-8."""
    headers = [(name.encode(), value.encode()) for name, value in (SHOWN, *more)]
    return dict(httpx.get(f"{installation.web.url}/api/v1/session", headers=headers).json())


def test_users_have_the_groups_that_the_proxy_says(installation: Installation) -> None:
    ann = session(installation, ANN, (GROUPS, "builders, , guests"), (NAME, "Ann É"))
    assert (ann["id"], ann["name"], ann["kind"], ann["modes"]) == ("proxy:ann", "Ann É", "user", ["proxy"])
    assert "run:start" in ann["rights"]
    assert "admin" not in ann["rights"]
    # Each request is judged by itself, and without the header there are no groups.
    assert "admin" in session(installation, ANN, (GROUPS, "admins"))["rights"]
    none = session(installation, ANN)
    assert (none["name"], none["rights"], none["ends_ms"]) == ("ann", [], None)


def test_without_a_policy_only_the_group_admins_may_do_anything(tmp_path: Path, redis_url: str) -> None:
    with Installation(tmp_path, redis_url, services=("web",), **SETTINGS) as installation:
        assert session(installation, ANN, (GROUPS, "builders"))["rights"] == []
        assert httpx.get(f"{installation.web.url}/api/v1/runs", headers=logged_in()).status_code == 403
        assert "admin" in session(installation, ANN, (GROUPS, "admins"))["rights"]


def test_the_store_learns_of_groups_only_when_they_change(installation: Installation) -> None:
    users, told = Users(installation.store), installation.store.client.pubsub()
    with told:
        told.subscribe(installation.store.keys.login_changes())
        wait_for(lambda: told.get_message(timeout=1), 10)
        for groups in ("b,a", "a, b", "b,a", "c"):
            session(installation, (USER, "eve"), (GROUPS, groups))
        found = users.find("proxy:eve")
        assert found is not None
        assert found.groups == ("c",)
        assert told.get_message(timeout=10)
        assert told.get_message(timeout=10)
        assert told.get_message(timeout=0.2) is None


def test_a_token_has_what_its_owner_has_at_the_proxy(installation: Installation) -> None:
    url = installation.web.url
    mine = {**logged_in("tom", "builders"), "Origin": url}
    made = httpx.post(f"{url}/api/v1/tokens", json={"name": "ci"}, headers=mine)
    assert made.status_code == 201, made.text
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}
    # Straight to web, and through the proxy as somebody else: the token decides.
    for headers in (bearer, {**bearer, **logged_in("ann", "admins")}):
        found = httpx.get(f"{url}/api/v1/session", headers=headers).json()
        assert (found["kind"], "run:start" in found["rights"]) == ("token", True)
    session(installation, (USER, "tom"))
    assert httpx.get(f"{url}/api/v1/session", headers=bearer).json()["rights"] == []


def test_who_is_locked_out_stays_out(installation: Installation) -> None:
    session(installation, (USER, "mallory"))
    client = Client(installation.relay.url, headers=[f"{k}: {v}" for k, v in logged_in("mallory").items()]).join()
    Users(installation.store).lock("proxy:mallory")
    assert client.next_event() == (
        "denied",
        {"v": 1, "run": None, "code": "login", "why": "Your login has ended. Log in again."},
    )
    answer = httpx.get(f"{installation.web.url}/api/v1/session", headers=logged_in("mallory"))
    assert (answer.status_code, "You are locked out" in answer.text) == (401, True)


def test_a_page_of_others_cannot_use_such_a_login(installation: Installation) -> None:
    url = installation.web.url
    admin = logged_in("root", "admins")
    for headers in ({}, {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        answer = httpx.post(f"{url}/api/v1/runs/one/cancel", json={}, headers=admin | headers)
        assert answer.status_code == 403, answer.text
    assert httpx.post(f"{url}/api/v1/runs/one/cancel", json={}, headers=admin | {"Origin": url}).status_code == 409


def test_no_origin_opens_no_websocket(installation: Installation) -> None:
    headers = [f"{name}: {value}" for name, value in logged_in().items()]
    with pytest.raises(Exception, match="403"):
        Client(installation.relay.url, headers=headers, origin=False)


def test_pages_and_refusals_are_for_people(installation: Installation) -> None:
    url = installation.web.url
    assert httpx.get(f"{url}/", headers=logged_in()).status_code == 200
    assert httpx.get(f"{url}/").status_code == 303
    refused = httpx.get(f"{url}/", headers={USER: "ann", "Accept": "text/html"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert f"The header {USER} came without {SECRET_HEADER}" in refused.text
    problem = httpx.get(f"{url}/api/v1/session", headers={USER: "ann"}).json()
    assert (problem["status"], problem["code"]) == (400, "proxy-header")


def test_refusals_are_counted_and_in_the_audit_log(installation: Installation) -> None:
    before = installation.relay.metric('runtail_socket_refused_total{reason="proxy"}')
    assert ask(installation.relay.port, [ANN], SOCKET_PATH)[0] == 400
    assert installation.relay.metric('runtail_socket_refused_total{reason="proxy"}') == before + 1
    assert ask(installation.web.port, [ANN])[0] == 400
    for service in (installation.web, installation.relay):
        service.process.wait_for_log('"why": "proxy"', 10)
        assert SECRET not in service.process.output()


def test_logging_out_needs_an_address(installation: Installation) -> None:
    url = installation.web.url
    assert session(installation, ANN)["can_log_out"] is False
    answer = httpx.post(f"{url}/auth/logout", json={}, headers={**logged_in(), "Origin": url})
    assert (answer.status_code, answer.json()["code"]) == (409, "proxy-logout")


def test_logging_out_leads_to_the_proxy(tmp_path: Path, redis_url: str) -> None:
    there = "/oauth2/sign_out?rd=https%3A%2F%2Flogin.example%2F"
    settings: dict[str, Any] = {**SETTINGS, "auth_proxy_logout_url": there}
    with Installation(tmp_path, redis_url, services=("web",), **settings) as installation:
        url = installation.web.url
        assert session(installation, ANN)["can_log_out"] is True
        answer = httpx.post(f"{url}/auth/logout", json={}, headers={**logged_in(), "Origin": url})
        assert (answer.status_code, answer.json()) == (200, {"leads_to": there})
        # The proxy must still know which login to end.
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
        installation.web.process.wait_for_log('"event": "logout"', 10)


def test_a_stream_ends_so_that_the_proxy_judges_again(tmp_path: Path, redis_url: str) -> None:
    """Of a proxy's login only: that of a token stays. Whoever comes back has all lines, each once."""
    policy = write(tmp_path / "policy.toml", grant("group:builders", "operator"))
    tokens = write(tmp_path / "tokens", f"ci:{digest_of(TOKEN)}:viewer\n")
    settings: dict[str, Any] = {
        **SETTINGS,
        "auth_policy_file": policy,
        "auth_tokens_file": tokens,
        "auth_proxy_stream_seconds": 1,
    }
    with Installation(tmp_path, redis_url, services=("socket",), **settings) as installation:
        url = installation.relay.url
        headers = [f"{name}: {value}" for name, value in logged_in("ann", "builders").items()]
        program = Client(url, headers=[f"Authorization: Bearer {TOKEN}"], origin=False).join()
        producer = Producer(installation.store).start(200)
        ann = Follower(producer.run_id)
        for _ in range(2):
            assert ann.connect(url, headers=headers)["ok"]
            while ann.step() != "renew":
                assert ann.resets == []
            with pytest.raises(ConnectionError):
                ann.until(lambda: False)
        producer.stop()
        assert ann.connect(url, headers=headers)["ok"]
        ann.until_end()
        assert ann.lines == [producer.line(number) for number in range(1, producer.count + 1)]
        assert ann.view.verdict is not None
        assert ann.view.verdict.verified
        assert installation.relay.metric('runtail_socket_sent_away_total{reason="proxy"}') >= 2
        # With the groups that the proxy does not name any more, the right is gone as well.
        assert ann.connect(url, headers=[f"{name}: {value}" for name, value in logged_in("ann").items()])["ok"] is False
        assert program.emit("subscribe", {"v": 1, "run": producer.run_id})["ok"]


def test_following_over_http_ends_as_well(tmp_path: Path, redis_url: str) -> None:
    settings: dict[str, Any] = {**SETTINGS, "auth_proxy_stream_seconds": 1}
    with Installation(tmp_path, redis_url, services=("web",), **settings) as installation:
        write_lines(open_run(installation.store, "one"), 1, 3)
        url = f"{installation.web.url}/api/v1/runs/one/log.txt"
        said = bytearray()

        def read() -> None:
            with httpx.stream("GET", f"{url}?follow=1", headers=logged_in("ann", "admins"), timeout=60) as answer:
                for piece in answer.iter_raw():
                    said.extend(piece)

        with pytest.raises(httpx.RemoteProtocolError):
            read()
        lines = said.decode().splitlines()
        assert lines == ["line 1", "line 2", "line 3", "runtail: The proxy has to judge again who you are. Ask again."]
        assert httpx.get(url, headers=logged_in("ann", "admins")).text == "line 1\nline 2\nline 3\n"


@pytest.mark.parametrize("module", ["runtail_web", "runtail_socket"])
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"CIDRS": ""}, "RUNTAIL_AUTH_PROXY_CIDRS is empty"),
        ({"SECRET": ""}, "RUNTAIL_AUTH_PROXY_SECRET is empty"),
        ({"CIDRS": "10.0.0.0/8,0.0.0.0/0"}, "RUNTAIL_AUTH_PROXY_CIDRS: 0.0.0.0/0 is every address there is"),
    ],
)
def test_what_is_missing_is_said_at_the_start(
    start_process: Any, redis_url: str, module: str, settings: dict[str, str], sentence: str
) -> None:
    service = f"RUNTAIL_{module.removeprefix('runtail_').upper()}"
    environment = {
        "RUNTAIL_STORE_URL": redis_url,
        f"{service}_HOST": "0.0.0.0",
        f"{service}_PORT": str(free_port()),
        f"{service}_ADMIN_PORT": str(free_port()),
        **{f"RUNTAIL_{name.upper()}": value for name, value in SETTINGS.items()},
        **{f"RUNTAIL_AUTH_PROXY_{name}": value for name, value in settings.items()},
    }
    process = start_process(sys.executable, "-m", module, environment=environment)
    assert process.wait(60) == 2
    assert sentence in process.output()
    assert "Traceback" not in process.output()
