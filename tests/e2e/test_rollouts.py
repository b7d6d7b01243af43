"""E4, E5: everything is replaced, and relays get fewer and more, while many watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import CHART, NAME, Release, image_values, merged, of_images
from tests.e2e.watching import Loads, assert_whole, audience, now, pauses, wait_for_ends, wait_until_following
from tests.support import earlier
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(1500)
RUNS, LINES_PER_SECOND, RUN_SECONDS = 10, 200, 240.0
LINES = int(LINES_PER_SECOND * RUN_SECONDS)
UPGRADE_VIEWERS, SCALE_VIEWERS = 50, 300
STALL_SECONDS = 1.5
#: Ten tasks at once, and a pod that leaves has the time to end them.
POOL = {"concurrency": RUNS, "resources": {"requests": {"cpu": "200m"}, "limits": {"memory": "2Gi"}}}


def test_upgrade_and_rollback(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    pair = versions()
    release = install(merged(merged(door.values(), pools.values(600, **POOL)), pair.before), chart=pair.chart)
    way = release.door()
    old = ours(release)
    runs = [way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS) for _ in range(RUNS)]
    with Loads(f"{way.url}/runs/{runs[0]}") as loads, audience(way, runs, UPGRADE_VIEWERS) as seen:
        wait_until_following(seen)
        began = now()
        release.chart = CHART
        release.upgrade(pair.after)
        release.wait_until_ready()
        assert not ours(release) & old, "pods of the old version are left"
        more = [way.start("counting.print_all", lines=1000, seconds=20.0) for _ in range(RUNS)]
        release.helm("rollback", NAME)
        release.wait_until_ready()
        rolled_back = now() - began
        wait_for_ends(seen, RUN_SECONDS + 300)
    assert_whole(seen, LINES)
    ended = [way.wait_for_state(run, "succeeded", "failed", "lost")["state"] for run in [*runs, *more]]
    assert ended == ["succeeded"] * len(ended), ended
    assert loads.failures == [], loads.failures
    figure("E4", "from, to, and back", pair.words)
    figure("E4", "upgrade and rollback took", f"{rolled_back:.0f} s, under {UPGRADE_VIEWERS} viewers of {RUNS} runs")
    figure("E4", "lines lost, doubled, screens reset", f"0, 0, 0 of {LINES * RUNS} lines")
    figure("E4", "runs lost", f"0 of {len(ended)}")
    figure("E4", "failed page loads", f"0 of {loads.loads}")


def ours(release: Release) -> set[str]:
    """Return the names of the pods that run images of ours."""
    return {str(pod["metadata"]["name"]) for name in ("web", "relay", "worker") for pod in release.pods(name)}


@dataclass(frozen=True, slots=True)
class Pair:
    """What is upgraded to what.

    :param chart: of the version before.
    :param words: what the figures say of it.
    """

    chart: Path
    before: dict[str, Any]
    after: dict[str, Any]
    words: str


def versions() -> Pair:
    """Return the version before and this one.

    ``make images-earlier`` brings the images of the version before: of the newest release in ``helm/releases.json``,
    or of the commit that stands in while there is none. Without a release and without these images, pods are
    replaced by pods of the same images.

    :raises AssertionError: if there is a release, and its images were not built.
    """
    before, tree = earlier.chosen(), earlier.built()
    images = tree / "build/images.yaml"
    if images.exists():
        # What the values before name is gone with them: a digest would win over this version's tag.
        after = merged(of_images({"registry": "", "tag": "", "digest": ""}), image_values())
        return Pair(tree / "helm/runtail", yaml.safe_load(images.read_text()), after, f"{before}, with its chart")
    assert not before.version, f"{before} has no images here: `make images-earlier LOAD=...` (or PUSH=) brings them"
    marked = {"metadata": {"annotations": {"test/version": "after"}}}
    after = {"web": marked, "relay": marked, "gateway": marked, "worker": {"defaults": marked}}
    words = "the same images and chart: nothing was released yet, and `make images-earlier` was not called"
    return Pair(CHART, {}, after, words)


def test_relays_fewer_and_more(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(merged(door.values(), pools.values(40)), {"relay": {"replicas": 3}}))
    way = release.door()
    seconds, lines = 120.0, 2400
    run_id = way.start("counting.print_all", lines=lines, seconds=seconds)
    with audience(way, [run_id], SCALE_VIEWERS) as seen:
        wait_until_following(seen)
        began = now()
        for replicas in (1, 3):
            # helm upgrade, as an operator would: what an autoscaler does is the same to the pods.
            release.upgrade({"relay": {"replicas": replicas}})
            release.wait_until_ready("relay")
            wait_for_relays(release, replicas)
        assert seen.ended == 0, "the run ended too early to see it"
        p99, longest = pauses(seen, began, now())
        wait_for_ends(seen, seconds + 120)
    assert_whole(seen, lines)
    figure("E5", f"relays 3, 1, 3 under {SCALE_VIEWERS} viewers", f"0 of {lines} lines lost or doubled")
    figure("E5", "screens stood still", f"p99 {p99:.2f} s (at most {STALL_SECONDS}), longest {longest:.2f} s")
    assert p99 <= STALL_SECONDS


def wait_for_relays(release: Release, count: int) -> None:
    """Return when there are so many relays, and none that leaves."""
    selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=relay"
    wait_for(
        lambda: len(release.namespace.get("pods", selector=selector)) == count,
        120,
        release.namespace.evidence,
        interval_seconds=0.5,
    )
