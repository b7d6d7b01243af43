"""E9, E10: a task that takes too much memory, and a relay that stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import Release, is_ready, merged
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
NEXT_RUN_SECONDS, STOPPED_SECONDS = 30.0, 30.0


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


def restarts(release: Release, pod: str) -> int:
    """Return how often a pod's container was started again."""
    status: dict[str, Any] = release.namespace.get("pod", pod)["status"]
    return int(status["containerStatuses"][0]["restartCount"])
