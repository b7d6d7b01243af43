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
from tests.e2e.watching import (
    Loads,
    assert_whole,
    audience,
    now,
    pauses,
    troubles,
    undisturbed_pause,
    wait_for_ends,
    wait_until_following,
)
from tests.support import earlier
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(1500)
RUNS, LINES_PER_SECOND, RUN_SECONDS = 10, 200, 240.0
LINES = int(LINES_PER_SECOND * RUN_SECONDS)
UPGRADE_VIEWERS, SCALE_VIEWERS = 50, 300
#: The viewers come from one address.
ONE_AUDIENCE = {"settings": {"RUNTAIL_LIMIT_SOCKETS": 0}}
STALL_SECONDS = 1.5
#: Where lines come later than this to viewers whom nothing disturbs, pauses measure the machine.
CALM_SECONDS = 0.5
#: Ten tasks at once, and a pod that leaves has the time to end them.
POOL = {"concurrency": RUNS, "resources": {"requests": {"cpu": "200m"}, "limits": {"memory": "2Gi"}}}


def test_upgrade_and_rollback(namespace: Namespace, install: Callable[..., Release]) -> None:
    """No line is lost, doubled or wrong, and nobody begins anew except where the store's own pod is replaced.

    That happens if the upgrade changes the store's configuration, and once more at the rollback. There is no second
    store meanwhile. Where it is away for longer than a lease (10 s, which a pod on a busy node takes), each writer
    begins a new epoch: only the server that is gone knew whether the reaper had ended the run meanwhile. So each
    viewer may begin anew once for each replacement, and then has all lines.
    """
    pools.mount(namespace)
    pair = versions()
    # The tokens are there before somebody asks for them: a version without a login takes all viewers.
    admitted = door.admit(namespace, UPGRADE_VIEWERS)
    before = {} if pair.without_login else admitted
    release = install(
        merged(merged(door.values(), pools.values(600, **POOL)), {**pair.before, **before}), chart=pair.chart
    )
    way = release.door()
    old, stores = ours(release), [store_pod(release)]
    runs = [way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS) for _ in range(RUNS)]
    with Loads(f"{way.url}/runs/{runs[0]}", way.token) as loads, audience(way, runs, UPGRADE_VIEWERS) as seen:
        wait_until_following(seen)
        began = now()
        release.chart = CHART
        # Without what the version before asked for.
        release.values["access"] = door.values()["access"]
        release.upgrade({**pair.after, **admitted})
        release.wait_until_ready()
        assert not ours(release) & old, "pods of the old version are left"
        stores.append(store_pod(release))
        more = [way.start("counting.print_all", lines=1000, seconds=20.0) for _ in range(RUNS)]
        release.helm("rollback", NAME)
        release.wait_until_ready()
        stores.append(store_pod(release))
        rolled_back = now() - began
        p99, longest = pauses(seen, began, began + rolled_back)
        wait_for_ends(seen, RUN_SECONDS + 300)
    print(troubles(seen, began, began + rolled_back))
    replaced = len(set(stores)) - 1
    assert_whole(seen, LINES, store_resets=replaced)
    ended = [way.wait_for_state(run, "succeeded", "failed", "lost")["state"] for run in [*runs, *more]]
    assert ended == ["succeeded"] * len(ended), ended
    assert loads.failures == [], loads.failures
    figure("E4", "from, to, and back", pair.words)
    figure("E4", "upgrade and rollback took", f"{rolled_back:.0f} s, under {UPGRADE_VIEWERS} viewers of {RUNS} runs")
    figure("E4", "lines lost, doubled", f"0, 0 of {LINES * RUNS} lines")
    figure("E4", "store's pod replaced, viewers began anew", f"{replaced} times, {seen.total('resets')} times")
    figure("E4", "screens stood still", f"p99 {p99:.0f} s, longest {longest:.0f} s")
    figure("E4", "runs lost", f"0 of {len(ended)}")
    figure("E4", "failed page loads", f"0 of {loads.loads}")


def ours(release: Release) -> set[str]:
    """Return the names of the pods that run images of ours."""
    return {str(pod["metadata"]["name"]) for name in ("web", "relay", "worker") for pod in release.pods(name)}


def store_pod(release: Release) -> str:
    """Return the uid of the store's pod."""
    (pod,) = release.pods("store")
    return str(pod["metadata"]["uid"])


@dataclass(frozen=True, slots=True)
class Pair:
    """What is upgraded to what.

    :param chart: of the version before.
    :param words: what the figures say of it.
    :param without_login: the version before knows nothing of it.
    """

    chart: Path
    before: dict[str, Any]
    after: dict[str, Any]
    words: str
    without_login: bool = False


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
        chart = tree / "helm/runtail"
        known = yaml.safe_load((chart / "values.yaml").read_text())
        named = yaml.safe_load(images.read_text())
        if "auth" not in known:
            # It asks who keeps others away.
            named["access"] = {"protectedBy": "nobody else is here"}
        return Pair(chart, named, after, f"{before}, with its chart", "auth" not in known)
    assert not before.version, f"{before} has no images here: `make images-earlier LOAD=...` (or PUSH=) brings them"
    marked = {"metadata": {"annotations": {"test/version": "after"}}}
    after = {"web": marked, "relay": marked, "gateway": marked, "worker": {"defaults": marked}}
    words = "the same images and chart: nothing was released yet, and `make images-earlier` was not called"
    return Pair(CHART, {}, after, words)


def test_relays_fewer_and_more(namespace: Namespace, install: Callable[..., Release]) -> None:
    """No line is lost, and whoever has to change relays is back soon, if the machine lets lines come in time at all."""
    pools.mount(namespace)
    admitted = door.admit(namespace, SCALE_VIEWERS)
    release = install(
        merged(merged(door.values(), pools.values(40)), {"relay": {"replicas": 3}, **ONE_AUDIENCE, **admitted})
    )
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
        over = now()
        p99, longest = pauses(seen, began, over)
        undisturbed = undisturbed_pause(seen, began, over)
        wait_for_ends(seen, seconds + 120)
    assert_whole(seen, lines)
    calm = undisturbed <= CALM_SECONDS
    figure("E5", f"relays 3, 1, 3 under {SCALE_VIEWERS} viewers", f"0 of {lines} lines lost or doubled")
    figure("E5", "screens stood still", f"p99 {p99:.2f} s (at most {STALL_SECONDS}), longest {longest:.2f} s")
    judged = "" if calm else f": more than {CALM_SECONDS}, so the machine was too busy to judge the others"
    figure("E5", "… of viewers that could stay where they were", f"p99 {undisturbed:.2f} s{judged}")
    print(troubles(seen, began, over))
    assert p99 <= STALL_SECONDS or not calm


def wait_for_relays(release: Release, count: int) -> None:
    """Return when there are so many relays, and none that leaves."""
    selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=relay"
    wait_for(
        lambda: len(release.namespace.get("pods", selector=selector)) == count,
        120,
        release.namespace.evidence,
        interval_seconds=0.5,
    )
