"""Hundreds of viewers with a login come in the same moment, as when another relay has died: all of them are let in."""

from __future__ import annotations

from pathlib import Path

from tests.support.audience import Audience
from tests.support.installation import Installation
from tests.support.logins import browser, grant, log_in, write, write_users
from tests.support.runs import open_run, write_lines
from tests.support.sharing import make
from tests.support.waiting import wait_for

#: More than the store's client has connections.
VIEWERS = 300


def test_nobody_is_told_that_the_store_is_away(tmp_path: Path, redis_url: str) -> None:
    installation = Installation(
        tmp_path, redis_url, services=("web", "socket"), auth_mode="password", limit_sockets=0, lease_seconds=600,
        auth_users_file=write_users(tmp_path / "users", ann="builders"),
        auth_policy_file=write(tmp_path / "policy.toml", grant("group:builders", "operator")),
    )  # fmt: skip
    with installation, browser(installation.web.url) as ann:
        write_lines(open_run(installation.store, "one", task="build.web"), 1, 3)
        assert log_in(ann, "ann").status_code == 200
        token = make(ann, "one", live=True)["token"]
        port = installation.relay.port
        # Guests, for a user has 20 connections at most.
        with Audience(lambda: port, ["one"], VIEWERS, tokens=[token], guests=True) as guests:
            wait_for(lambda: guests.following == VIEWERS, 120)
        assert installation.relay.metric('runtail_socket_refused_total{reason="store"}') == 0
