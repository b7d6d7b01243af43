"""E15: an upgrade that cannot work stops, and what was there goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release, merged
from tests.e2e.watching import Loads, assert_whole, audience, wait_for_ends, wait_until_following

pytestmark = pytest.mark.timeout(900)
VIEWERS, LINES, RUN_SECONDS = 20, 6_000, 120.0
#: How long Helm waits for the pods, which never come.
WAIT = "25s"
MISSING_IMAGE = {"web": {"image": {"tag": "no-such-tag"}}, "relay": {"image": {"tag": "no-such-tag"}}}
WRONG = {"extra": {"env": [{"name": "RUNTAIL_LEASE_SECONDS", "value": "soon"}]}}
WRONG_SETTING = {"web": WRONG, "relay": WRONG}


def test_failed_upgrade(namespace: Namespace, install: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = install(merged(merged(door.values(), pools.values()), door.admit(namespace, VIEWERS)))
    way = release.door()
    before = serving(release)
    run_id = way.start("counting.print_all", lines=LINES, seconds=RUN_SECONDS)
    way.wait_for_lines(run_id, 10)
    whole = release.values
    with Loads(way.url, way.token) as loads, audience(way, [run_id], VIEWERS) as seen:
        wait_until_following(seen)
        for what, values in (("missing image", MISSING_IMAGE), ("setting that does not parse", WRONG_SETTING)):
            done = release.upgrade(values, "--wait", "--timeout", WAIT, check=False)
            assert done.returncode != 0, done.stdout
            assert serving(release) >= before, namespace.evidence()
            assert reason(release, what), namespace.evidence()
            figure("E15", f"helm upgrade --wait with a {what}", f"fails; {reason(release, what)}")
            release.values = whole
            release.helm("rollback", NAME)
            release.wait_until_ready()
        wait_for_ends(seen, RUN_SECONDS + 120)
    assert_whole(seen, LINES)
    assert loads.failures == [], loads.failures
    figure("E15", "meanwhile", f"0 of {LINES} lines lost for {VIEWERS} viewers, 0 of {loads.loads} page loads failed")


def serving(release: Release) -> set[str]:
    """Return the names of the pods that pages and viewers are served by."""
    return {
        str(pod["metadata"]["name"])
        for pod in [*release.pods("web"), *release.pods("relay")]
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
    }


def reason(release: Release, what: str) -> str:
    """Return what the new pods say of themselves, where ``kubectl describe`` shows it."""
    for pod in [*release.pods("web"), *release.pods("relay")]:
        for status in pod["status"].get("containerStatuses", []):
            found = text_of(status)
            if ("no-such-tag" in found) if what == "missing image" else ("RUNTAIL_LEASE_SECONDS" in found):
                return found.strip().splitlines()[-1][:160]
    return ""


def text_of(status: dict[str, Any]) -> str:
    """Return the words of a container's state: why it waits, or its termination message."""
    words = []
    for state in (status.get("state", {}), status.get("lastState", {})):
        for word, what in state.items():
            if word in ("waiting", "terminated"):
                words.append(str(what.get("message", "")))
    return "\n".join(filter(None, words))
