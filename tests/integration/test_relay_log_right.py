"""Who may read a run's log and not its record follows it, in the relay and on the command line, and gets no record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.command import Command
from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, grant, log_in, write, write_users
from tests.support.relay import Client
from tests.support.runs import finish, open_run, write_lines

CANARY = "canary-of-the-record"


def test_the_right_to_a_log_gives_no_record(tmp_path: Path, redis_url: str) -> None:
    policy = grant("group:own", "viewer", tasks=["own.*"]) + (
        '[[grant]]\nto = ["group:own"]\nrights = ["log:read"]\ntasks = ["others.*"]\n'
    )
    found = Installation(
        tmp_path, redis_url, services=("web", "socket"), auth_mode="password",
        auth_users_file=write_users(tmp_path / "users", ann="own"),
        auth_policy_file=write(tmp_path / "policy.toml", policy),
    )  # fmt: skip
    found.relay.configure(allowed_origins=found.web.url)
    with found, browser(found.web.url) as ann:
        for run_id in ("own", "others"):
            writer = open_run(found.store, run_id, task=f"{run_id}.task")
            write_lines(writer, 1, 3)
            fields: dict[Any, Any] = {"who": CANARY, "queue": CANARY, "kwargs": orjson.dumps({"of": CANARY})}
            found.store.client.hset(found.store.keys.run(run_id), mapping=fields)
            finish(writer)
        assert log_in(ann).status_code == 401
        assert log_in(ann, "ann").status_code == 200
        assert ann.get("/api/v1/runs/others").status_code == 403
        assert ann.get("/api/v1/runs/others/log.txt").text == "line 1\nline 2\nline 3\n"
        headers = [cookie_header(ann), f"Origin: {found.web.url}"]
        client = Client(found.relay.url, headers=headers, origin=False).join()
        own = client.emit("subscribe", {"v": 1, "run": "own"})
        assert own["record"]["queue"] == CANARY
        others = client.emit("subscribe", {"v": 1, "run": "others"})
        assert (others["ok"], others["state"], others["lines"]) == (True, "succeeded", 3)
        assert "record" not in others
        assert CANARY not in orjson.dumps(others).decode()


def test_who_has_no_other_right_follows_a_run(tmp_path: Path, redis_url: str) -> None:
    found = Installation(
        tmp_path, redis_url, services=("web", "socket"), auth_mode="password",
        auth_users_file=write_users(tmp_path / "users", ann="own"),
        auth_policy_file=write(tmp_path / "policy.toml", grant("group:own", "viewer")),
    )  # fmt: skip
    found.web.configure(socket_url=found.relay.url)
    with found, browser(found.web.url) as ann:
        writer = open_run(found.store, "one", task="own.task")
        write_lines(writer, 1, 3)
        assert log_in(ann, "ann").status_code == 200
        token = ann.post("/api/v1/tokens", json={"name": "follows", "rights": ["log:read"]}).json()["token"]
        relay_only = Client(found.relay.url, headers=[f"Authorization: Bearer {token}"], origin=False).join()
        answer = relay_only.emit("subscribe", {"v": 1, "run": "one"})
        assert (answer["ok"], answer["state"], answer["lines"]) == (True, "running", 3)
        refused = relay_only.emit("subscribe", {"v": 1, "runs": True})
        assert (refused["code"], "run:read" in refused["message"]) == ("forbidden", True)

        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("RUNTAIL_TOKEN", token)
            command = Command(tmp_path, found.web.url, "follow", "one", "--from", "2")
        command.wait_for_lines(2)
        write_lines(writer, 4, 5)
        finish(writer)
        assert command.wait() == 0, command.err
        assert command.out == b"line 2\nline 3\nline 4\nline 5\n"
        assert "verified" in command.err
        assert "no relay" not in command.err
