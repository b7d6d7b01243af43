"""E12: people log in at an OpenID provider with TLS in the cluster, and lose there what they have here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.provider import ProviderPod
from tests.e2e.release import Release
from tests.e2e.test_login import forwarded
from tests.e2e.walk import free_or
from tests.support.logins import cookie_header, grant
from tests.support.oidc_provider import log_in_there, log_out_there
from tests.support.oidc_site import until
from tests.support.relay import Client
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(600)
#: Groups are asked for again within this time.
REFRESH_SECONDS = 3.0
#: For what takes some seconds on an idle machine.
PATIENCE_SECONDS = 60.0
POLICY = grant("group:builders", "operator") + grant("group:guests", "viewer")


@pytest.fixture
def people(namespace: Namespace, tmp_path: Path, make_release: Callable[..., Release]) -> Iterator[Any]:
    """Somebody who opens browsers, each of another person, at the end of a port-forward; and the provider."""
    port = free_or(8000)
    provider = ProviderPod(namespace, tmp_path, f"http://127.0.0.1:{port}", {"ann": ["builders"], "bob": ["guests"]})
    values = provider.values(REFRESH_SECONDS)
    values["auth"]["policy"] = POLICY
    release = make_release(values)
    release.install()
    provider.start()
    release.wait_until_ready()
    with forwarded(release, port) as first:
        url = str(first.base_url).rstrip("/")

        @contextmanager
        def logged_in(name: str) -> Iterator[httpx.Client]:
            with httpx.Client(base_url=url, headers={"Origin": url}, verify=provider.trust, timeout=20) as browser:
                assert browser.get("/api/v1/session").status_code == 401
                assert log_in_there(browser, url, name).status_code == 303
                yield browser

        yield logged_in, provider


def rights(browser: httpx.Client) -> set[str]:
    return set(browser.get("/api/v1/session").json()["rights"])


def follow(browser: httpx.Client, run: str) -> Client:
    """Follow a run over the relay with a browser's login, and return when its first line came."""
    url = str(browser.base_url).rstrip("/")
    viewer = Client(url, headers=[cookie_header(browser), f"Origin: {url}"], origin=False).join()
    assert viewer.emit("subscribe", {"v": 1, "run": run})["ok"]
    until(viewer, lambda name, _data: name == "tail-message")
    return viewer


def test_a_login_at_a_provider_and_its_end(people: tuple[Callable[..., Any], ProviderPod]) -> None:
    logged_in, provider = people
    with logged_in("ann") as ann, logged_in("bob") as bob:
        assert ann.get("/api/v1/session").json()["id"] == f"oidc:{provider.issuer}:ann"
        body = {"task": "demo.tail", "kwargs": {"lines": 3000, "interval": 0.1}}
        run = wait_for(
            lambda: str(ann.post("/api/v1/runs", json=body).json().get("id", "")),
            PATIENCE_SECONDS, provider.namespace.evidence, interval_seconds=0.5,
        )  # fmt: skip
        assert "run:start" in rights(ann)
        assert "run:start" not in rights(bob)
        assert bob.post("/api/v1/runs", json=body).status_code == 403
        hers, his = follow(ann, run), follow(bob, run)

        # The group is taken away at the provider: within the refresh time it is gone here, in open streams as well.
        began = time.monotonic()
        provider.change(ann=[])
        assert until(hers, lambda name, _data: name == "denied")["code"]
        figure(
            "E12", "a group taken away at the provider to the end of the stream", f"{time.monotonic() - began:.1f} s"
        )
        assert rights(ann) == set()
        assert ann.get(f"/api/v1/runs/{run}").status_code in (403, 404)
        assert ann.get("/api/v1/session").status_code == 200

        # Who logs out there is logged out here: the provider's pod tells web's.
        began = time.monotonic()
        log_out_there(bob, provider.issuer)
        assert until(his, lambda name, _data: name == "denied")["code"] == "login"
        figure("E12", "a log-out at the provider to the end of the stream", f"{time.monotonic() - began:.1f} s")
        assert bob.get("/api/v1/session").status_code == 401
