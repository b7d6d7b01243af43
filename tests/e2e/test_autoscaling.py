"""E5: an autoscaler gives relays more and fewer pods under viewers, and an upgrade leaves it its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace, program, run
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release, is_ready, merged
from tests.e2e.watching import assert_whole, audience, now, pauses, wait_for_ends, wait_until_following
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(1200)
VIEWERS, LINES, RUN_SECONDS = 300, 20_000, 200.0
QUIET_VIEWERS, QUIET_LINES, QUIET_SECONDS = 20, 600, 600.0
#: Until an autoscaler has seen a load, or its end, and acted.
SCALING_SECONDS = 300.0
#: A small part of a core each, which viewers exceed and idle relays do not.
RELAYS: dict[str, Any] = {
    # The viewers come from one address.
    "settings": {"RUNTAIL_LIMIT_SOCKETS": 0},
    "relay": {
        "resources": {"requests": {"cpu": "50m"}},
        "autoscaling": {
            "type": "hpa",
            "minReplicas": 1,
            "maxReplicas": 3,
            "viewersPerReplica": 0,
            "cpu": 50,
            "scaleDown": {"stabilizationSeconds": 15, "pods": 2, "periodSeconds": 15},
        },
    },
}
PROMETHEUS = "http://prometheus-operated.monitoring:9090"


def test_relays_follow_their_load_through_an_upgrade(namespace: Namespace, install: Callable[..., Release]) -> None:
    if not answers("apiservice", "v1beta1.metrics.k8s.io"):
        pytest.skip("no metrics-server; tests/chart judges the HorizontalPodAutoscaler that is rendered")
    pools.mount(namespace)
    release = install(merged(merged(door.values(), pools.values(40)), {**RELAYS, **door.admit(namespace, VIEWERS)}))
    way = release.door()
    assert replicas(release, "relay") == 1
    run_id = way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS)
    with audience(way, [run_id], VIEWERS) as seen:
        wait_until_following(seen)
        began = now()
        wait_for(lambda: ready(release, "relay") == 3, SCALING_SECONDS, namespace.evidence, interval_seconds=0.5)
        grown = now() - began
        upgraded(release, "relay", 3)
        p99, longest = pauses(seen, began, now())
        wait_for_ends(seen, RUN_SECONDS + 120)
    assert_whole(seen, LINES)
    quiet = way.start("counting.print_all", lines=QUIET_LINES, seconds=QUIET_SECONDS)
    with audience(way, [quiet], QUIET_VIEWERS) as seen:
        wait_until_following(seen)
        began = now()
        wait_for(lambda: replicas(release, "relay") == 1, SCALING_SECONDS, namespace.evidence, interval_seconds=0.5)
        wait_for(lambda: len(release.pods("relay")) == 1, 120, namespace.evidence, interval_seconds=0.5)
        shrunk = now() - began
        upgraded(release, "relay", 1)
        way.cancel(quiet)
        wait_for_ends(seen, 120)
    counts = {name: seen.total(name) for name in ("lost", "doubled", "wrong", "named", "resets")}
    assert counts == dict.fromkeys(counts, 0), counts
    figure("E5", f"HPA: relays 1, 3, 1 by the load of {VIEWERS} viewers", f"after {grown:.0f} s and {shrunk:.0f} s")
    figure("E5", "HPA: helm upgrade at 3 and at 1", "the autoscaler's number stays, 0 lines lost or doubled")
    figure("E5", "HPA: screens stood still while relays came", f"p99 {p99:.2f} s, longest {longest:.2f} s")


def test_an_upgrade_leaves_the_number_that_keda_chose(make_release: Callable[..., Release]) -> None:
    if not answers("customresourcedefinition", "scaledobjects.keda.sh"):
        pytest.skip("no definitions of KEDA; tests/chart judges the ScaledObject that is rendered")
    scaled = {"autoscaling": {"type": "keda", "prometheus": PROMETHEUS}}
    release = make_release({"relay": scaled, "worker": {"pools": {"default": scaled}}}).installed()
    objects = release.namespace.get("scaledobjects.keda.sh", selector=f"app.kubernetes.io/instance={NAME}")
    targets = {one["spec"]["scaleTargetRef"]["name"] for one in objects}
    assert targets == {f"{NAME}-relay", f"{NAME}-worker-default"}
    for name in ("relay", "worker-default"):
        # As KEDA's autoscaler does.
        release.namespace.kubectl("scale", f"deployment/{NAME}-{name}", "--replicas=2")
    wait_for(
        lambda: ready(release, "relay") == ready(release, "worker") == 2, SCALING_SECONDS, release.namespace.evidence
    )
    for name in ("relay", "worker-default"):
        upgraded(release, name, 2)
    figure("E5", "KEDA: ScaledObjects", f"{len(objects)} accepted; helm upgrade leaves the number that was chosen")


def answers(kind: str, name: str) -> bool:
    """Whether the cluster has an object."""
    return run(program("kubectl"), "get", kind, name, check=False).returncode == 0


def replicas(release: Release, name: str) -> int:
    """Return how many pods a Deployment should have."""
    return int(release.namespace.get("deployment", f"{NAME}-{name}")["spec"]["replicas"])


def ready(release: Release, name: str) -> int:
    """Return how many pods of a Deployment take work."""
    return sum(is_ready(pod) for pod in release.pods(name.partition("-")[0]))


def upgraded(release: Release, name: str, expected: int) -> None:
    """Upgrade everything but this Deployment's pods; fail if it had another number of pods, if only for a moment."""
    component = name.partition("-")[0]
    before = {pod["metadata"]["uid"] for pod in release.pods(component)}
    generation = release.namespace.get("deployment", f"{NAME}-{name}")["metadata"]["generation"]
    release.upgrade({"gateway": {"metadata": {"annotations": {"test/upgrade": f"{name}-{generation}"}}}})
    release.wait_until_ready()
    after = release.namespace.get("deployment", f"{NAME}-{name}")
    assert after["spec"]["replicas"] == expected
    # Each other number would have been a generation.
    assert after["metadata"]["generation"] == generation
    assert before == {pod["metadata"]["uid"] for pod in release.pods(component)}
