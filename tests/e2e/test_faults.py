"""E9, E10: a task that takes too much memory, and a relay that is stalled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import ROOT, Namespace
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release, is_ready, merged
from tests.e2e.watching import assert_whole, audience, now, wait_for_ends, wait_until_following
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
NEXT_RUN_SECONDS, STOPPED_SECONDS, STANDING_SECONDS = 30.0, 30.0, 20.0
#: The relay with a reader that stops when a file asks for it.
PROGRAM = ["python", "/faults/breakable_relay.py"]
VIEWERS, LINES, RUN_SECONDS = 10, 2_000, 100.0


def test_memory_limit(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(door.values(), pools.values(40, resources={"limits": {"memory": "512Mi"}})))
    way = release.door()
    run_id = way.start("counting.grow")
    record = way.wait_for_state(run_id, "succeeded", "failed", "lost", "cancelled")
    assert record["state"] == "lost" or (record["state"], record["signal"]) == ("failed", 9), record
    began = time.monotonic()
    next_id = way.start("counting.print_all", lines=10, seconds=0.1)
    way.wait_for_state(next_id, "succeeded")
    seconds = time.monotonic() - began
    # With cgroup v2 the kernel ends the whole container, and its pod says so; with v1 the task alone.
    told = killed_for_memory(release)
    assert told if record["state"] == "lost" else "memory" in record["why"].lower() or "kill" in record["why"].lower()
    figure("E9", "task over the memory limit", f"{record['state']}: {record['why']}; {told or 'the container goes on'}")
    figure("E9", "the next run", f"{seconds:.1f} s later (at most {NEXT_RUN_SECONDS:.0f})")
    assert seconds <= NEXT_RUN_SECONDS


def killed_for_memory(release: Release) -> str:
    """Return what the pods of workers say of their last end."""
    for pod in release.pods("worker"):
        for status in pod["status"].get("containerStatuses", []):
            found = status.get("lastState", {}).get("terminated", {}).get("reason", "")
            if found == "OOMKilled":
                return f"the pod says {found}"
    return ""


def test_relay_stopped(install: Callable[..., Release]) -> None:
    release = install(door.values())
    pod = release.pod("relay")
    release.namespace.kubectl("exec", pod, "--", "sh", "-c", "kill -STOP $(cat /proc/1/task/1/children)")
    began = time.monotonic()
    wait_for(lambda: restarts(release, pod) == 1, 180, release.namespace.evidence, interval_seconds=0.2)
    restarted = time.monotonic() - began
    wait_for(lambda: is_ready(release.namespace.get("pod", pod)), 60, release.namespace.evidence, interval_seconds=0.2)
    figure("E10", "relay stopped (SIGSTOP)", f"restarted after {restarted:.1f} s (at most {STOPPED_SECONDS:.0f})")
    assert restarted <= STOPPED_SECONDS


def test_relay_whose_reader_stands_still(namespace: Namespace, make_release: Callable[..., Release]) -> None:
    pools.mount(namespace)
    namespace.config_map("faults", breakable_relay_py=(ROOT / "tests/support/breakable_relay.py").read_text())
    breakable = {
        "env": [{"name": "TEST_FAULTS", "value": "/tmp"}, {"name": "RUNTAIL_SOCKET_PORT", "value": "8010"}],
        "volumes": [{"name": "faults", "configMap": {"name": "faults"}}],
        "volumeMounts": [{"name": "faults", "mountPath": "/faults", "readOnly": True}],
    }
    # One relay, so that all viewers are on it.
    relay = {"relay": {"replicas": 1, "extra": breakable}}
    release = make_release(merged(merged(door.values(), pools.values(40)), relay)).installed()
    program = [{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": PROGRAM}]
    namespace.kubectl("patch", f"deployment/{NAME}-relay", "--type=json", "--patch", json.dumps(program))
    release.wait_until_ready()
    way, pod = release.door(), release.pod("relay")
    run_id = way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS)
    with audience(way, [run_id], VIEWERS) as seen:
        wait_until_following(seen)
        namespace.kubectl("exec", pod, "--", "touch", "/tmp/stall-reader-8010")
        began = now()
        wait_for(lambda: restarts(release, pod) == 1, 180, namespace.evidence, interval_seconds=0.2)
        restarted = now() - began
        said = namespace.kubectl("get", "events", "--field-selector", f"involvedObject.name={pod},reason=Unhealthy")
        assert seen.ended == 0, "the run ended too early to see it"
        wait_for_ends(seen, RUN_SECONDS + 120)
    assert "Liveness probe failed: HTTP probe failed with statuscode: 503" in said, said
    assert_whole(seen, LINES)
    figure(
        "E10",
        "relay whose reader is stalled",
        f"restarted after {restarted:.1f} s (at most {STANDING_SECONDS:.0f}), 0 of {LINES} lines lost",
    )
    assert restarted <= STANDING_SECONDS


def restarts(release: Release, pod: str) -> int:
    """Return how often a pod's container was started again."""
    status: dict[str, Any] = release.namespace.get("pod", pod)["status"]
    return int(status["containerStatuses"][0]["restartCount"])
