"""The way in from outside: the gateway's NodePort, the API and the program ``runtail`` behind it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import time
from typing import Any, Final

import httpx

from runtail.auth.users import digest_of
from tests.e2e.cluster import Namespace, node_address
from tests.support.command import PROGRAM
from tests.support.waiting import wait_for

#: A new Service is known to every node a moment later.
OPEN_SECONDS: Final = 60.0


#: A Secret with tokens for many viewers. A relay lets one user connect 20 times: these have half of that, because a
#: busy gateway notices late that a viewer who has lost patience is gone, and passes on the next connection before it.
ADMITTED: Final = "admitted"
CONNECTIONS: Final = 10


class Door:
    """The gateway of a release that was installed with :func:`values`.

    :param service: the gateway's Service.
    """

    def __init__(self, namespace: Namespace, service: str) -> None:
        self.namespace = namespace
        self.host = node_address()
        self.port = int(namespace.get("service", service)["spec"]["ports"][0]["nodePort"])
        self.url = f"http://{self.host}:{self.port}"
        found = {one["metadata"]["name"]: one["data"] for one in namespace.get("secrets", selector="")}
        made = found.get(ADMITTED) or found[f"{service}-login"]
        self.token = base64.b64decode(made["token"]).decode()
        #: Of viewers: each of them may have so many connections.
        self.tokens = base64.b64decode(made.get("all", made["token"])).decode().split()
        self._headers = {"Authorization": f"Bearer {self.token}"}
        wait_for(self._opens, OPEN_SECONDS, namespace.evidence, interval_seconds=0.2)

    def _ask(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}/api/v1{path}", headers=self._headers, timeout=10.0)

    def _post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return httpx.post(f"{self.url}/api/v1{path}", json=body, headers=self._headers, timeout=10.0)

    def _opens(self) -> bool:
        try:
            return self._ask("/config").status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path: str) -> Any:
        """Ask the API; what fails on the way is asked again, as the page does.

        :raises AssertionError: if it does not answer in time.
        """
        until = time.monotonic() + OPEN_SECONDS
        while True:
            try:
                answer = self._ask(path)
                if answer.status_code == 200:
                    return answer.json()
                failure = f"{answer.status_code} {answer.text[:300]}"
            except httpx.HTTPError as error:
                failure = repr(error)
            assert time.monotonic() < until, f"GET {path}: {failure}\n{self.namespace.evidence()}"
            time.sleep(0.2)

    def start(self, task: str, **kwargs: Any) -> str:
        """Start a run and return its id; waits until a worker has published the task."""
        wait_for(lambda: any(one["name"] == task for one in self.get("/tasks")["tasks"]), OPEN_SECONDS)
        answer = self._post("/runs", {"task": task, "kwargs": kwargs})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run."""
        answer = self._post(f"/runs/{run_id}/cancel")
        assert answer.is_success, answer.text

    def record(self, run_id: str) -> dict[str, Any]:
        """Return what is known of a run."""
        return dict(self.get(f"/runs/{run_id}"))

    def wait_for_state(self, run_id: str, *states: str, seconds: float = 120.0) -> dict[str, Any]:
        """Return the record when the run has one of these states."""
        return wait_for(
            lambda: record if (record := self.record(run_id))["state"] in states else {},
            seconds,
            lambda: f"{self.record(run_id)}\n{self.namespace.evidence()}",
            interval_seconds=0.1,
        )

    def wait_for_lines(self, run_id: str, lines: int, seconds: float = 120.0) -> None:
        """Return when so many lines of a run are stored."""
        wait_for(
            lambda: len(self.text(run_id).splitlines()) >= lines, seconds, self.namespace.evidence, interval_seconds=0.2
        )

    def text(self, run_id: str) -> str:
        """Return the output of a run as it is stored now."""
        answer = self._ask(f"/runs/{run_id}/log.txt")
        return answer.text if answer.status_code == 200 else ""

    def events(self, run_id: str) -> list[str]:
        """Return the kinds of events at the end of a run's log."""
        last = max(1, self.record(run_id)["lines"])
        entries = self.get(f"/runs/{run_id}/log?from={last}")["entries"]
        return [json.loads(entry["text"])["kind"] for entry in entries if entry.get("type") == "e"]

    def follow(self, run_id: str) -> tuple[int, list[str]]:
        """Follow a run to its end with ``runtail follow``, which checks every digest.

        :returns: its exit status, which is not 122 or 123, and the lines.
        """
        environment = {**os.environ, "RUNTAIL_URL": self.url, "RUNTAIL_TOKEN": self.token}
        done = subprocess.run(
            [PROGRAM, "follow", run_id], env=environment, capture_output=True, text=True, timeout=180, check=False
        )  # fmt: skip
        assert done.returncode not in (122, 123), done.stderr
        return done.returncode, done.stdout.splitlines()


def values() -> dict[str, Any]:
    """Return values with which the gateway is reached at a node's address."""
    return {"gateway": {"service": {"type": "NodePort"}}, "access": {"hosts": [node_address()]}}


def admit(namespace: Namespace, viewers: int) -> dict[str, Any]:
    """Make tokens for so many viewers, and one for the test itself, and return the values that name them.

    Before the release is installed.
    """
    tokens = [secrets.token_hex(32) for _ in range(2 + viewers // CONNECTIONS)]
    lines = [f"v{number}:{digest_of(token)}:operator" for number, token in enumerate(tokens)]
    data = {"token": tokens[0], "all": "\n".join(tokens[1:]), "tokens": "\n".join(lines)}
    namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": ADMITTED}, "stringData": data})
    return {"auth": {"tokens": {"existingSecret": ADMITTED}}}
