"""``runtail policy check``: whether a file can be used, and which grant gives which right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runtail.access.rights import RIGHTS, ROLES
from runtail.cli import main

POLICY = """
[[grant]]
to = ["group:builders"]
role = "operator"
tasks = ["build.*"]
labels = { team = "builders" }

[[grant]]
to = ["everyone"]
rights = ["run:read", "log:read"]
who = "self"

[[grant]]
to = ["user:*"]
role = "admin"
queues = ["sandbox"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["policy", "check", *map(str, arguments)])


def rights(output: str) -> dict[str, str]:
    """Return the lines with a right, by right."""
    lines = [line.split("\t") for line in output.splitlines()]
    return {line[0]: line[1] for line in lines if line[0] in RIGHTS}


def test_a_file_that_can_be_used_is_shown(file: Path) -> None:
    result = run(file)
    assert result.exit_code == 0
    assert "can be used: 3 grants, digest" in result.stderr
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        ["1", "group:builders", "operator", "tasks build.*; label team: builders"],
        ["2", "everyone", "run:read, log:read", "own runs"],
        ["3", "user:*", "admin", "queues sandbox"],
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[grant]]\nto = ["everyone"]\nrole = "owner"', "cannot be used: grant 1: role: there is no role 'owner'"),
        ("", "it has no grant"),
        ("\ufeff[[", "it is not TOML"),
        (None, "cannot be read"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_ends_with_1(tmp_path: Path, text: Any, words: str) -> None:
    path = tmp_path / "policy.toml"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    result = run(path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert str(path) in result.stderr


def test_it_explains_what_somebody_may_do_on_a_task(file: Path) -> None:
    result = run(file, "--as", "group:builders", "--task", "build.app", "--label", "team=builders")
    assert "group:builders: grants 1, 2." in result.stderr
    found = rights(result.stdout)
    assert set(found) == set(RIGHTS)
    assert found["run:start"] == "grant 1"
    assert found["log:read"] == "grant 1; grant 2, if they started it"
    assert found["run:delete"] == found["admin"] == "-"
    # Without the label, and for another task, the first grant says nothing.
    for other in (["--task", "build.app"], ["--task", "deploy.app", "--label", "team=builders"]):
        found = rights(run(file, "--as", "group:builders", *other).stdout)
        assert found["run:start"] == "-"
        assert found["log:read"] == "grant 2, if they started it"


def test_a_user_has_the_grants_of_their_groups_and_of_all_users(file: Path) -> None:
    result = run(file, "--as", "user:ann", "--as", "group:builders", "--task", "x", "--queue", "sandbox")
    assert "user:ann and group:builders: grants 1, 2, 3." in result.stderr
    found = rights(result.stdout)
    assert found["run:delete"] == "grant 3"
    assert found["admin"] == "-"
    assert "oidc:https://id.example:7: grant 2." in run(file, "--as", "oidc:https://id.example:7").stderr


def test_programs_read_json(file: Path) -> None:
    found = json.loads(run(file, "--as", "user:ann", "--json").stdout)
    assert [one["number"] for one in found["grants"]] == [2, 3]
    assert len(found["digest"]) == 12
    assert {right for right, by in found["rights"].items() if 3 in by["grants"]} == ROLES["admin"] - {"admin"}
    assert found["rights"]["log:read"] == {"grants": [2, 3], "if_own": []}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--as", "ann"], "'ann' names nobody"),
        (["--as", "user:ann", "--as", "user:bob"], "name one user or token"),
        (["--as", "user:ann", "--task", "a", "--run", "b"], "cannot be used together"),
        (["--task", "a"], "go with --as"),
        (["--as", "user:ann", "--queue", "a"], "go with --task"),
        (["--as", "user:ann", "--task", "a", "--label", "team"], "'team' is not KEY=VALUE"),
        (["--as", "user:ann", "--task", "a", "--label", "my team=x"], "'my team' cannot be the key"),
    ],
)
def test_a_wrong_command_line_ends_with_2(file: Path, arguments: list[str], words: str) -> None:
    result = run(file, *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
