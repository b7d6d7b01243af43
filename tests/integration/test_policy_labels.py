"""A policy with labels and own runs, through the door: logins, the file, starts, the list and the relay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, log_in, write, write_users
from tests.support.relay import Client

POLICY = """
[[grant]]
to = ["group:admins"]
role = "admin"

[[grant]]
to = ["group:builders"]
role = "operator"
labels = { team = "builders" }

[[grant]]
to = ["group:testers"]
role = "operator"
labels = { team = ["testers", "qa"] }

[[grant]]
to = ["user:eve"]
rights = ["tasks:read", "run:start"]
tasks = ["tools.*"]

[[grant]]
to = ["user:eve"]
role = "operator"
who = "self"
"""
TASKS = {"any.build": {"team": "builders"}, "any.test": {"team": "qa"}, "tools.free": {}}


@pytest.fixture
def installation(tmp_path: Path, redis_url: str) -> Iterator[Installation]:
    users = write_users(tmp_path / "users", admin="admins", ann="builders", bob="testers", eve="")
    settings: dict[str, Any] = {
        "auth_mode": "password",
        "auth_users_file": users,
        "auth_policy_file": write(tmp_path / "policy.toml", POLICY),
    }
    made = Installation(tmp_path, redis_url, services=("web", "socket"), **settings)
    made.relay.configure(allowed_origins=made.web.url)
    with made as found:
        for name, labels in TASKS.items():
            queue = f"{found.store.settings.key_prefix}queue"
            task: dict[str, Any] = {"name": name, "schema": {"type": "object"}, "queue": queue, "labels": labels}
            found.store.client.hset(found.store.keys.tasks(), name, orjson.dumps(task))
        yield found


def start(client: httpx.Client, task: str, **labels: str) -> httpx.Response:
    return client.post("/api/v1/runs", json={"task": task, "kwargs": {}, "labels": labels})


def seen(client: httpx.Client, **query: str) -> set[str]:
    """Return the runs in somebody's list."""
    return {run["id"] for run in client.get("/api/v1/runs", params=query).json()["runs"]}


def test_declared_labels_and_own_runs_count_and_added_labels_do_not(installation: Installation) -> None:
    url = installation.web.url
    with browser(url) as admin, browser(url) as ann, browser(url) as bob, browser(url) as eve:
        for client, name in ((admin, "admin"), (ann, "ann"), (bob, "bob"), (eve, "eve")):
            assert log_in(client, name).status_code == 200
        build = start(ann, "any.build", ticket="T-1").json()["id"]
        test = start(bob, "any.test").json()["id"]
        # Each team knows its own tasks, and eve those that she may start.
        tasks = [{one["name"] for one in client.get("/api/v1/tasks").json()["tasks"]} for client in (ann, bob, eve)]
        assert tasks == [{"any.build"}, {"any.test"}, {"tools.free"}]
        assert start(ann, "any.test").status_code == start(eve, "any.build").status_code == 404
        # Nobody labels a run into or out of a team's sight.
        assert start(ann, "any.build", team="testers").status_code == 422
        free = start(admin, "tools.free", team="builders").json()["id"]
        installation.store.client.hset(installation.store.keys.run(build), "label:team", "testers")
        hers = start(eve, "tools.free", team="testers").json()["id"]
        assert [seen(client) for client in (ann, bob, eve)] == [{build}, {test}, {hers}]
        assert seen(admin) == {build, test, free, hers}
        # They find runs, among those that one may see.
        assert seen(ann, label="ticket:T-1") == {build}
        assert seen(bob, label="team:testers") == seen(bob, label="ticket:T-1") == set()
        assert seen(admin, label="team:builders") == {build, free}
        for client, own, other in ((ann, build, free), (bob, test, build), (eve, hers, free)):
            assert client.get(f"/api/v1/runs/{own}").status_code == 200
            assert client.get(f"/api/v1/runs/{other}").status_code == 404
            viewer = Client(
                installation.relay.url, headers=[cookie_header(client), f"Origin: {url}"], origin=False
            ).join()
            assert viewer.emit("subscribe", {"v": 1, "run": own})["ok"]
            assert viewer.emit("subscribe", {"v": 1, "run": other})["code"] == "unknown-run"
            viewer.close()
