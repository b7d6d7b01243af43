"""docs/access.md against the code: the rights of each role, the keys of a grant, and every example."""

from __future__ import annotations

import re
from pathlib import Path

from runtail.access.labels import MAX_LABELS, MAX_VALUE_CHARS, check_labels
from runtail.access.policy import GRANT_KEYS, LOGINS, default_policy, parse_policy
from runtail.access.principal import Grant
from runtail.access.rights import RIGHTS, ROLES

TEXT = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ")]


def test_the_table_of_rights_is_that_of_the_roles() -> None:
    heading = next(row for row in ROWS if row[0] == "right")
    assert heading[1:4] == list(ROLES)
    shown = {row[0].strip("`"): tuple(row[1:4]) for row in ROWS if row[0].strip("`") in RIGHTS}
    assert shown == {right: tuple("x" if right in ROLES[role] else "" for role in ROLES) for right in RIGHTS}


def test_the_table_of_keys_has_every_key() -> None:
    assert {row[0].strip("`") for row in ROWS if row[0].strip("`") in GRANT_KEYS} == set(GRANT_KEYS)
    for login in LOGINS:
        assert f"`{login}:*`" in TEXT


def test_the_example_is_a_policy_that_does_what_it_says() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
    policy = parse_policy(example)
    assert policy.grants_of("user:bob", ["builders"]) == {
        Grant(ROLES["operator"], tasks=frozenset(("build.*", "deploy.web"))),
        Grant(ROLES["viewer"], own=True),
    }
    on_duty = Grant(frozenset(("run:read", "log:read", "tasks:read", "workers:read")), queues=frozenset(("live",)))
    assert on_duty in policy.grants_of("user:ann", [])
    assert Grant(ROLES["admin"]) in policy.grants_of("oidc:i:1", ["admins"])


def test_every_inline_example_of_labels_can_be_used() -> None:
    found = re.findall(r"`(\{ team = .*? \})`", TEXT)
    assert len(found) == 2
    for labels in found:
        parse_policy(f'[[grant]]\nto = ["everyone"]\nrole = "viewer"\nlabels = {labels}')
    assert 'runtail={"labels": {"team": "builders"}}' in TEXT
    check_labels({"team": "builders", "ticket": "T-1"})
    assert f"at most {MAX_LABELS} labels" in TEXT
    assert f"{MAX_VALUE_CHARS} printable" in " ".join(TEXT.split())


def test_two_grants_let_people_start_and_see_their_own() -> None:
    words = re.findall(r"`(rights = \[.*?\]|role = \"operator\"|who = \"self\")`", TEXT)
    policy = parse_policy(
        f'[[grant]]\nto = ["everyone"]\n{words[1]}\n[[grant]]\nto = ["everyone"]\n{words[2]}\n{words[3]}'
    )
    assert policy.grants_of("user:ann", []) == {
        Grant(frozenset(("tasks:read", "run:start"))),
        Grant(ROLES["operator"], own=True),
    }


def test_what_holds_without_a_file_is_so() -> None:
    policy = default_policy({"password", "oidc"})
    assert policy.grants_of("user:ann", []) == {Grant(ROLES["viewer"])}
    assert policy.grants_of("oidc:i:1", []) == frozenset()
    assert policy.grants_of("oidc:i:1", ["admins"]) == {Grant(ROLES["admin"])}
