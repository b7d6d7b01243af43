"""E14, E16, E17: what stays through upgrades, a rotation of passwords, an uninstallation, another volume."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release, merged
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
LINES = 500
#: Of a run that goes on meanwhile.
RUN_SECONDS = 30.0
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


def test_another_volume(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(door.values(), pools.values(40)))
    way = release.door()
    run_id = recorded(way)
    before = identities(release)
    claim = f"data-{NAME}-store-0"

    said = refusal(release, {"size": "9Gi"})
    assert f"store.persistence.size=9Gi is not the 8Gi that the StatefulSet {NAME}-store was made with" in said, said
    assert identities(release) == before
    going_on = way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS)
    way.wait_for_lines(going_on, 10)
    follow_recipe(release, said)
    release.upgrade()
    release.wait_until_ready()
    made = namespace.get("statefulset", f"{NAME}-store")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert made["resources"]["requests"]["storage"] == "9Gi"
    assert way.wait_for_state(going_on, "succeeded", "failed", "lost")["state"] == "succeeded"
    assert_kept(way, going_on)
    assert_kept(way, run_id)
    assert identities(release) == before, "pods were replaced"
    assert release.restarts() == {}
    figure("E17", "another store.persistence.size", "refused; as it says: no pod replaced or restarted, 0 lines lost")

    said = refusal(release, {"enabled": False})
    assert f"store.persistence.enabled=false would leave the runs in the claim {claim} behind" in said, said
    told = not_ready(release)
    follow_recipe(release, said)
    # Without its store a worker says why it is not ready, where `kubectl describe` shows it.
    wait_for(lambda: not_ready(release) > told, 120, namespace.evidence, interval_seconds=0.5)
    release.upgrade()
    release.wait_until_ready()
    assert namespace.get("persistentvolumeclaims", selector=f"app.kubernetes.io/instance={NAME}") == []
    assert run_id not in {run["id"] for run in way.get("/runs")["runs"]}
    recorded(way)
    figure("E17", "store.persistence.enabled=false", "refused; as it says: the claim is gone, new runs are recorded")


def refusal(release: Release, volume: dict[str, object]) -> str:
    """Return why an upgrade to another volume is refused; the values stay for the next upgrade."""
    done = release.upgrade({"store": {"persistence": volume}}, check=False)
    assert done.returncode != 0, done.stdout
    return " ".join(done.stderr.split())


def follow_recipe(release: Release, said: str) -> None:
    """Run the command that a refusal names; the upgrade is left to do."""
    recipe = re.search(r"run kubectl (.*?) and upgrade again", said)
    assert recipe, said
    release.namespace.kubectl(*recipe[1].split())


def identities(release: Release) -> set[str]:
    """Return what tells each pod from one that took its place."""
    return {str(pod["metadata"]["uid"]) for pod in release.pods()}


def not_ready(release: Release) -> int:
    """Return how often workers have said by their probe that they take no tasks."""
    events = json.loads(release.namespace.kubectl("get", "events", "--output", "json"))["items"]
    return sum(int(event.get("count") or 1) for event in events if "Celery takes no tasks now" in event["message"])


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
