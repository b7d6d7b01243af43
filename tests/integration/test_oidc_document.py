"""What docs/login.md says about an OpenID provider, done."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documentation import blocks, commands, section
from tests.support.logins import browser, write
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, log_in_there
from tests.support.ports import free_port
from tests.support.processes import StartProcess

PAGE = Path(__file__).parents[2] / "docs/login.md"
HEADING = "An OpenID provider"


def test_the_documented_settings_log_people_in(tmp_path: Path, redis_url: str, start_process: StartProcess) -> None:
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    (policy,) = blocks(PAGE, "toml")
    typed = "\n".join(commands(PAGE, HEADING))
    # The addresses that the text has are what these settings make.
    named = set(re.findall(r"https://runtail\.example(/[a-z/]+)", section(PAGE, HEADING)))
    assert named == {"/auth/oidc/callback", "/auth/oidc/backchannel", "/login"}
    with OidcProvider(tmp_path, public, {"ann": ["builders"], "eve": []}) as provider:
        for documented, ours in {
            "https://runtail.example": public,
            "https://login.example/realms/team": provider.issuer,
            "/etc/runtail/policy.toml": str(write(tmp_path / "policy.toml", policy)),
            "/etc/runtail/client-secret": str(write(tmp_path / "client-secret", f"{CLIENT_SECRET}\n")),
            f"CLIENT_ID={CLIENT_ID}\n": f"CLIENT_ID={CLIENT_ID}\n",
        }.items():
            assert documented in typed
            typed = typed.replace(documented, ours)
        printed = subprocess.run(["bash", "-euc", typed], capture_output=True, text=True, timeout=60, check=True)
        assert printed.stdout == f"{provider.issuer}\n"
        environment: dict[str, str | None] = {
            "RUNTAIL_STORE_URL": redis_url, "RUNTAIL_BROKER_URL": redis_url, "RUNTAIL_KEY_PREFIX": "t-document:",
            "RUNTAIL_WEB_PORT": str(port), "RUNTAIL_WEB_ADMIN_PORT": str(free_port()),
        }  # fmt: skip
        script = f"{typed}\nexec {sys.executable} -m runtail_web"
        process = start_process("bash", "-euc", script, environment=environment)
        process.wait_for_log("web ready on", 60)
        with browser(public) as ann, browser(public) as eve:
            for client, name in ((ann, "ann"), (eve, "eve")):
                assert log_in_there(client, public, name).headers["Location"] == "/"
            assert "run:start" in ann.get("/api/v1/session").json()["rights"]
            assert eve.get("/api/v1/session").json()["rights"] == []


@pytest.mark.parametrize("name", ["ISSUER", "CLIENT_ID", "CLIENT_SECRET_FILE"])
def test_each_documented_setting_is_needed(redis_url: str, start_process: StartProcess, name: str) -> None:
    told = dict(re.findall(r"export (\w+)=(\S+)", "\n".join(commands(PAGE, HEADING))))
    variable = f"RUNTAIL_AUTH_OIDC_{name}"
    assert told.pop(variable)
    # (These files are not here.)
    told = {key: value for key, value in told.items() if not key.endswith("_FILE")}
    secret = {} if name == "CLIENT_SECRET_FILE" else {"RUNTAIL_AUTH_OIDC_CLIENT_SECRET": "x"}
    environment: dict[str, str | None] = {
        **told, **secret, "RUNTAIL_STORE_URL": redis_url,
        "RUNTAIL_WEB_PORT": str(free_port()), "RUNTAIL_WEB_ADMIN_PORT": str(free_port()),
    }  # fmt: skip
    process = start_process(sys.executable, "-m", "runtail_web", environment=environment)
    assert process.wait(60) == 2
    assert f"{variable.removesuffix('_FILE')} is not set" in process.output()
    assert "Traceback" not in process.output()
