"""What web and relay expose of the login: the mode, the policy, and files that they could not read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtail.access.policy import parse_policy
from tests.support.http_get import http_get
from tests.support.installation import Installation
from tests.support.logins import grant, write_users
from tests.support.services import Service
from tests.support.waiting import wait_for


def shown(service: Service) -> set[str]:
    """Return the samples about the login that are not 0."""
    _, text = http_get(f"http://127.0.0.1:{service.admin_port}/metrics")
    return {
        line.removeprefix("runtail_auth_").removesuffix(" 1.0")
        for line in text.splitlines()
        if line.startswith("runtail_auth_") and not line.endswith(" 0.0")
    }


def policy_info(text: str) -> str:
    return f'policy_info{{digest="{parse_policy(text).digest}"}}'


def test_files_that_change_and_files_that_cannot_be_used(tmp_path: Path, redis_url: str) -> None:
    first, second = grant("group:admins", "admin"), grant("group:builders", "operator")
    policy, tokens = tmp_path / "policy.toml", tmp_path / "tokens"
    policy.write_text(first)
    tokens.write_text("")
    users = write_users(tmp_path / "users", admin="admins")
    good = users.read_text()
    settings: dict[str, Any] = {"auth_users_file": users, "auth_policy_file": policy, "auth_tokens_file": tokens}
    with Installation(
        tmp_path, redis_url, services=("web", "socket"), auth_mode="password", **settings
    ) as installation:

        def both_show(*samples: str, web: frozenset[str] = frozenset()) -> None:
            expected = {'mode{mode="password"}', *samples}
            wait_for(
                lambda: shown(installation.relay) == expected and shown(installation.web) == expected | web,
                20,
                lambda: f"{shown(installation.relay)} {shown(installation.web)}",
            )

        both_show(policy_info(first))
        # Nobody asks for anything: the scrape itself looks.
        policy.write_text(second)
        both_show(policy_info(second))
        policy.write_text("[[grant]]\n")
        tokens.write_text("no token\n")
        users.write_text("no user\n")
        stale = 'file_stale{file="policy"}', 'file_stale{file="tokens"}'
        users_stale = frozenset(('file_stale{file="users"}',))
        both_show(policy_info(second), *stale, web=users_stale)
        policy.unlink()
        both_show(policy_info(second), *stale, web=users_stale)
        policy.write_text(first)
        tokens.write_text("")
        users.write_text(good)
        both_show(policy_info(first))


def test_no_login_is_told_where_others_may_come_in(tmp_path: Path, redis_url: str) -> None:
    for anywhere, exposed in ((True, {"exposed"}), (False, set())):
        directory = tmp_path / str(anywhere)
        directory.mkdir()
        with Installation(
            directory, redis_url, services=("web", "socket"), auth_none_anywhere=anywhere
        ) as installation:
            for service in (installation.web, installation.relay):
                found = {one for one in shown(service) if not one.startswith("policy_info")}
                assert found == {'mode{mode="none"}', *exposed}
