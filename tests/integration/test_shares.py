"""Share links at real services: what a guest reads to the byte, all that a guest does not, and when a link is dead."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
import websocket

from runtail.access.principal import anyone
from runtail.auth.sessions import MAX_SHARES
from runtail.auth.shares import Shares
from runtail.auth.users import digest_of
from runtail.log import reader
from runtail.protocol import Clip, Cursor, EntryId
from tests.support.audit_lines import audit_entries
from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, grant, log_in, write, write_users
from tests.support.passing_time import fill, let_pass
from tests.support.relay import Client
from tests.support.runs import finish, open_run, write_lines
from tests.support.sharing import CANARY, SHOWN, bearer, hidden_run, make, open_link
from tests.support.waiting import wait_for

#: What a notification may take, and what the check alone may take: RUNTAIL_AUTH_RECHECK_SECONDS is 5.
BELL_SECONDS, SWEEP_SECONDS = 1.0, 10.0
POLICY = (
    grant("group:admins", "admin")
    + grant("group:builders", "operator", tasks=["build.*"])
    + '[[grant]]\nto = ["group:sharers"]\nrights = ["share:create"]\n'
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("shares")
    found = Installation(
        folder, redis_url, services=("web", "socket"), auth_mode="password",
        # Writers of tests do not beat.
        lease_seconds=600,
        auth_users_file=write_users(
            folder / "users", admin="admins", ann="builders", bob="builders", eve="", sal="sharers"
        ),
        auth_policy_file=write(folder / "policy.toml", POLICY),
    )  # fmt: skip
    found.relay.configure(allowed_origins=found.web.url)
    with found:
        yield found


@pytest.fixture(autouse=True)
def fresh_limits(installation: Installation) -> None:
    let_pass(installation.store, 3600)


@pytest.fixture
def ann(installation: Installation) -> Iterator[httpx.Client]:
    with browser(installation.web.url) as client:
        assert log_in(client, "ann").status_code == 200
        yield client


@pytest.fixture
def guest(installation: Installation) -> Iterator[httpx.Client]:
    with browser(installation.web.url) as client:
        yield client


def connect(installation: Installation, client: httpx.Client) -> Client:
    headers = [cookie_header(client), f"Origin: {installation.web.url}"]
    return Client(installation.relay.url, headers=headers, origin=False).join()


def text_of(events: list[tuple[str, Any]]) -> str:
    entries = [one for name, data in events if name == "tail-message" for one in data["entries"]]
    return "".join(entry["text"] for entry in entries)


def until(client: Client, last: str) -> list[tuple[str, Any]]:
    """Return the events up to one with this name."""
    found: list[tuple[str, Any]] = []
    while not found or found[-1][0] != last:
        found.append(client.next_event())
    return found


def test_a_guest_reads_the_range_to_the_byte_everywhere(
    installation: Installation, ann: httpx.Client, guest: httpx.Client
) -> None:
    hidden_run(installation, "edges")
    made = make(ann, "edges", **{"from": 8, "to": 13})
    assert re.fullmatch(r"/s/[a-z2-7]{10}#[\w-]{43}", made["address"])
    assert re.fullmatch(r"rts1_[a-z2-7]{10}_[\w-]{43}_[\w-]{6}", made["token"])
    opened = open_link(guest, made)
    assert opened.json() == {
        "run": "edges", "task": "build.web", "from": 8, "to": 13, "live": False, "whole": False,
        "ends_ms": made["ends_ms"],
    }  # fmt: skip
    assert opened.headers["X-Robots-Tag"].startswith("noindex")

    for client, headers in ((guest, {}), (httpx.Client(base_url=installation.web.url), bearer(made))):
        everything: list[str] = []

        def get(path: str, client: httpx.Client = client, headers: dict[str, str] = headers) -> httpx.Response:
            answer = client.get(path, headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.headers["X-Robots-Tag"].startswith("noindex")
            everything.append(f"{answer.headers}{answer.text}")  # noqa: B023 - called below only
            return answer

        assert get("/api/v1/runs/edges/log.txt").text == SHOWN
        assert get("/api/v1/runs/edges/log.txt?follow=true").text == SHOWN
        for start in (1, 5, 8, -100, -6):
            window = get(f"/api/v1/runs/edges/log?from={start}").json()
            assert "".join(entry["text"] for entry in window["entries"]) == SHOWN
            assert [(entry["from"], entry["n"]) for entry in window["entries"]] == [(8, 3), (11, 3)]
            assert (window["from"], window["next"], window["lines"]) == (8, {"line": 14, "chain": ""}, 13)
            assert not any("chain" in entry for entry in window["entries"])
        assert get("/api/v1/runs/edges/log?from=10&limit=1").json()["entries"][0]["text"] == "line 10\n"
        assert get("/api/v1/runs/edges/log?from=14").json()["entries"] == []
        assert get("/api/v1/runs/edges/log?from=99").json()["entries"] == []
        page = get("/runs/edges/text").text
        lines = re.findall(r'id="L(\d+)" data-line="\1">(.*?)</span>', page)
        assert lines == [(str(n), f"line {n}") for n in range(8, 14)]
        for path in ("/runs/edges/text?from=20", "/runs/edges/text?from=-3", "/runs/edges/text?from=1&limit=2"):
            get(path)
        for direction in ("forward", "backward"):
            found = [
                orjson.loads(line)
                for line in get(f"/api/v1/runs/edges/log/search?q=line&direction={direction}").text.splitlines()
            ]
            assert sorted(one["line"] for one in found if "line" in one) == list(range(8, 14))
            assert found[-1] == {"done": True, "hits": 6, "next": None}
            assert [one["searched"] for one in found if "searched" in one] == [[8, 13]]
            none = get(f"/api/v1/runs/edges/log/search?q=canary&direction={direction}&from=1").text
            assert orjson.loads(none.splitlines()[-1])["hits"] == 0
        assert CANARY not in "".join(everything)
        # Neither the number of lines nor of bytes, nor any digest.
        run = reader.head(installation.store, "edges")
        for told in (str(run.total_bytes), run.chain.hex(), "Runtail-Lines", '"lines":20', "of 20"):
            assert told not in "".join(everything)


def test_a_digest_is_not_tried_out_for_a_guest(
    installation: Installation, ann: httpx.Client, guest: httpx.Client
) -> None:
    """A position's digest covers the lines before it: a right one and a wrong one get the same answer."""
    hidden_run(installation, "digests")
    open_link(guest, make(ann, "digests", **{"from": 11, "to": 13}))
    (first, *_rest) = [
        one for one in reader.entries(installation.store, "digests") if one.chain and one.wire().get("n")
    ]
    answers = {
        guest.get(f"/api/v1/runs/digests/log?from=11&chain={chain}").text for chain in (first.chain.hex(), "00" * 32)
    }
    assert len(answers) == 1
    viewer = connect(installation, guest)
    for chain in (first.chain.hex(), "00" * 32):
        answer = viewer.emit("subscribe", {"v": 1, "run": "digests", "from": 11, "chain": chain})
        assert (answer["ok"], answer["from"], "chain" in answer) == (True, 11, False)
        assert text_of(until(viewer, "tail-end")) == "line 11\nline 12\nline 13\n"


def test_a_guest_follows_the_range_over_the_relay(
    installation: Installation, ann: httpx.Client, guest: httpx.Client
) -> None:
    hidden_run(installation, "followed", over=False)
    made = make(ann, "followed", **{"from": 8, "to": 13})
    open_link(guest, made)
    program = Client(
        installation.relay.url, headers=[f"Authorization: {bearer(made)['Authorization']}"], origin=False
    ).join()
    for viewer in (connect(installation, guest), program):
        for start, shown in ((1, SHOWN), (12, "line 12\nline 13\n"), (-2, "line 12\nline 13\n"), (14, ""), (99, "")):
            answer = viewer.emit("subscribe", {"v": 1, "run": "followed", "from": start})
            assert answer == {
                "ok": True, "v": 1, "run": "followed", "epoch": answer["epoch"], "from": answer["from"],
                "state": "running",
            }  # fmt: skip
            seen = until(viewer, "tail-end")
            assert text_of(seen) == shown
            assert seen[-1][1] == {"v": 1, "run": "followed", "state": "running"}
            assert CANARY not in orjson.dumps([answer, *seen]).decode()
        # Nothing else is for guests.
        assert viewer.emit("subscribe", {"v": 1, "runs": True})["code"] == "forbidden"
        assert viewer.emit("subscribe", "followed")["code"] == "bad-request"
        assert viewer.emit("subscribe", {"v": 1, "run": "none"})["code"] == "unknown-run"
        assert viewer.emit("subscribe", {"v": 1, "run": "followed", "epoch": 7})["code"] == "unknown-run"


def test_a_live_link_shows_what_follows(installation: Installation, ann: httpx.Client, guest: httpx.Client) -> None:
    writer = open_run(installation.store, "live", task="build.web")
    write_lines(writer, 1, 3)
    made = make(ann, "live", **{"from": 3, "live": True})
    assert open_link(guest, made).json()["to"] is None
    viewer = connect(installation, guest)
    assert viewer.emit("subscribe", {"v": 1, "run": "live"})["from"] == 3
    assert text_of([viewer.next_event()]) == "line 3\n"
    write_lines(writer, 4, 5)
    assert text_of([viewer.next_event()]) == "line 4\nline 5\n"
    with guest.stream("GET", "/api/v1/runs/live/log.txt?follow=true") as following:
        pieces = following.iter_text()
        read = next(pieces)
        write_lines(writer, 6, 6)
        finish(writer, why=CANARY)
        read += "".join(pieces)
    assert read == "line 3\nline 4\nline 5\nline 6\n"
    seen = until(viewer, "tail-end")
    assert text_of(seen) == "line 6\n"
    assert seen[-1] == ("tail-end", {"v": 1, "run": "live", "state": "succeeded"})
    assert CANARY not in orjson.dumps(seen).decode()


def test_a_guest_may_nothing_else(installation: Installation, ann: httpx.Client, guest: httpx.Client) -> None:
    hidden_run(installation, "alone")
    hidden_run(installation, "another")
    made = make(ann, "alone", **{"from": 8, "to": 13})
    open_link(guest, made)
    wanted = [
        ("GET", "/api/v1/runs"), ("GET", "/api/v1/runs/alone"), ("GET", "/api/v1/runs/alone/outline"),
        ("GET", "/api/v1/tasks"), ("GET", "/api/v1/workers"), ("GET", "/api/v1/audit"), ("GET", "/api/v1/tokens"),
        ("POST", "/api/v1/runs"), ("POST", "/api/v1/runs/alone/cancel"), ("POST", "/api/v1/runs/alone/retry"),
        ("DELETE", "/api/v1/runs/alone"), ("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/none"),
        ("GET", "/api/v1/runs/alone/shares"), ("POST", "/api/v1/runs/alone/shares"),
        ("DELETE", f"/api/v1/shares/{made['id']}"),
        *(("GET", f"/api/v1/runs/another/{part}") for part in ("log", "log.txt", "log/search?q=a", "outline")),
    ]  # fmt: skip
    program = httpx.Client(base_url=installation.web.url, headers=bearer(made))
    for client in (guest, program):
        for method, path in wanted:
            answer = client.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code in (403, 404), (method, path, answer.text)
            assert CANARY not in answer.text
        about = client.get("/api/v1/session").json()
        assert (about["kind"], about["rights"]) == ("share", [])
    # The pages of those who log in lead there.
    for path in ("/", "/runs/alone", "/tokens", "/audit"):
        assert guest.get(path).status_code == 303
    shown = guest.get(made["address"].partition("#")[0])
    assert shown.headers["X-Robots-Tag"].startswith("noindex")


def test_who_may_read_the_run_anyway_is_told_so(installation: Installation, ann: httpx.Client) -> None:
    hidden_run(installation, "mine")
    made = make(ann, "mine", **{"from": 8, "to": 13})
    assert open_link(ann, made).json()["whole"] is True
    assert ann.get("/api/v1/runs/mine/log").json()["lines"] == 20
    # Who is logged in without the right keeps the login, and gets the lines.
    with browser(installation.web.url) as eve:
        log_in(eve, "eve")
        assert eve.get("/api/v1/runs/mine/log").status_code == 404
        assert open_link(eve, made).json()["whole"] is False
        assert eve.get("/api/v1/runs/mine/log.txt").text == SHOWN
        assert eve.get("/api/v1/session").json()["name"] == "eve"
        assert eve.get("/api/v1/runs/mine").status_code in (403, 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from": 8, "to": 7}, "from"),
        ({"from": 21}, "from"),
        ({"from": 8, "to": 21}, "to"),
        ({"from": 8, "to": 9, "live": True}, "to"),
        ({"from": 22, "live": True}, "from"),
        ({"from": 0}, "from"),
        ({"seconds": 7 * 86_400 + 1}, "seconds"),
        ({"seconds": 0}, "seconds"),
    ],
)
def test_a_range_that_is_not_there_is_refused(
    installation: Installation, ann: httpx.Client, body: dict[str, Any], field: str
) -> None:
    run_id = uuid.uuid4().hex
    hidden_run(installation, run_id)
    refused = ann.post(f"/api/v1/runs/{run_id}/shares", json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_who_may_share_and_not_read_learns_of_no_run(installation: Installation) -> None:
    hidden_run(installation, "unseen")
    with browser(installation.web.url) as sal:
        log_in(sal, "sal")
        answers = [sal.post(f"/api/v1/runs/{run_id}/shares", json={}) for run_id in ("unseen", "none")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace("unseen", "none") == answers[1].text


def test_a_link_that_works_is_opened_so_often_a_minute(
    installation: Installation, ann: httpx.Client, guest: httpx.Client
) -> None:
    """Each browser without a session gets one, and the store keeps it for hours."""
    hidden_run(installation, "popular")
    made, other = make(ann, "popular"), make(ann, "popular")
    assert open_link(guest, made).status_code == 200
    fill(installation.store, "opened")
    refused = open_link(guest, made)
    assert (refused.status_code, refused.json()["limit"]) == (429, "opened")
    # Who has it already reads on, and other links work.
    assert guest.get("/api/v1/runs/popular/log").status_code == 200
    assert open_link(guest, other).status_code == 200
    let_pass(installation.store, int(refused.headers["Retry-After"]))
    assert open_link(guest, made).status_code == 200


def test_without_a_body_the_log_as_it_is_now_is_shared(installation: Installation, ann: httpx.Client) -> None:
    hidden_run(installation, "whole", over=False)
    made = make(ann, "whole")
    assert (made["from"], made["to"], made["live"]) == (1, 20, False)
    assert made["ends_ms"] - made["made_ms"] == 86_400_000
    open_run(installation.store, "silent", task="build.web")
    refused = ann.post("/api/v1/runs/silent/shares", json={})
    assert "nothing was printed yet" in refused.text
    assert make(ann, "silent", live=True)["to"] is None


def test_the_links_of_a_run_are_listed_and_revoked(installation: Installation, ann: httpx.Client) -> None:
    hidden_run(installation, "listed")
    made = [make(ann, "listed", **{"from": 8, "to": 13}), make(ann, "listed", live=True)]
    listed = ann.get("/api/v1/runs/listed/shares").json()["shares"]
    assert {one["id"] for one in listed} == {one["id"] for one in made}
    assert not any("token" in one or "address" in one for one in listed)
    assert {(one["maker"], one["works"], one["revocable"]) for one in listed} == {("ann", True, True)}
    with browser(installation.web.url) as bob, browser(installation.web.url) as admin:
        log_in(bob, "bob")
        log_in(admin)
        assert {one["revocable"] for one in bob.get("/api/v1/runs/listed/shares").json()["shares"]} == {False}
        assert bob.delete(f"/api/v1/shares/{made[0]['id']}").status_code == 404
        assert ann.delete(f"/api/v1/shares/{made[0]['id']}").status_code == 204
        assert admin.delete(f"/api/v1/shares/{made[1]['id']}").status_code == 204
    assert ann.get("/api/v1/runs/listed/shares").json() == {"shares": []}
    assert ann.delete(f"/api/v1/shares/{made[0]['id']}").status_code == 404


def take_right(installation: Installation, **users: str) -> None:
    write_users(
        installation.directory / "users",
        **{"admin": "admins", "ann": "builders", "bob": "builders", "eve": "", **users},
    )


@pytest.mark.parametrize("how", ["revoked", "right", "user", "deleted", "epoch", "expired"])
def test_a_dead_link_ends_what_guests_see(
    installation: Installation, ann: httpx.Client, guest: httpx.Client, how: str
) -> None:
    run_id = f"dies-{how}"
    writer = hidden_run(installation, run_id, over=how == "deleted")
    made = make(ann, run_id, live=True, **{"from": 8, "seconds": 8 if how == "expired" else 60})
    if how == "deleted":
        # A run can be deleted when it is over: its guests are at its end already.
        open_link(guest, made)
        with browser(installation.web.url) as admin:
            log_in(admin)
            assert admin.delete(f"/api/v1/runs/{run_id}").status_code == 204
        assert guest.get(f"/api/v1/runs/{run_id}/log").status_code == 404
        assert open_link(guest, made).status_code == 404
        return
    open_link(guest, made)
    viewer = connect(installation, guest)
    assert viewer.emit("subscribe", {"v": 1, "run": run_id})["ok"]
    following = httpx.stream(
        "GET", f"{installation.web.url}/api/v1/runs/{run_id}/log.txt?follow=true", headers=bearer(made), timeout=30
    )
    with following as stream:
        pieces = stream.iter_text()
        assert next(pieces).startswith("line 8\n")
        began = time.monotonic()
        try:
            if how == "revoked":
                assert ann.delete(f"/api/v1/shares/{made['id']}").status_code == 204
            elif how == "right":
                take_right(installation, ann="")
            elif how == "user":
                take_right(installation, ann="builders", **{"ann-is-gone": ""})
                write_users(installation.directory / "users", admin="admins", bob="builders", eve="")
            elif how == "epoch":
                ahead = Cursor(writer.epoch, EntryId(1, 99), 99, b"\x01" * 32)
                assert reader.raise_epoch(installation.store, run_id, ahead) > writer.epoch
            seen = [viewer.next_event()]
            while seen[-1][0] not in ("denied", "tail-reset"):
                seen.append(viewer.next_event())
            took = time.monotonic() - began
            assert seen[-1][0] == ("tail-reset" if how == "epoch" else "denied")
            assert took < (BELL_SECONDS if how == "revoked" else 8 + SWEEP_SECONDS)
            print(f"{how}: the relay ended it after {took:.2f} s")
            # curl's stream breaks off instead of ending well.
            with pytest.raises(httpx.RemoteProtocolError):
                list(pieces)
            took = time.monotonic() - began
            assert took < 8 + SWEEP_SECONDS
            print(f"{how}: web broke off after {took:.2f} s")
            assert viewer.emit("subscribe", {"v": 1, "run": run_id})["code"] in ("unknown-run", "forbidden")
            assert guest.get(f"/api/v1/runs/{run_id}/log").status_code == 404
            assert open_link(guest, made).status_code == 404
            program = httpx.get(f"{installation.web.url}/api/v1/runs/{run_id}/log", headers=bearer(made))
            assert program.status_code == 401
        finally:
            take_right(installation)
    if how in ("right", "user"):
        # Until the file with her and her group is in force again.
        def reads() -> bool:
            let_pass(installation.store, 3600)  # the limit of wrong logins
            with browser(installation.web.url) as again:
                return log_in(again, "ann").is_success and again.get(f"/api/v1/runs/{run_id}").is_success

        wait_for(reads, 30)


def test_a_wrong_secret_and_an_unknown_link_look_alike_ten_times_a_minute(
    installation: Installation, ann: httpx.Client, guest: httpx.Client
) -> None:
    hidden_run(installation, "guessed")
    made = make(ann, "guessed")
    wrong = open_link(guest, made, "x" * 43)
    unknown = open_link(guest, {"address": f"/s/aaaaaaaaaa#{'x' * 43}"})
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    for _ in range(8):
        assert open_link(guest, made, "x" * 43).status_code == 404
    refused = open_link(guest, made, "x" * 43)
    assert refused.status_code == 429
    # From this address not even the right one is looked at, for as long as it says.
    again = open_link(guest, made)
    assert again.status_code == 429
    assert 0 < int(again.headers["Retry-After"]) <= 60
    let_pass(installation.store, int(again.headers["Retry-After"]))
    assert open_link(guest, made).status_code == 200


def test_forged_links_are_refused(installation: Installation, ann: httpx.Client, guest: httpx.Client) -> None:
    hidden_run(installation, "forged")
    made = make(ann, "forged")
    secret, token = made["address"].partition("#")[2], made["token"]
    for text in (
        token[:-1], token + "x", token.upper(), token.replace("rts1_", "rt1_"), token.replace("rts1_", "rts2_"),
        f"rts1_aaaaaaaaaa{token[15:]}", secret, digest_of(secret), f"rts1_{made['id']}_{digest_of(secret)[:43]}_aaaaaa",
    ):  # fmt: skip
        for path in ("/api/v1/session", "/api/v1/runs/forged/log"):
            answer = httpx.get(installation.web.url + path, headers={"Authorization": f"Bearer {text}"})
            assert answer.status_code == 401, text
        with pytest.raises(websocket.WebSocketBadStatusException):
            Client(installation.relay.url, headers=[f"Authorization: Bearer {text}"], origin=False)
        let_pass(installation.store, 3600)
    # A share is no session, and a session no share.
    (cookie,) = ann.cookies.jar
    for value in (secret, made["id"], token, digest_of(secret)):
        forged = httpx.get(f"{installation.web.url}/api/v1/session", headers={"Cookie": f"{cookie.name}={value}"})
        assert forged.status_code == 401
    assert cookie.value is not None
    assert open_link(guest, made, cookie.value).status_code == 404
    assert open_link(guest, made, digest_of(secret)).status_code == 404
    # The store knows no secret.
    keys = list(installation.store.client.scan_iter(match=f"{installation.store.keys.auth_prefix}*"))
    assert not any(secret.encode() in (installation.store.client.dump(key) or b"") for key in keys)
    assert secret not in installation.web.process.output() + installation.relay.process.output()


def test_a_foreign_page_opens_no_link(installation: Installation, ann: httpx.Client) -> None:
    hidden_run(installation, "foreign")
    made = make(ann, "foreign")
    with httpx.Client(base_url=installation.web.url) as client:
        for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            client.headers = httpx.Headers(headers)
            answer = open_link(client, made)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers


def test_a_browser_holds_twenty_links(installation: Installation, ann: httpx.Client, guest: httpx.Client) -> None:
    names = [f"held-{number}" for number in range(MAX_SHARES + 1)]
    for name in names:
        write_lines(open_run(installation.store, name, task="build.web"), 1, 2)
        assert open_link(guest, make(ann, name)).status_code == 200
    found = [guest.get(f"/api/v1/runs/{name}/log.txt").status_code for name in names]
    assert found == [404, *[200] * MAX_SHARES]
    assert len(guest.cookies.jar) == 1
    # Of two links to one run the last counts.
    open_link(guest, make(ann, names[-1], **{"from": 2, "to": 2}))
    assert guest.get(f"/api/v1/runs/{names[-1]}/log.txt").text == "line 2\n"
    assert guest.get(f"/api/v1/runs/{names[-2]}/log.txt").text == "line 1\nline 2\n"


def test_a_token_makes_links_that_die_with_it(installation: Installation, ann: httpx.Client) -> None:
    hidden_run(installation, "by-token")
    token = ann.post("/api/v1/tokens", json={"name": "sharer"}).json()
    with httpx.Client(base_url=installation.web.url, headers={"Authorization": f"Bearer {token['token']}"}) as program:
        made = make(program, "by-token", **{"from": 8, "to": 13})
    assert httpx.get(f"{installation.web.url}/api/v1/runs/by-token/log.txt", headers=bearer(made)).text == SHOWN
    (listed,) = ann.get("/api/v1/runs/by-token/shares").json()["shares"]
    assert (listed["maker"], listed["revocable"]) == ("ann (token sharer)", True)
    ann.delete(f"/api/v1/tokens/{token['id']}")
    assert httpx.get(f"{installation.web.url}/api/v1/runs/by-token/log.txt", headers=bearer(made)).status_code == 401
    (listed,) = ann.get("/api/v1/runs/by-token/shares").json()["shares"]
    assert listed["works"] is False


def test_a_link_of_another_mode_is_dead(installation: Installation) -> None:
    """With links everybody is an administrator: what they shared must not outlive the change to passwords."""
    hidden_run(installation, "other-mode")
    epoch = reader.head(installation.store, "other-mode").epoch
    text, _ = Shares(installation.store).make("other-mode", Clip(8, 13), epoch, anyone("somebody"), 600)
    answer = httpx.get(
        f"{installation.web.url}/api/v1/runs/other-mode/log", headers={"Authorization": f"Bearer {text.text}"}
    )
    assert answer.status_code == 401


def test_the_audit_log_says_who_shared_what_and_who_read_it(
    installation: Installation, ann: httpx.Client, guest: httpx.Client
) -> None:
    hidden_run(installation, "audited")
    made = make(ann, "audited", **{"from": 8, "to": 13})
    for _ in range(3):
        open_link(guest, made)
        curl = bearer(made) | {"User-Agent": "curl/8"}
        httpx.get(f"{installation.web.url}/api/v1/runs/audited/log", headers=curl)
    open_link(guest, made, "x" * 43)
    ann.delete(f"/api/v1/shares/{made['id']}")
    found = [
        (one["event"], one["outcome"], one["who_id"], one["why"])
        for one in audit_entries(installation.web.process)
        if one["run"] == "audited"
    ]
    assert found == [
        ("share-made", "ok", "user:ann", f"{made['id']}, lines 8-13"),
        ("share-opened", "ok", f"share:{made['id']}", ""),
        ("share-opened", "ok", f"share:{made['id']}", ""),
        ("share-revoked", "ok", "user:ann", made["id"]),
    ]
    failed = [one for one in audit_entries(installation.web.process) if one["outcome"] == "failed"]
    assert {one["address"] for one in failed if one["event"] == "share-opened"} == {"127.0.0.1"}
