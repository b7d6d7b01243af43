"""Where each mode of login may listen, and which policy it takes: it starts, or says which setting is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.logins import PASSWORD
from tests.support.ports import free_port
from tests.support.proxied import SETTINGS
from tests.support.waiting import wait_for

LOOPBACK, WILDCARD = "127.0.0.1", "0.0.0.0"
#: What each mode needs besides.
MODES: dict[str, dict[str, str]] = {
    "none": {},
    "link": {},
    "password": {"RUNTAIL_AUTH_ADMIN_PASSWORD": PASSWORD},
    "proxy": {f"RUNTAIL_{name.upper()}": value for name, value in SETTINGS.items()},
}
SERVICES = ("web", "socket")
START_SECONDS = 60.0
#: Texts that are no policy, with what the sentence about them names.
BAD_POLICIES = {
    "no TOML": ("[[grant]\n", "line 1"),
    "no such role": ('[[grant]]\nto = ["everyone"]\nrole = "root"\n', "grant 1"),
    "no such key": ('[[grant]]\nto = ["everyone"]\nrole = "viewer"\ntask = ["a"]\n', "task"),
    "to nobody": ('[[grant]]\nto = []\nrole = "viewer"\n', "to"),
}


def launch(start_process: Any, redis_url: str, service: str, mode: str, host: str, **more: str) -> tuple[Any, int]:
    """Start a service of this mode; return its process and its port."""
    port = free_port()
    name = f"RUNTAIL_{service.upper()}"
    environment = {
        "RUNTAIL_STORE_URL": redis_url, f"{name}_HOST": host, f"{name}_PORT": str(port),
        f"{name}_ADMIN_PORT": str(free_port()), "RUNTAIL_AUTH_MODE": mode, **MODES[mode], **more,
    }  # fmt: skip
    return start_process(sys.executable, "-m", f"runtail_{service}", environment=environment), port


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("host", [LOOPBACK, WILDCARD])
def test_where_a_mode_may_listen(start_process: Any, redis_url: str, service: str, mode: str, host: str) -> None:
    process, port = launch(start_process, redis_url, service, mode, host)
    if (mode, host) == ("none", WILDCARD):
        assert process.wait(START_SECONDS) == 2
        assert f"RUNTAIL_{service.upper()}_HOST=0.0.0.0 lets other machines in" in process.output()
        assert "Set RUNTAIL_AUTH_MODE to password" in process.output()
        assert "Traceback" not in process.output()
        return

    def answers() -> int:
        assert process.is_running(), process.evidence()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/v1/runs", timeout=5).status_code
        except httpx.TransportError:
            return 0

    status = wait_for(answers, START_SECONDS, process.evidence)
    if service == "web":
        assert status == (200 if mode == "none" else 401)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("mode", "text"),
    [
        *(("password", text) for text in BAD_POLICIES),
        ("none", "no TOML"),
        ("link", "to nobody"),
        ("proxy", "no such key"),
    ],
)
def test_a_policy_that_cannot_be_used_stops_the_start(
    start_process: Any, redis_url: str, tmp_path: Path, service: str, mode: str, text: str
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(BAD_POLICIES[text][0])
    process, _ = launch(start_process, redis_url, service, mode, LOOPBACK, RUNTAIL_AUTH_POLICY_FILE=str(policy))
    assert process.wait(START_SECONDS) == 2
    assert f"RUNTAIL_AUTH_POLICY_FILE={policy}" in process.output()
    assert BAD_POLICIES[text][1] in process.output()
    assert "Traceback" not in process.output()
