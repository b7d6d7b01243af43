"""E7: the pod of a worker is deleted under a task."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import Release, merged

pytestmark = pytest.mark.timeout(900)
#: A worker drains for this less 25 s.
GRACE_SECONDS = 40
LOST_SECONDS, MISSING_MS = 15.0, 150
OVER = ("succeeded", "failed", "cancelled", "lost")
#: Of the task, between two lines.
LINE_MS = 10


def test_worker_pod_deleted(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(door.values(), pools.values(GRACE_SECONDS)))
    way = release.door()

    # Inside its grace: it ends by itself.
    run_id = way.start("counting.count", key="inside", lines=100, seconds=12)
    way.wait_for_lines(run_id, 20)
    delete(release)
    record = way.wait_for_state(run_id, *OVER)
    assert record["state"] == "succeeded", record
    code, text = way.follow(run_id)
    assert (code, text) == (0, [f"Line {number}" for number in range(1, 101)])
    figure("E7", "worker pod deleted, task inside the grace", "succeeded, 100 of 100 lines")

    # Beyond it: interrupted, and all that it printed is there.
    release.wait_until_ready("worker")
    run_id = way.start("counting.count", key="beyond", lines=30_000, seconds=300)
    way.wait_for_lines(run_id, 20)
    began = time.monotonic()
    delete(release)
    record = way.wait_for_state(run_id, *OVER)
    took = time.monotonic() - began
    assert (record["state"], record["why"]) == ("lost", "told to stop by a signal"), record
    assert "interrupted" in way.events(run_id)
    lines, printed, _ = seen_and_printed(release, way, run_id, "beyond")
    # What the task had printed but not counted yet when it was ended.
    assert lines in (printed, printed + 1)
    figure(
        "E7",
        "worker pod deleted, task beyond the grace",
        f"interrupted after {took:.1f} s, 0 of {printed} lines missing",
    )

    # Without any grace.
    release.wait_until_ready("worker")
    run_id = way.start("counting.count", key="none", lines=30_000, seconds=300)
    way.wait_for_lines(run_id, 20)
    delete(release, "--grace-period=0", "--force")
    record = way.wait_for_state(run_id, *OVER)
    assert record["state"] == "lost", record
    assert "interrupted" not in way.events(run_id)
    lines, printed, last_ms = seen_and_printed(release, way, run_id, "none")
    lost_seconds = (record["finished_ms"] - last_ms) / 1000
    missing_ms = max(0, printed - lines) * LINE_MS
    figure(
        "E7",
        "worker pod killed",
        f"lost {lost_seconds:.1f} s later (at most {LOST_SECONDS:.0f}), {missing_ms} ms missing",
    )
    assert lost_seconds <= LOST_SECONDS
    assert missing_ms <= MISSING_MS


def delete(release: Release, *how: str) -> None:
    """Delete the pod that takes from the queue, and go on at once."""
    release.namespace.kubectl("delete", "pod", "--selector", "runtail.io/pool=counting", "--wait=false", *how)


def seen_and_printed(release: Release, way: door.Door, run_id: str, key: str) -> tuple[int, int, int]:
    """Return how many lines are stored, how many the task printed, and when the last of them was (ms since 1970)."""
    _, text = way.follow(run_id)
    lines = [line for line in text if line.startswith("Line ")]
    assert lines == [f"Line {number}" for number in range(1, len(lines) + 1)]
    printed, last_ms = map(int, release.store("get", f"counting:{key}").split())
    return len(lines), printed, last_ms
