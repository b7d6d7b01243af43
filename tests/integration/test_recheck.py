"""Many logins are compared with the store again and again: each change must be seen by the round after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runtail.access.principal import Grant, Principal
from runtail.access.rights import ROLES
from runtail.auth.authenticator import Authenticator, make_authenticator
from runtail.auth.policy_file import PolicyFile
from runtail.auth.remembered import READ_AT_ONCE
from runtail.auth.sessions import Sessions
from runtail.auth.tokens import Tokens
from runtail.auth.users import Users
from runtail.store import Store
from tests.support.logins import grant, write, write_users
from tests.support.proxied import SETTINGS
from tests.support.runs import make_store
from tests.support.waiting import wait_for

VIEWER, OPERATOR = (frozenset((Grant(ROLES[role]),)) for role in ("viewer", "operator"))
POLICY = grant("group:viewers", "viewer") + grant("group:operators", "operator")


class Stage:
    """Two people with sessions, and a relay's authenticator that has looked at both of them before."""

    def __init__(self, store: Store, policy: Path) -> None:
        self.store, self.policy = store, policy
        self.users, self.sessions = Users(store), Sessions(store)
        self.authenticator: Authenticator = make_authenticator(store, PolicyFile(store.settings), touch=False)
        self.digests = {}
        for name in ("ann", "bob"):
            user = self.users.put(f"user:{name}", ["viewers"])
            _, session = self.sessions.begin("login", f"user:{name}", name, user)
            self.digests[name] = session.digest
        for _ in range(2):
            assert self.look() == [VIEWER, VIEWER]

    def look(self) -> list[frozenset[Grant] | None]:
        """Return the grants of both; None for whose login has ended."""
        return grants_of(self.authenticator, [f"session:{digest}" for digest in self.digests.values()])


def grants_of(authenticator: Authenticator, credentials: list[str]) -> list[frozenset[Grant] | None]:
    asked = [Principal("anonymous", "", "", frozenset(), credential) for credential in credentials]
    return [one.grants if one else None for one in authenticator.recheck(asked)]


@pytest.fixture
def stage(redis_url: str, key_prefix: str, tmp_path: Path) -> Stage:
    policy = write(tmp_path / "policy.toml", POLICY)
    settings = {
        "auth_mode": "password",
        "auth_users_file": str(write_users(tmp_path / "users", admin="admins")),
        "auth_policy_file": str(policy),
    }
    return Stage(make_store(redis_url, key_prefix, **settings), policy)


def end_by_time(stage: Stage) -> None:
    key = stage.store.keys.session(stage.digests["ann"])
    stage.store.client.pexpire(key, 1)
    wait_for(lambda: not stage.store.client.exists(key), 10)


def write_what_cannot_be_read(stage: Stage) -> None:
    stage.store.client.hset(stage.store.keys.session(stage.digests["ann"]), "gen", "many")


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (end_by_time, None),
        (write_what_cannot_be_read, None),
        (lambda stage: stage.sessions.end(stage.digests["ann"]), None),
        (lambda stage: stage.users.lock("user:ann"), None),
        (lambda stage: stage.users.remove("user:ann"), None),
        (lambda stage: stage.users.end_sessions("user:ann"), None),
        (lambda stage: stage.users.put("user:ann", ["viewers"], password="new"), None),
        (lambda stage: stage.users.put("user:ann", ["operators"]), OPERATOR),
        (lambda stage: stage.users.put("user:ann", []), frozenset()),
    ],
    ids=["time", "unreadable", "logout", "lock", "removal", "all sessions", "password", "groups", "no group"],
)  # fmt: skip
def test_a_change_is_seen_by_the_next_round(
    stage: Stage, change: Callable[[Stage], object], after: frozenset[Grant] | None
) -> None:
    change(stage)
    assert stage.look() == [after, VIEWER]
    assert stage.look() == [after, VIEWER]


def test_a_right_comes_back_with_what_took_it(stage: Stage) -> None:
    stage.users.lock("user:ann")
    assert stage.look() == [None, VIEWER]
    stage.users.unlock("user:ann")
    assert stage.look() == [VIEWER, VIEWER]


def test_a_new_policy_counts_for_people_who_have_not_changed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtail.auth.policy_file.LOOK_SECONDS", 0.0)
    write(stage.policy, grant("group:viewers", "operator"))
    assert stage.look() == [OPERATOR, OPERATOR]


def test_a_lost_script_is_loaded_again(stage: Stage) -> None:
    stage.store.client.script_flush()
    stage.sessions.end(stage.digests["ann"])
    assert stage.look() == [None, VIEWER]


def test_many_people_get_what_is_theirs(stage: Stage) -> None:
    """More than one command reads."""
    credentials, expected = [], []
    for number in range(2 * READ_AT_ONCE + 3):
        group, grants = (("viewers", VIEWER), ("operators", OPERATOR))[number % 2]
        user = stage.users.put(f"user:person-{number}", [group])
        _, session = stage.sessions.begin("login", f"user:person-{number}", "x", user)
        credentials.append(f"session:{session.digest}")
        expected.append(grants)
    assert grants_of(stage.authenticator, credentials) == expected
    stage.users.lock(f"user:person-{READ_AT_ONCE}")
    found: list[frozenset[Grant] | None] = [*expected]
    found[READ_AT_ONCE] = None
    assert grants_of(stage.authenticator, credentials) == found


def test_owners_of_tokens_and_people_whom_a_proxy_knows_are_looked_at_as_well(
    redis_url: str, key_prefix: str, tmp_path: Path
) -> None:
    policy = str(write(tmp_path / "policy.toml", POLICY))
    store = make_store(redis_url, key_prefix, **{**SETTINGS, "auth_policy_file": policy})
    users, tokens = Users(store), Tokens(store)
    credentials = []
    for name in ("ann", "bob"):
        users.put(f"proxy:{name}", ["viewers"])
        credentials.append(f'proxy:["{name}", "{name}", ["viewers"]]')
        credentials.append(f"token:{tokens.make('ci', f'proxy:{name}', name, ROLES['viewer'], days=1)[1].id}")
    authenticator = make_authenticator(store, PolicyFile(store.settings), touch=False)
    for _ in range(2):
        assert grants_of(authenticator, credentials) == [VIEWER] * 4
    users.lock("proxy:ann")
    assert grants_of(authenticator, credentials) == [None, None, VIEWER, VIEWER]
    users.put("proxy:bob", [])
    # What a proxy has said of groups counts until it says otherwise; tokens have the groups of now.
    assert grants_of(authenticator, credentials) == [None, None, VIEWER, frozenset()]
    tokens.revoke(credentials[3].partition(":")[2])
    assert grants_of(authenticator, credentials)[3] is None
