"""E1: an operator installs the chart and does what NOTES says."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable

import httpx
import pytest

from tests.e2e.figures import figure
from tests.e2e.release import Release, commands
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(600)
#: With images present.
FIRST_LINE_SECONDS = 60.0


def test_install(make_release: Callable[..., Release]) -> None:
    release = make_release()
    began = time.monotonic()
    notes = release.install()
    wait, open_, start, check = commands(notes)

    subprocess.run(wait, shell=True, check=True, stdout=subprocess.DEVNULL, timeout=150)
    available = time.monotonic() - began
    page = re.search(r"then (http://127\.0\.0\.1:(\d+))", notes)
    assert page, notes
    open_ = open_.replace(f" {page[2]}:", f" {free_or(int(page[2]))}:")
    port = re.search(r" (\d+):", open_)
    assert port, open_
    url = f"http://127.0.0.1:{port[1]}"
    with subprocess.Popen(["exec " + open_], shell=True, stdout=subprocess.DEVNULL) as forward:
        try:
            wait_for(lambda: _answers(url), 30)
            assert "<title>" in httpx.get(url, follow_redirects=True).text
            first, lines = _watch(start)
        finally:
            forward.terminate()
    assert [line.strip() for line in lines] == [f"Task message {number}" for number in range(5)], lines
    first -= began
    figure("E1", "helm install to Available", f"{available:.1f} s")
    figure("E1", "helm install to the first line", f"{first:.1f} s (at most {FIRST_LINE_SECONDS:.0f})")
    assert first <= FIRST_LINE_SECONDS

    tested = time.monotonic()
    done = subprocess.run(check, shell=True, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is well" in done.stdout
    figure("E1", "helm test", f"{time.monotonic() - tested:.1f} s")
    assert release.restarts() == {}
    figure("E1", "restarts", "0")


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


def _watch(command: str) -> tuple[float, list[str]]:
    """Run a command; return when (monotonic) it printed its first line, and all its lines."""
    with subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, text=True) as shown:
        assert shown.stdout is not None
        lines = [shown.stdout.readline()]
        first = time.monotonic()
        lines += shown.stdout.readlines()
    assert shown.returncode == 0, lines
    return first, lines
