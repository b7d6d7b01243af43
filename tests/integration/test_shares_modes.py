"""Share links where people log in in other ways, where there are none, and as the page on logins shows them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtail.access.principal import anyone
from runtail.auth.login_codes import make_login_code
from runtail.auth.shares import Shares
from runtail.log import reader
from runtail.protocol import Clip
from tests.support.documentation import commands
from tests.support.installation import Installation
from tests.support.logins import browser
from tests.support.proxied import SETTINGS, logged_in
from tests.support.runs import open_run, write_lines
from tests.support.sharing import SHOWN, bearer, hidden_run, make, open_link

PAGE = Path(__file__).parents[2] / "docs/login.md"


def test_the_documented_command_reads_the_lines(tmp_path: Path, redis_url: str) -> None:
    with Installation(tmp_path, redis_url, services=("web",), auth_mode="link") as found:
        hidden_run(found, "build-1234")
        with browser(found.web.url) as owner:
            assert owner.post("/auth/link", json={"code": make_login_code(found.store)}).status_code == 200
            made = make(owner, "build-1234", **{"from": 8, "to": 13})
        (command,) = commands(PAGE, "Share a run with a guest")
        done = subprocess.run(
            ["bash", "-euc", command.replace("https://runtail.example", found.web.url)],
            env={**os.environ, "TOKEN": made["token"]}, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert done.stdout == SHOWN


def test_links_that_are_there_die_when_links_are_turned_off(tmp_path: Path, redis_url: str) -> None:
    with Installation(tmp_path, redis_url, services=("web",), auth_mode="link", auth_share_seconds=0) as found:
        hidden_run(found, "one")
        epoch = reader.head(found.store, "one").epoch
        text, share = Shares(found.store).make("one", Clip(8, 13), epoch, anyone("somebody"), 600)
        shown = {"Authorization": f"Bearer {text.text}"}
        assert httpx.get(f"{found.web.url}/api/v1/runs/one/log.txt", headers=shown).status_code == 401
        with browser(found.web.url) as guest:
            assert open_link(guest, {"address": f"/s/{share.id}#{text.secret}"}).status_code == 404
            assert guest.get("/api/v1/runs/one/log.txt").status_code == 401


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"auth_mode": "none"}, "no-login"), ({"auth_mode": "link", "auth_share_seconds": 0}, "no-shares")],
)
def test_there_are_no_links_where_they_are_off(
    tmp_path: Path, redis_url: str, settings: dict[str, Any], code: str
) -> None:
    with Installation(tmp_path, redis_url, services=("web",), **settings) as found:
        write_lines(open_run(found.store, "one"), 1, 3)
        with browser(found.web.url) as client:
            if code == "no-shares":
                assert client.post("/auth/link", json={"code": make_login_code(found.store)}).status_code == 200
            refused = client.post("/api/v1/runs/one/shares", json={})
            assert (refused.status_code, refused.json()["code"]) == (409, code)
            opened = open_link(client, {"address": f"/s/aaaaaaaaaa#{'x' * 43}"})
            assert opened.status_code == 404


def test_with_mode_link_a_guest_is_a_guest(tmp_path: Path, redis_url: str) -> None:
    """Sessions without a user are administrators in this mode, but for those of guests."""
    with Installation(tmp_path, redis_url, services=("web",), auth_mode="link") as found:
        hidden_run(found, "one")
        with browser(found.web.url) as owner, browser(found.web.url) as guest:
            assert owner.post("/auth/link", json={"code": make_login_code(found.store)}).status_code == 200
            token = owner.post("/api/v1/tokens", json={"name": "mine"}).json()
            made = make(owner, "one", **{"from": 8, "to": 13})
            assert open_link(guest, made).status_code == 200
            assert guest.get("/api/v1/runs/one/log.txt").text == SHOWN
            assert guest.get("/api/v1/runs").status_code == 403
            # Whose things have no owner here.
            assert guest.delete(f"/api/v1/tokens/{token['id']}").status_code == 404
            assert guest.delete(f"/api/v1/shares/{made['id']}").status_code == 403
            assert guest.get("/api/v1/session").json()["rights"] == []
            assert owner.delete(f"/api/v1/shares/{made['id']}").status_code == 204
            assert guest.get("/api/v1/runs/one/log.txt").status_code == 404


def test_with_a_proxy_guests_come_past_it(tmp_path: Path, redis_url: str) -> None:
    with Installation(tmp_path, redis_url, services=("web",), **SETTINGS) as found:
        hidden_run(found, "one")
        with browser(found.web.url, **logged_in("ann", "admins")) as owner, browser(found.web.url) as guest:
            made = make(owner, "one", **{"from": 8, "to": 13})
            assert httpx.get(f"{found.web.url}/api/v1/runs/one/log.txt", headers=bearer(made)).text == SHOWN
            # The proxy may hand on who is logged in: the link is what was shown.
            both = bearer(made) | logged_in("eve")
            assert httpx.get(f"{found.web.url}/api/v1/runs/one/log.txt", headers=both).text == SHOWN
            assert open_link(guest, made).status_code == 200
            assert guest.get("/api/v1/runs/one/log.txt").text == SHOWN
            assert guest.get("/api/v1/runs").status_code == 403
            assert owner.delete(f"/api/v1/shares/{made['id']}").status_code == 204
            assert guest.get("/api/v1/runs/one/log.txt").status_code == 404
