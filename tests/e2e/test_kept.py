"""E14, E16: what stays: passwords through upgrades, runs through a rotation, everything through an uninstallation."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release, merged
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
LINES = 500
USERS = ("web", "relay", "worker", "client", "metrics")


def test_passwords(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(door.values(), pools.values(40)))
    way = release.door()
    run_id = recorded(way)
    made = passwords(release)
    assert len(set(made.values())) == len(USERS)
    before = {pod["metadata"]["name"] for pod in release.pods()}
    for number in range(3):
        release.upgrade({"web": {"metadata": {"annotations": {"test/upgrade": str(number)}}}})
        assert passwords(release) == made
    release.wait_until_ready()
    kept = before & {pod["metadata"]["name"] for pod in release.pods()}
    assert len(kept) == len(before) - 2, "other pods than those of web were replaced"
    figure("E14", "passwords after 3 upgrades", "the same")

    # As the documentation says: workers end their tasks first, then all begin again with the new passwords.
    workers = ["deployment", "--selector", f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=worker"]
    namespace.kubectl("scale", *workers, "--replicas=0")
    wait_for(lambda: not release.namespace.get("pods", selector=workers[2]), 120, namespace.evidence)
    fresh = {user: base64.b64encode(f"{user}-rotated".encode()).decode() for user in USERS}
    namespace.kubectl("patch", "secret", f"{NAME}-store", "--patch", json.dumps({"data": fresh}))
    namespace.kubectl(
        "rollout", "restart", "statefulset,deployment", "--selector", f"app.kubernetes.io/instance={NAME}"
    )
    namespace.kubectl("scale", *workers, "--replicas=1")
    release.wait_until_ready()
    assert_kept(way, run_id)
    recorded(way)
    # The Secret for workers of one's own has the new password, too, after the next upgrade.
    release.upgrade()
    client = namespace.get("secret", f"{NAME}-client")["data"]["RUNTAIL_STORE_URL"]
    assert "client-rotated" in base64.b64decode(client).decode()
    figure("E14", "rotation", f"0 of {LINES} lines lost, new runs are recorded")


def test_uninstalled(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(door.values(), pools.values(40)))
    run_id = recorded(release.door())
    made = passwords(release)
    release.helm("uninstall", NAME, "--wait", "--timeout", "3m")
    wait_for(lambda: not release.pods(), 120, namespace.evidence)
    claims = namespace.get("persistentvolumeclaims", selector=f"app.kubernetes.io/instance={NAME}")
    assert [claim["metadata"]["name"] for claim in claims] == [f"data-{NAME}-store-0"]
    assert passwords(release) == made
    release.installed()
    assert passwords(release) == made
    assert_kept(release.door(), run_id)
    figure(
        "E16",
        "uninstalled and installed again",
        f"claim and Secret kept, the old run there with {LINES} of {LINES} lines",
    )


def recorded(way: door.Door) -> str:
    """Run a task to its end and return its run's id."""
    run_id = way.start("counting.print_all", lines=LINES, seconds=1)
    assert way.wait_for_state(run_id, "succeeded", "failed", "lost")["state"] == "succeeded"
    assert_kept(way, run_id)
    return run_id


def assert_kept(way: door.Door, run_id: str) -> None:
    """Fail if a run that is over is not there with all its lines."""
    wait_for(lambda: way.follow(run_id) == (0, [f"Line {number}" for number in range(1, LINES + 1)]), 60)


def passwords(release: Release) -> dict[str, str]:
    """Return the store's passwords."""
    data = release.namespace.get("secret", f"{NAME}-store")["data"]
    return {user: str(data[user]) for user in USERS}
