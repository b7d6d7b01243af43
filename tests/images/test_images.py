"""The images of ``make images``, where a Docker engine has them: users, files, contents, sizes, signals."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from runtail import __version__
from tests.images.test_dockerfile import images as images
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("web", "socket", "worker")
#: As a cluster that trusts nobody starts them.
RESTRICTED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--network", "none"),
)
#: Prints compiled files that Python takes only if their source has a certain time.
BY_TIME = """
from pathlib import Path
for path in Path("/opt/runtail").rglob("*.pyc"):
    if not int.from_bytes(path.read_bytes()[4:8], "little"):
        print(path)
"""
STARTS = {
    "web": ["runtail", "--version"],
    "socket": ["python", "-c", "import runtail_socket.service"],
    "worker": ["celery", "--app", "runtail_worker.app", "--version"],
}


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module", autouse=True)
def _images_are_there() -> None:
    try:
        there = all(docker("image", "inspect", f"runtail/{name}:{__version__}").returncode == 0 for name in TARGETS)
    except FileNotFoundError:
        there = False
    if not there:
        pytest.skip("NO IMAGES HERE: `make images` builds them in a Docker engine (DOCKER_HOST)")


def normal(name: str) -> str:
    """Return a package's name as locks spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def inside(target: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """Run a command in a container of its own and return what it says."""
    done = docker("run", "--rm", *RESTRICTED, *options, f"runtail/{target}:{__version__}", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("user", ["10001:10001", "1234567:0"])
@pytest.mark.parametrize("target", TARGETS)
def test_it_starts_as_any_user_without_rights(target: str, user: str) -> None:
    inside(target, *STARTS[target], options=("--user", user))


@pytest.mark.parametrize("target", TARGETS)
def test_files_are_roots_and_none_gives_rights(target: str) -> None:
    found = inside(
        target, "find", "/", "-xdev", "(", "-perm", "/6000", "-type", "f", "-o", "-path", "/opt/*", "-perm", "/022",
         "-not", "-type", "l", ")", options=("--user", "0:0"),
    )  # fmt: skip
    assert found.split() == []
    assert inside(target, "id", "-u").strip() == "10001"


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_compiled_is_used_whatever_the_times_of_files(target: str) -> None:
    found = inside(target, "python", "-c", BY_TIME)
    assert found.split() == []


@pytest.mark.parametrize("target", TARGETS)
def test_pip_is_where_teams_build_on_and_nowhere_else(target: str) -> None:
    found = inside(target, "sh", "-c", "python -c 'import pip' 2>/dev/null && echo pip; /usr/bin/env python3 --version")
    assert ("pip" in found.split()) == (target == "worker")


@pytest.mark.parametrize("target", TARGETS)
def test_what_it_lists_is_what_is_locked(target: str) -> None:
    bill: dict[str, Any] = json.loads(inside(target, "cat", "/opt/runtail/sbom.cdx.json"))
    listed = {normal(one["name"]): one["version"] for one in bill["components"]}
    lock = (ROOT / f"requirements/{target}.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+) \\$", lock, re.MULTILINE))
    assert {name: listed.get(name) for name in locked} == locked, "`make images` after a change of the locks"
    ours = {"web": "runtail-web", "socket": "runtail-socket", "worker": "runtail-worker"}[target]
    assert listed.keys() - locked.keys() - {"pip"} == {"runtail", ours}


@pytest.mark.parametrize("target", TARGETS)
def test_it_is_no_larger_than_it_may_be(target: str, images: Any) -> None:
    limit = next(one.limit_mb for one in images.IMAGES if one.target == target)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", f"runtail/{target}:{__version__}").stdout)
    assert size <= limit * 1e6 * images.TOLERANCE


def test_a_worker_that_is_told_to_stop_ends_its_task_first(tmp_path: Path) -> None:
    name = f"runtail-test-{uuid.uuid4().hex[:8]}"
    with RedisServer(tmp_path) as server:
        port = str(free_port())
        started = docker(
            "run", "--detach", "--name", name, *RESTRICTED[:-2], "--network", "host",
            "--env", f"RUNTAIL_BROKER_URL={server.url}", "--env", f"RUNTAIL_WORKER_ADMIN_PORT={port}",
            f"runtail/worker:{__version__}",
        )  # fmt: skip
        try:
            assert started.returncode == 0, started.stderr
            wait_for(lambda: " ready." in log(name), 90, lambda: log(name), interval_seconds=0.5)
            with Celery(broker=server.url) as app:
                app.send_task("runtail.check", kwargs={"lines": 10, "seconds": 5.0}, queue="runtail-check")
            wait_for(lambda: "Check line 2 of 10" in log(name), 60, lambda: log(name), interval_seconds=0.2)
            assert docker("stop", "--time", "60", name).returncode == 0
            assert "Check line 10 of 10" in log(name)
            assert "succeeded in" in log(name)
        finally:
            docker("rm", "--force", name)


def log(name: str) -> str:
    """Return what a container wrote."""
    done = docker("logs", name)
    return done.stdout + done.stderr
