"""Workers, relays and web services of the version before and of this one on one store, as an upgrade mixes them.

The store has the users of this version: an upgrade by the chart replaces the store's pod as well, and pods of the
version before work with the new one until they are replaced.
"""

from __future__ import annotations

import base64
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.support import earlier
from tests.support.celery_worker import CeleryWorker, celery_environment
from tests.support.document_client import DocumentClient
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.store_users import urls
from tests.support.waiting import wait_for

VERSIONS = ("old", "new")
#: Each way of web, relay and worker that is not of one version throughout.
MIXED = [three for three in itertools.product(VERSIONS, repeat=3) if len(set(three)) > 1]
START_SECONDS = 90.0
SEAL_KEY = base64.urlsafe_b64encode(os.urandom(32)).decode()
PROGRAM = Path(sys.executable).parent / "runtail"


class Both:
    """A worker, a relay and a web service of each version on one store.

    :param trees: the checkout of each version.
    """

    def __init__(self, directory: Path, store_url: str, trees: dict[str, Path], stack: ExitStack) -> None:
        self._store_url = store_url
        self.webs: dict[str, Service] = {}
        self.relays: dict[str, Service] = {}
        self.workers: dict[str, CeleryWorker] = {}
        logins = urls(store_url, "runtail:", VERSIONS)

        def settings(user: str) -> dict[str, object]:
            # What an earlier version does not know it leaves alone.
            return {"broker_url": logins[user], "store_url": logins[user], "seal_keys": SEAL_KEY}

        for version, tree in trees.items():
            sources = earlier.python_path(tree)
            assert_taken_from(tree, sources)
            self.workers[version] = CeleryWorker(
                directory, "tests.support.versions_app", f"{version}@test", arguments=["--concurrency=2"],
                launcher=(PROGRAM, "worker", "--"),
                environment={
                    **celery_environment({**settings("worker"), "worker_admin_port": free_port()}),
                    "PYTHONPATH": f"{sources}:{earlier.ROOT}", "TEST_VERSION": version,
                },
            )  # fmt: skip
            stack.callback(self.workers[version].close)
            self.relays[version] = Service("socket", directory, settings("relay"), {"PYTHONPATH": sources})
            self.webs[version] = Service("web", directory, settings("web"), {"PYTHONPATH": sources})
        for service in (*self.relays.values(), *self.webs.values()):
            stack.enter_context(service)
        for web in self.webs.values():
            wait_for(
                lambda web=web: (
                    {"old.count", "new.count"}  # type: ignore[misc]
                    <= {task["name"] for task in httpx.get(f"{web.url}/api/v1/tasks", timeout=30).json()["tasks"]}
                ),
                START_SECONDS,
                lambda: "\n".join(worker.process.evidence() for worker in self.workers.values()),
            )

    def ask(self, web: str, method: str, path: str, body: Any = None) -> Any:
        """Ask the API of one version."""
        answer = httpx.request(method, f"{self.webs[web].url}/api/v1{path}", json=body, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def start(self, web: str, worker: str, lines: int, seconds: float) -> str:
        """Start a run over the web service of one version for the worker of one version."""
        kwargs = {"lines": lines, "seconds": seconds}
        return str(self.ask(web, "POST", "/runs", {"task": f"{worker}.count", "kwargs": kwargs})["id"])

    def client(self, web: str, relay: str) -> closing[DocumentClient]:
        """Come as a viewer."""
        return closing(DocumentClient(self.webs[web].url, self.relays[relay].url))

    def has_sealed(self, run: str) -> bool:
        """Return whether a run's record keeps sealed parameters."""
        client: Any = redis.Redis.from_url(self._store_url)
        with closing(client):
            return bool(client.hexists(f"runtail:run:{run}", "sealed"))

    def state(self, web: str, run: str) -> str:
        """Return a run's state as one version's API tells it."""
        return str(self.ask(web, "GET", f"/runs/{run}")["state"])


def assert_taken_from(tree: Path, sources: str) -> None:
    """Fail if Python takes a part of Runtail from elsewhere than from a checkout."""
    code = "import runtail, runtail_web, runtail_worker, runtail_socket, sys; " + (
        "print(*(m.__file__ for n, m in sorted(sys.modules.items()) if n.startswith('runtail') and '.' not in n))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    assert len(said) == 4, said
    assert all(path.startswith(f"{tree}/") for path in said), said


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Everything, of both versions; says which they are."""
    folder = tmp_path_factory.mktemp("mixed")
    version = earlier.check_out(folder / "old")
    print(f"The version before this one is {version}")
    with RedisServer(folder / "redis") as server, ExitStack() as stack:
        made = Both(folder, server.url, {"old": folder / "old", "new": earlier.ROOT}, stack)
        yield made
        for worker in made.workers.values():
            worker.process.terminate(40)


def words(line: str) -> str:
    """Return a line without its colours."""
    return re.sub("\N{ESCAPE}\\[[0-9]*m", "", line)


@pytest.mark.parametrize(("web", "relay", "worker"), MIXED)
def test_a_run_streams_whole_and_verified(both: Both, web: str, relay: str, worker: str) -> None:
    run = both.start(web, worker, 60, 0.6)
    with both.client(web, relay) as client:
        assert client.subscribe(run)["ok"]
        client.until(lambda: client.over, 60)
        assert client.claim() == "complete, verified"
        assert [words(line) for line in client.lines] == [f"line {number}" for number in range(1, 61)]
    for version in VERSIONS:
        shown = both.ask(version, "GET", f"/runs/{run}")
        assert (shown["state"], shown["lines"]) == ("succeeded", 60)


@pytest.mark.parametrize(("web", "worker"), list(itertools.product(VERSIONS, repeat=2)))
def test_a_run_has_its_tasks_labels_if_the_worker_knows_them(both: Both, web: str, worker: str) -> None:
    run = both.start(web, worker, 1, 0.0)
    wait_for(lambda: both.state("new", run) == "succeeded", 60)
    # Workers of the version before do not publish them. Such a web service does not copy them, but the claim does.
    wanted = {"team": "new"} if worker == "new" else {}
    assert both.ask("new", "GET", f"/runs/{run}")["labels"] == wanted
    assert both.ask("old", "GET", f"/runs/{run}")["state"] == "succeeded"


@pytest.mark.parametrize(("web", "worker"), list(itertools.product(VERSIONS, repeat=2)))
def test_a_filtered_list_has_the_runs_of_every_version(both: Both, web: str, worker: str) -> None:
    """Whichever web service is the reaper, and although scripts of the version before note nothing for an index."""
    run = both.start(web, worker, 1, 0.0)
    wait_for(lambda: both.state("old", run) == "succeeded", 60)
    for query in ("state=succeeded", f"state=succeeded&task={worker}.count", f"task=*{worker.upper()}.C*"):
        listed = both.ask("new", "GET", f"/runs?{query}")["runs"]
        assert listed[0]["id"] == run
        assert {one["task"] for one in listed[: 1 if "task" not in query else None]} == {f"{worker}.count"}
    assert httpx.delete(f"{both.webs['new'].url}/api/v1/runs/{run}", timeout=30).status_code == 204
    assert run not in {one["id"] for one in both.ask("new", "GET", "/runs?state=succeeded")["runs"]}


@pytest.mark.parametrize(("web", "relay", "worker"), MIXED)
def test_a_run_is_cancelled(both: Both, web: str, relay: str, worker: str) -> None:
    run = both.start(web, worker, 6000, 60.0)
    with both.client(web, relay) as client:
        assert client.subscribe(run)["ok"]
        client.until(lambda: len(client.lines) > 2, 60)
        both.ask(web, "POST", f"/runs/{run}/cancel")
        client.until(lambda: client.over, 60)
        assert client.claim() == "complete, verified"
        assert client.end is not None
        assert client.end["state"] == "cancelled", client.end
        assert client.end["lines"] == len(client.lines) < 6000
    assert [both.state(version, run) for version in VERSIONS] == ["cancelled", "cancelled"]


@pytest.mark.parametrize("worker", VERSIONS)
@pytest.mark.parametrize(("before", "after"), [("old", "new"), ("new", "old")])
def test_a_viewer_goes_on_where_it_was_with_a_relay_of_the_other_version(
    both: Both, before: str, after: str, worker: str
) -> None:
    run = both.start(before, worker, 200, 2.0)
    with both.client(before, before) as client:
        assert client.subscribe(run)["ok"]
        client.until(lambda: len(client.lines) > 20, 60)
        position, lines, last = client.position, client.lines, client.last_id
    with both.client(after, after) as client:
        client.begin(position)
        client.lines, client.last_id = lines, last
        answer = client.subscribe(run)
        assert answer["ok"], answer
        assert "reset" not in answer, answer
        client.until(lambda: client.over, 60)
        assert [words(line) for line in client.lines] == [f"line {number}" for number in range(1, 201)]
        assert client.end is not None
        assert client.end["lines"] == 200


@pytest.mark.parametrize("worker", VERSIONS)
@pytest.mark.parametrize("web", VERSIONS)
def test_a_worker_gets_a_secret_in_a_form_that_it_can_read(both: Both, web: str, worker: str) -> None:
    """It is sealed where both are new, and comes in clear where one of them is older."""
    run = str(
        both.ask(web, "POST", "/runs", {"task": f"{worker}.keeps", "kwargs": {"token": "s3cret-of-18-chars"}})["id"]
    )
    with both.client(web, worker) as client:
        assert client.subscribe(run)["ok"]
        client.until(lambda: client.over, 60)
        assert client.lines == ["str of 18"]
    for version in VERSIONS:
        shown = both.ask(version, "GET", f"/runs/{run}")
        assert (shown["state"], shown["kwargs"]) == ("succeeded", {"token": "***"})
    assert both.has_sealed(run) is (web == worker == "new")
    if web == worker == "new":
        # Web of the version before starts nothing again with what it cannot open.
        again = httpx.post(f"{both.webs['old'].url}/api/v1/runs/{run}/retry", json={}, timeout=30)
        assert again.status_code == 409
