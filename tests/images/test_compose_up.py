"""docker/compose.yaml, brought up: a run that is watched while one of the two relays is killed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtail import __version__
from tests.support.command import Command
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILE = Path(__file__).resolve().parents[2] / "docker/compose.yaml"
LINES = 400
#: What a viewer's command prints of each delivery; the relay is killed when it has seen some.
SECONDS = 20


def succeeds(*command: str) -> bool:
    """Tell whether a program is there and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class Composed:
    """An installation in containers.

    :param docker: a client of the engine.
    :param compose: Compose with the file and the project.
    """

    docker: str
    compose: tuple[str, ...]
    environment: dict[str, str]
    url: str

    def run(self, *arguments: str) -> str:
        """Call Compose and return what it prints."""
        done = subprocess.run(
            [*self.compose, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return the service's containers that run."""
        return [json.loads(line) for line in self.run("ps", "--format", "json", service).splitlines()]

    def viewers(self, container: str) -> int:
        """Return how many viewers a relay has."""
        ask = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:8011/metrics').read().decode())"
        metrics = subprocess.run(
            [self.docker, "exec", container, "python", "-c", ask], capture_output=True, text=True, check=True
        )
        (line,) = (one for one in metrics.stdout.splitlines() if one.startswith("runtail_socket_connections "))
        return int(float(line.split()[1]))


def compose_program() -> tuple[str, ...]:
    """Return Compose v2, as a plugin or by itself."""
    if succeeds("docker", "compose", "version"):
        return ("docker", "compose")
    done = subprocess.run(["sh", "-c", "docker-compose version --short"], capture_output=True, text=True, check=False)
    if done.stdout.strip().removeprefix("v").startswith("2."):
        return ("docker-compose",)
    pytest.skip("NO COMPOSE 2 ON THIS MACHINE: docker compose was not tried")


def gateway_image(name: str) -> str:
    """Return an nginx that has wget, as the published one has; the one that is here may be made without."""
    if succeeds("docker", "run", "--rm", "--network", "none", "--entrypoint", "wget", name, "--help"):
        return name
    made = "runtail-test-gateway:with-wget"
    recipe = f"FROM {name}\nCOPY --from=busybox:latest /bin/busybox /usr/bin/wget\n"
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", made, "-"],
        input=recipe.encode(), env={**os.environ, "DOCKER_BUILDKIT": "0"}, capture_output=True, check=True,
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    """The containers of compose.yaml, on a free port."""
    if not succeeds("docker", "version"):
        pytest.skip("NO DOCKER ENGINE ANSWERS: docker/compose.yaml was not tried")
    compose = compose_program()
    for target in ("web", "socket", "worker"):
        if not succeeds("docker", "image", "inspect", f"runtail/{target}:{__version__}"):
            pytest.skip(f"NO IMAGE runtail/{target}:{__version__}: call `make images`")
    port = free_port()
    project = f"runtail-test-{port}"
    composed = Composed(
        "docker",
        (*compose, "--file", str(FILE), "--project-name", project),
        {
            **os.environ,
            "RUNTAIL_GATEWAY_PORT": str(port),
            "RUNTAIL_GATEWAY_IMAGE": gateway_image("nginxinc/nginx-unprivileged:1.29-alpine"),
        },
        f"http://127.0.0.1:{port}",
    )
    try:
        composed.run("up", "--wait", "--wait-timeout", "300", "--pull", "never")
        yield composed
    finally:
        composed.run("down", "--volumes", "--timeout", "30")


def test_a_run_is_seen_whole_although_its_relay_is_killed(composed: Composed, tmp_path: Path) -> None:
    relays = [one["Name"] for one in composed.containers("relay")]
    assert len(relays) == 2
    viewer = Command(
        tmp_path, composed.url, "check", "--json", "--lines", str(LINES), "--seconds", str(SECONDS), "--timeout", "120"
    )
    watched = wait_for(lambda: [name for name in relays if composed.viewers(name)], 60, lambda: viewer.err)
    subprocess.run([composed.docker, "kill", *watched], capture_output=True, check=True)
    status = viewer.wait()
    seen = json.loads(viewer.out)
    assert (status, seen["problem"], seen["lines"], seen["missing"], seen["doubled"]) == (0, "", LINES, 0, 0)
    assert len(composed.containers("relay")) == 1


def test_pages_and_api_come_through_the_one_port(composed: Composed) -> None:
    assert "Runtail" in httpx.get(f"{composed.url}/").text
    tasks = {task["name"] for task in httpx.get(f"{composed.url}/api/v1/tasks").json()["tasks"]}
    assert {"demo.tail", "runtail.check"} <= tasks


def test_runs_outlive_their_containers(composed: Composed, tmp_path: Path) -> None:
    started = Command(tmp_path, composed.url, "start", "demo.tail", "lines=3", "--json")
    assert started.wait() == 0, started.err
    run = json.loads(started.out)["id"]

    def state() -> object:
        return httpx.get(f"{composed.url}/api/v1/runs/{run}").json()["state"]

    wait_for(lambda: state() == "succeeded", 60, state)
    composed.run("down", "--timeout", "30")
    composed.run("up", "--wait", "--wait-timeout", "300", "--pull", "never")
    assert state() == "succeeded"
