"""E8: the pod of the bundled store is deleted; its claim stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release, is_ready, merged
from tests.e2e.watching import assert_whole, audience, now, wait_for_ends, wait_until_following
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
VIEWERS, LINES, RUN_SECONDS = 20, 9_000, 90.0
ON_AGAIN_SECONDS = 10.0


def test_store_pod_deleted(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(merged(door.values(), pools.values()), door.admit(namespace, VIEWERS)))
    way = release.door()
    before = {pod["metadata"]["name"] for pod in release.pods()}
    run_id = way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS)
    way.wait_for_lines(run_id, 10)
    with audience(way, [run_id], VIEWERS) as seen:
        wait_until_following(seen)
        namespace.kubectl("delete", "pod", f"{NAME}-store-0", "--wait=true")
        wait_for(
            lambda: any(is_ready(pod) for pod in release.pods("store")), 240, namespace.evidence, interval_seconds=0.1
        )  # fmt: skip
        ready = now()
        wait_for(lambda: all(viewer.first_after(ready) < float("inf") for viewer in seen.viewers), 60)
        on_again = max(viewer.first_after(ready) for viewer in seen.viewers)
        wait_for_ends(seen, RUN_SECONDS + 120)
    assert_whole(seen, LINES)
    assert way.record(run_id)["state"] == "succeeded"
    figure("E8", "store pod deleted", f"0 of {LINES} lines lost for {VIEWERS} viewers")
    figure("E8", "screens go on after the store is ready", f"{on_again:.1f} s (at most {ON_AGAIN_SECONDS:.0f})")
    assert on_again <= ON_AGAIN_SECONDS
    assert release.restarts() == {}
    assert {pod["metadata"]["name"] for pod in release.pods()} == before, "other pods were replaced"
    figure("E8", "restarts of other pods", "0")
