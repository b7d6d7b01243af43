"""E12: people log in through a port-forward with what NOTES says; who loses a group loses the stream."""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from runtail.auth.passwords import hash_password
from tests.e2e.cluster import ROOT, program
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release, commands
from tests.e2e.walk import free_or
from tests.support.command import PROGRAM
from tests.support.documentation import commands as documented
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
#: The kubelet renews a Secret's files within about 90 s; then web and relay have 10 s.
TAKEN_AWAY_SECONDS = 180.0
#: Typed after a change by who does not want to wait for the kubelet.
(AT_ONCE,) = (line for line in documented(ROOT / "docs/kubernetes.md", "Logging in") if "annotate pods" in line)
POLICY = """[[grant]]
to = ["group:builders"]
role = "operator"
"""


@contextmanager
def forwarded(release: Release, port: int = 0) -> Iterator[httpx.Client]:
    """A browser at the end of a port-forward.

    :param port: of this machine; 0: one that is free.
    """
    url = f"http://127.0.0.1:{port or free_or(8000)}"
    words = ["-n", release.namespace.name, "port-forward", f"service/{NAME}", f"{url.rpartition(':')[2]}:80"]
    with (
        subprocess.Popen([program("kubectl"), *words], stdout=subprocess.DEVNULL) as forward,
        httpx.Client(base_url=url, headers={"Origin": url}, timeout=20) as browser,
    ):
        try:
            wait_for(lambda: _answers(browser), 60, release.namespace.evidence)
            yield browser
        finally:
            forward.terminate()


def _answers(browser: httpx.Client) -> bool:
    try:
        return browser.get("/login").status_code == 200
    except httpx.HTTPError:
        return False


def log_in(browser: httpx.Client, name: str, password: str) -> int:
    """Return the status of a login."""
    return browser.post("/auth/login", json={"name": name, "password": password}).status_code


def test_login(make_release: Callable[..., Release]) -> None:
    release = make_release()
    wait, open_, show, start, check = commands(release.install())
    assert "port-forward" in open_

    def printed(command: str) -> str:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}\n{release.namespace.evidence()}"
        return done.stdout

    printed(wait)
    password = printed(show)
    assert len(password) == 24
    with forwarded(release) as browser:
        assert browser.get("/api/v1/runs").status_code == 401
        assert log_in(browser, "admin", password[::-1]) == 401
        assert log_in(browser, "admin", password) in (200, 204)
        assert browser.get("/api/v1/runs").status_code == 200
    assert printed(start).split("\n")[:5] == [f"Task message {number}" for number in range(5)]
    assert "Everything works" in printed(check)

    release.upgrade({"pod": {"metadata": {"annotations": {"changed": "yes"}}}})
    release.wait_until_ready()
    assert printed(show) == password
    assert "Everything works" in printed(check)


@pytest.mark.parametrize("at_once", [True, False], ids=["at-once", "by-itself"])
def test_group_taken_away(make_release: Callable[..., Release], tmp_path: Path, at_once: bool) -> None:
    password = "a password of the test"
    hashed = hash_password(password)

    def users(groups: str) -> dict[str, object]:
        content = base64.b64encode(f"ann:{hashed}:{groups}\n".encode()).decode()
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "people"}, "data": {"users": content}}

    release = make_release({"auth": {"password": {"users": "people"}, "policy": POLICY}})
    release.namespace.apply(users("builders"))
    release.installed()
    secret = release.namespace.get("secret", f"{NAME}-login")["data"]
    assert "password" not in secret
    with forwarded(release) as browser:
        assert log_in(browser, "ann", password) in (200, 204)
        made = browser.post("/api/v1/tokens", json={"name": "e2e", "days": 1})
        assert made.status_code == 201, made.text
        tokens = {"ann": made.json()["token"], "other": base64.b64decode(secret["token"]).decode()}
        body = {"task": "demo.tail", "kwargs": {"lines": 3000, "interval": 0.1}}
        wait_for(lambda: browser.post("/api/v1/runs", json=body).status_code == 202, 60, interval_seconds=0.5)
        (run,) = browser.get("/api/v1/runs").json()["runs"]

        outputs = {name: tmp_path / name for name in tokens}
        followers = {}
        for name, token in tokens.items():
            environment = {**os.environ, "RUNTAIL_URL": str(browser.base_url), "RUNTAIL_TOKEN": token}
            with outputs[name].open("w") as output:
                followers[name] = subprocess.Popen(
                    [PROGRAM, "follow", run["id"]], env=environment, stdout=output, stderr=subprocess.PIPE, text=True
                )
        try:
            wait_for(lambda: all(path.stat().st_size for path in outputs.values()), 60)
            release.namespace.apply(users(""))
            if at_once:
                program_name, *words = shlex.split(AT_ONCE.replace("$(date +%s)", "now"))
                assert program_name == "kubectl"
                release.namespace.kubectl(*words)
            seconds = _ends_within(followers["ann"])
            how = "pods annotated" if at_once else "when the kubelet looks"
            figure("E12", f"a group taken away to the end of the stream, {how}", f"{seconds:.1f} s")
            assert followers["ann"].stderr is not None
            said = followers["ann"].stderr.read()
            assert followers["ann"].returncode == 123, said
            assert "You may no longer read this run" in said
            assert browser.get(f"/api/v1/runs/{run['id']}").status_code in (403, 404)

            # Others miss nothing.
            seen = len(outputs["other"].read_text().splitlines())
            wait_for(lambda: len(outputs["other"].read_text().splitlines()) > seen + 20, 60)
            assert followers["other"].poll() is None
            lines = outputs["other"].read_text().splitlines()[:-1]
            assert lines == [f"Task message {number}" for number in range(len(lines))]
        finally:
            for follower in followers.values():
                follower.kill()
                follower.communicate()


def _ends_within(process: subprocess.Popen[str]) -> float:
    began = time.monotonic()
    wait_for(lambda: process.poll() is not None, TAKEN_AWAY_SECONDS, interval_seconds=0.2)
    return time.monotonic() - began
