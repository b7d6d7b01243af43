"""docs/login.md, read by somebody who types its commands: each mode, users, policy, and tokens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.documentation import blocks, commands
from tests.support.logins import PASSWORD, browser, log_in
from tests.support.ports import free_port
from tests.support.processes import Process, StartProcess
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="runtail dev looks into /proc")]

PAGE = Path(__file__).parents[2] / "docs/login.md"
#: Where the page says that everything is.
DOCUMENTED = "http://127.0.0.1:8000"
SECONDS = 60.0
#: Those that go on until they are stopped.
STARTS = "runtail dev"


class Reader:
    """Types commands in a folder, with ports that nobody has.

    :param folder: an empty one, which is also the home.
    """

    def __init__(self, folder: Path, start_process: StartProcess) -> None:
        self._folder, self._start_process = folder, start_process
        (folder / "temporary").mkdir()
        names = ("WEB_PORT", "WEB_ADMIN_PORT", "SOCKET_PORT", "SOCKET_ADMIN_PORT", "WORKER_ADMIN_PORT")
        ports = {f"RUNTAIL_{name}": str(free_port()) for name in names}
        self.url = f"http://127.0.0.1:{ports['RUNTAIL_WEB_PORT']}"
        self.environment = {
            **ports, "RUNTAIL_URL": self.url, "TMPDIR": str(folder / "temporary"), "XDG_CONFIG_HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip

    def type(self, command: str, said: str = "") -> str:
        """Run a command of the page, which must succeed; return what it printed.

        :param said: what is typed when it asks.
        """
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command.replace(DOCUMENTED, self.url)],
            cwd=self._folder, env={**os.environ, **self.environment}, input=said, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def export(self, command: str) -> None:
        """Set what `export` sets, for all later commands."""
        self.environment |= dict(re.findall(r"(\w+)=(\S+)", command))

    def json(self, command: str) -> Any:
        """Type a command with curl; return its answer."""
        return json.loads(self.type(command))

    @contextmanager
    def everything(self, command: str) -> Iterator[Process]:
        """Start what goes on until it is stopped; it is stopped at the end."""
        process = self._start_process(
            "bash", "-c", f"cd {self._folder}; exec {command}", name="dev", environment=dict(self.environment)
        )
        process.wait_for_log("Runtail runs", SECONDS)
        try:
            yield process
        finally:
            process.signal(signal.SIGINT)
            assert process.wait(SECONDS) == 0, process.evidence()

    @contextmanager
    def logged_in(self, name: str) -> Iterator[httpx.Client]:
        """A browser after the login."""
        with browser(self.url) as client:
            assert log_in(client, name).status_code == 200
            yield client


@pytest.fixture
def reader(tmp_path: Path, start_process: StartProcess) -> Reader:
    folder = tmp_path / "reader"
    folder.mkdir()
    return Reader(folder, start_process)


def chosen(heading: str, *wanted: str) -> list[str]:
    """Return a section's commands, of which each must begin as wanted, in this order."""
    found = commands(PAGE, heading)
    assert len(found) == len(wanted), found
    for command, beginning in zip(found, wanted, strict=True):
        assert command.startswith(beginning), found
    return found


def test_no_login(reader: Reader) -> None:
    start, who = chosen("No login", STARTS, "curl")
    with reader.everything(start):
        session = reader.json(who)
        assert session["kind"] == "anonymous"
        assert "admin" in session["rights"]


def test_a_link(reader: Reader) -> None:
    (start,) = chosen("A link", STARTS)
    with reader.everything(start) as running, browser(reader.url) as client:
        assert client.get("/api/v1/runs").status_code == 401
        (code,) = re.findall(rf"{re.escape(reader.url)}\S*#login=(\S+)", running.output())
        assert client.post("/auth/link", json={"code": code}).status_code == 200
        assert client.get("/api/v1/runs").status_code == 200
        running.wait_for_log("For another browser", SECONDS)


def test_passwords_a_policy_and_tokens(reader: Reader, tmp_path: Path) -> None:
    ann, bob, check, explain, export, start = chosen(
        "Passwords", "runtail passwd", "runtail passwd", "runtail policy", "runtail policy", "export", STARTS
    )
    for command in (ann, bob):
        reader.type(command, f"{PASSWORD}\n")
    (policy,) = blocks(PAGE, "toml")
    (tmp_path / "reader/policy.toml").write_text(policy)
    assert "operator" in reader.type(check)
    rights = dict(line.split("\t") for line in reader.type(explain).splitlines() if line.count("\t") == 1)
    assert (rights["run:start"], rights["run:delete"]) == ("grant 1", "-")
    reader.export(export)

    log_in_command, run, log_out, read, begin, make = chosen(
        "Tokens", "runtail login", "runtail start", "runtail logout", "curl", "curl", "python3"
    )
    # A token of the file, as its line is described.
    secret, digest = reader.type(make).split()
    (tmp_path / "reader/tokens").write_text(f"ci:{digest}:operator\n")
    reader.export("export RUNTAIL_AUTH_TOKENS_FILE=tokens")

    with reader.everything(start):
        with reader.logged_in("bob") as client:
            assert client.get("/api/v1/session").json()["rights"] == []
            assert "demo" not in client.get("/api/v1/tasks").text
        with reader.logged_in("ann") as client:
            assert "demo.tail" in str(client.get("/api/v1/tasks").json())
            let_in(reader, client, log_in_command, tmp_path / "said")
            assert reader.type(run).splitlines() == [f"Task message {number}" for number in range(3)]
            made = client.post("/api/v1/tokens", json={"name": "curl", "days": 1}).json()
            reader.type(log_out)
            with pytest.raises(AssertionError, match="You are not logged in"):
                reader.type(run)
        for token in (made["token"], secret):
            reader.environment["RUNTAIL_TOKEN"] = token
            count = len(reader.json(read)["runs"])
            begun = reader.json(begin)
            assert "id" in begun, begun
            # It runs once at a time.
            reader.type(f"runtail follow {begun['id']}")
            assert len(reader.json(read)["runs"]) == count + 1


def let_in(reader: Reader, person: httpx.Client, command: str, said: Path) -> None:
    """Log a command line in, as a person does who reads its code."""
    with said.open("w") as stderr:
        waiting = subprocess.Popen(
            command.replace(DOCUMENTED, reader.url).split(),
            env={**os.environ, **reader.environment}, stderr=stderr, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            (code,) = wait_for(lambda: re.findall(r"\b[A-Z]{4}-[A-Z]{4}\b", said.read_text()), SECONDS)
            assert person.post("/auth/cli/about", json={"code": code}).status_code == 200
            assert person.post("/auth/cli/confirm", json={"code": code}).status_code in (200, 204)
            assert waiting.wait(SECONDS) == 0, said.read_text()
        finally:
            waiting.kill()


def test_every_command_of_the_page_is_typed() -> None:
    """A section with commands that has no test here needs one, or a test of its own that is named here."""
    text = PAGE.read_text()
    with_commands = {heading for heading in re.findall(r"^## (.+)$", text, re.MULTILINE) if commands(PAGE, heading)}
    # test_login_proxy_document.py, test_oidc_document.py, test_shares_modes.py
    elsewhere = {"A proxy", "An OpenID provider", "Share a run with a guest"}
    assert with_commands == {"No login", "A link", "Passwords", "Tokens"} | elsewhere
