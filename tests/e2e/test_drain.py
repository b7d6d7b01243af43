"""E6: a node with relay, gateway and worker is drained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace, node_address, program, run
from tests.e2e.figures import figure
from tests.e2e.release import Release, merged
from tests.e2e.watching import Loads, assert_whole, audience, wait_for_ends, wait_until_following

pytestmark = pytest.mark.timeout(900)
VIEWERS, LINES, RUN_SECONDS = 50, 6_000, 60.0


def nodes() -> dict[str, str]:
    """Return the address of each node that takes pods."""
    found = json.loads(run(program("kubectl"), "get", "nodes", "--output", "json").stdout)["items"]
    return {
        node["metadata"]["name"]: next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
        for node in found
        if not node["spec"].get("unschedulable")
    }


@pytest.fixture
def drained(cluster: None) -> Iterator[str]:
    """The name of a node that may be drained: not the one at whose address tests come in."""
    names = [name for name, address in nodes().items() if address != node_address()]
    if not names:
        pytest.skip("the cluster has one node only; a drain needs two")
    yield names[0]
    run(program("kubectl"), "uncordon", names[0])


def test_node_drained(namespace: Namespace, install: Callable[..., Release], drained: str) -> None:
    pools.mount(namespace)
    other = next(name for name in nodes() if name != drained)
    scheduling = {
        # Its volume cannot move.
        "store": {"scheduling": {"nodeSelector": {"kubernetes.io/hostname": other}}},
        "worker": {"pools": {"counting": {"scheduling": {"affinity": prefers(drained)}}}},
    }
    release = install(
        merged(merged(door.values(), pools.values(120)), {**scheduling, **door.admit(namespace, VIEWERS)})
    )
    here = {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in release.pods() if at(pod) == drained}
    assert {"gateway", "relay", "web", "worker"} <= here, here
    way = release.door()
    run_id = way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS)
    with Loads(way.url, way.token) as loads, audience(way, [run_id], VIEWERS) as seen:
        wait_until_following(seen)
        run(
            program("kubectl"), "drain", drained, "--ignore-daemonsets", "--delete-emptydir-data",
            "--pod-selector", "app.kubernetes.io/instance=runtail", "--timeout=300s", seconds=330,
        )  # fmt: skip
        assert [pod for pod in release.pods() if at(pod) == drained] == []
        wait_for_ends(seen, RUN_SECONDS + 120)
    assert_whole(seen, LINES)
    assert way.wait_for_state(run_id, "succeeded", "failed", "lost")["state"] == "succeeded"
    assert loads.failures == [], loads.failures
    figure("E6", "node with gateway, relay, web and worker drained", f"0 of {LINES} lines lost for {VIEWERS} viewers")
    figure("E6", "the task on it, inside its grace", f"succeeded; 0 of {loads.loads} page loads failed")


def at(pod: dict[str, Any]) -> str:
    """Return the node of a pod."""
    return str(pod["spec"].get("nodeName", ""))


def prefers(node: str) -> dict[str, Any]:
    """Return an affinity to a node, for as long as it takes pods."""
    names = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    term = {"weight": 100, "preference": {"matchExpressions": [names]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
