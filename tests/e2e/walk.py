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

    :param check_seconds: of ``helm test`` alone.
    """

    available_seconds: float
    first_line_seconds: float
    check_seconds: float


def walk(release: Release) -> Walk:
    """Install a release, open the page, watch a run and test the release.

    :raises AssertionError: if a command fails, a line is missing, or a container was started again.
    """
    began = time.monotonic()
    notes = release.install()
    wait, open_, start, check = commands(notes)

    environment = release.environment
    subprocess.run(wait, shell=True, check=True, stdout=subprocess.DEVNULL, timeout=COMMAND_SECONDS, env=environment)
    available = time.monotonic() - began
    page = re.search(r"then (http://127\.0\.0\.1:(\d+))", notes)
    assert page, notes
    open_ = open_.replace(f" {page[2]}:", f" {free_or(int(page[2]))}:")
    port = re.search(r" (\d+):", open_)
    assert port, open_
    url = f"http://127.0.0.1:{port[1]}"
    with subprocess.Popen(["exec " + open_], shell=True, stdout=subprocess.DEVNULL, env=environment) as forward:
        try:
            wait_for(lambda: _answers(url), 60)
            assert "<title>" in httpx.get(url, follow_redirects=True).text
            first, lines = _watch(start, environment)
        finally:
            forward.terminate()
    assert [line.strip() for line in lines] == [f"Task message {number}" for number in range(5)], lines

    tested = time.monotonic()
    done = subprocess.run(
        check, shell=True, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything works" in done.stdout
    check_seconds = time.monotonic() - tested
    assert release.restarts() == {}
    return Walk(available, first - began, check_seconds)


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
    with subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, text=True, env=environment) as shown:
        assert shown.stdout is not None
        lines = [shown.stdout.readline()]
        first = time.monotonic()
        lines += shown.stdout.readlines()
    assert shown.returncode == 0, lines
    return first, lines
