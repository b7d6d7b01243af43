"""What an operator does: installs the chart, and runs the commands of NOTES as they are printed."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from dataclasses import dataclass

import httpx

from tests.e2e.release import Release, commands
from tests.support.waiting import wait_for

#: Of the commands that must come to an end.
COMMAND_SECONDS = 300


@dataclass(frozen=True)
class Walk:
    """How long it took, since the beginning of ``helm install``.

    :param page_seconds: until the first line of a run that was started on the page, after a login.
    :param first_line_seconds: until the first line of the command that NOTES prints.
    :param check_seconds: of ``helm test`` alone.
    """

    available_seconds: float
    page_seconds: float
    first_line_seconds: float
    check_seconds: float


def walk(release: Release) -> Walk:
    """Install a release, log in, watch a run, and test the release.

    Nothing is there to be asked: a command that wanted an answer would find the end of its input.

    :raises AssertionError: if a command fails, a line is missing, or a container was started again.
    """
    began = time.monotonic()
    notes = release.install()
    wait, open_, show, start, check = commands(notes)

    environment = release.environment
    _printed(wait, environment)
    available = time.monotonic() - began
    page = re.search(r"then (http://127\.0\.0\.1:(\d+))", notes)
    assert page, notes
    open_ = open_.replace(f" {page[2]}:", f" {free_or(int(page[2]))}:")
    port = re.search(r" (\d+):", open_)
    assert port, open_
    url = f"http://127.0.0.1:{port[1]}"
    with (
        subprocess.Popen(["exec " + open_], shell=True, stdout=subprocess.DEVNULL, env=environment) as forward,
        httpx.Client(base_url=url, headers={"Origin": url}, timeout=20) as browser,
    ):
        try:
            wait_for(lambda: _answers(url), 60)
            assert "<title>" in httpx.get(url, follow_redirects=True).text
            assert browser.get("/api/v1/runs").status_code == 401
            password = _printed(show, environment)
            on_page = _watch_on_page(browser, password)
            first, lines = _watch(start, environment)
        finally:
            forward.terminate()
    assert [line.strip() for line in lines] == [f"Task message {number}" for number in range(5)], lines

    tested = time.monotonic()
    assert "Everything works" in _printed(check, environment)
    check_seconds = time.monotonic() - tested
    assert release.restarts() == {}
    return Walk(available, on_page - began, first - began, check_seconds)


def _printed(command: str, environment: dict[str, str]) -> str:
    """Run a command that asks nothing, and return what it printed."""
    done = subprocess.run(
        command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS,
        check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _watch_on_page(browser: httpx.Client, password: str) -> float:
    """Log in, start a run and follow it as the page does; return when (monotonic) its first line came."""
    said = browser.post("/auth/login", json={"name": "admin", "password": password})
    assert said.is_success, said.text
    body = {"task": "demo.tail", "kwargs": {"lines": 5}}
    # A worker publishes its tasks when it is ready.
    run_id = wait_for(lambda: str(browser.post("/api/v1/runs", json=body).json().get("id", "")), 60)
    with browser.stream("GET", f"/api/v1/runs/{run_id}/log.txt", params={"follow": 1}) as log:
        assert log.status_code == 200
        lines = log.iter_lines()
        first = next(lines)
        seen = time.monotonic()
        # It runs once at a time, and the command of NOTES comes next.
        assert [first, *lines] == [f"Task message {number}" for number in range(5)]
    return seen


def free_or(port: int) -> int:
    """Return the port as printed; another one where something else has it already, as an operator would choose."""
    with socket.socket() as sock:
        if sock.connect_ex(("127.0.0.1", port)):
            return port
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, follow_redirects=True).status_code == 200
    except httpx.HTTPError:
        return False


def _watch(command: str, environment: dict[str, str]) -> tuple[float, list[str]]:
    """Run a command; return when (monotonic) it printed its first line, and all its lines."""
    with subprocess.Popen(
        command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment
    ) as shown:
        assert shown.stdout is not None
        lines = [shown.stdout.readline()]
        first = time.monotonic()
        lines += shown.stdout.readlines()
    assert shown.returncode == 0, lines
    return first, lines
