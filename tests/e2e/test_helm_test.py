"""E2, E3: ``helm test`` says yes to a healthy release, why not to a broken one, and sees a relay die."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import new_namespace
from tests.e2e.figures import figure
from tests.e2e.probe import Probe
from tests.e2e.release import NAME, READY_SECONDS, Release, is_ready
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
HEALTHY_SECONDS, STALL_SECONDS = 60.0, 2.0
#: How long a check of a broken release may look, so that all of them do not take all day.
PATIENCE_SECONDS = 30
caught: set[str] = set()


@dataclass(frozen=True)
class Break:
    """A way to break a release.

    :param reason: what ``helm test`` must say.
    """

    name: str
    reason: str
    apply: Callable[[Release], None]
    mend: Callable[[Release], None]


def scale(workload: str, broken: int, whole: int) -> tuple[Callable[[Release], None], Callable[[Release], None]]:
    """Break by a number of pods."""

    def to(replicas: int) -> Callable[[Release], None]:
        return lambda release: wait_for_pods(release, workload, replicas)

    return to(broken), to(whole)


def wait_for_pods(release: Release, workload: str, replicas: int) -> None:
    """Scale a workload, and wait until the pods are there, or gone: one that leaves serves for some seconds more."""
    kind, component = ("statefulset", "store") if workload == "store" else ("deployment", workload.partition("-")[0])
    release.namespace.kubectl("scale", f"{kind}/{NAME}-{workload}", f"--replicas={replicas}")
    selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component={component}"
    wait_for(
        lambda: len(release.namespace.get("pods", selector=selector)) == replicas,
        120,
        release.namespace.evidence,
        interval_seconds=0.5,
    )


def set_passwords(release: Release, key: str, value: str) -> None:
    """Change a password of the store, and restart the store only: clients go on with the old one."""
    patch = {"data": {key: base64.b64encode(value.encode()).decode()}}
    release.namespace.kubectl("patch", "secret", f"{NAME}-store", "--patch", json.dumps(patch))
    restart_store(release)


def restart_store(release: Release) -> None:
    """Replace the store's pod, and wait until the new one answers: the StatefulSet may still count the old one."""
    release.namespace.kubectl("delete", "pod", f"{NAME}-store-0", "--wait=true")
    wait_for(
        lambda: any(is_ready(pod) for pod in release.pods("store")),
        READY_SECONDS,
        release.namespace.evidence,
        interval_seconds=0.5,
    )


def wrong_password(release: Release) -> None:
    """Break by the trap of half a rotation."""
    secret = release.namespace.get("secret", f"{NAME}-store")["data"]["web"]
    release.namespace.kubectl("annotate", "secret", f"{NAME}-store", f"test/web={secret}", "--overwrite")
    set_passwords(release, "web", "anotherpassword")


def right_password(release: Release) -> None:
    """Set the password back."""
    secret = release.namespace.get("secret", f"{NAME}-store")["metadata"]["annotations"]["test/web"]
    set_passwords(release, "web", base64.b64decode(secret).decode())


def policy(
    name: str, component: str, port: int = 0, **rules: object
) -> tuple[Callable[[Release], None], Callable[[Release], None]]:
    """Break by a NetworkPolicy.

    :param port: of the component, which it closes to all.
    """
    labels = {"app.kubernetes.io/instance": NAME, "app.kubernetes.io/component": component}
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": labels}, **rules},
    }

    def apply(release: Release) -> None:
        release.namespace.apply(manifest)
        pods = [str(pod["status"]["podIP"]) for pod in release.pods(component)]
        if pods:  # engines act upon it a moment later
            web = Probe(release.namespace, release.pod("web"), "")
            wait_for(lambda: not web.reaches([(pod, port) for pod in pods]), 120, release.namespace.evidence)

    return apply, lambda release: void(release.namespace.kubectl("delete", "networkpolicy", name))


def void(_: object) -> None:
    """Take what nobody needs."""


def hosts(value: str) -> Callable[[Release], None]:
    """Change the names that web answers to; empty: back to the chart's."""

    def change(release: Release) -> None:
        variable = f"RUNTAIL_ALLOWED_HOSTS={value}" if value else "RUNTAIL_ALLOWED_HOSTS-"
        release.namespace.kubectl("set", "env", f"deployment/{NAME}-web", variable)
        release.wait_until_ready("web")

    return change


def evicting(release: Release) -> None:
    """Break by another setting of the store, as its operator may make; who uses it only connects again."""
    set_policy(release, "allkeys-lru")


def keeping(release: Release) -> None:
    """Set it back."""
    set_policy(release, "noeviction")


def set_policy(release: Release, policy: str) -> None:
    """Write what the store does when its memory is full, and restart it."""
    written = release.namespace.get("configmap", f"{NAME}-store")["data"]["valkey.conf"]
    changed = re.sub(r"(?m)^maxmemory-policy .*$", f"maxmemory-policy {policy}", written)
    patch = {"data": {"valkey.conf": changed}}
    release.namespace.kubectl("patch", "configmap", f"{NAME}-store", "--patch", json.dumps(patch))
    restart_store(release)


BREAKS = (
    Break("store-down", "store", *scale("store", 0, 1)),
    Break("wrong-password", "password", wrong_password, right_password),
    Break("no-relay", "no relay answers", *scale("relay", 0, 2)),
    Break("no-worker", "no worker takes from the queue runtail-check", *scale("worker-default", 0, 1)),
    Break("policy", "no relay answers", *policy("deny", "relay", 8010, policyTypes=["Ingress"], ingress=[])),
    Break("host", "RUNTAIL_ALLOWED_HOSTS", hosts("other.example"), hosts("")),
    Break("dns", "name", *policy("deny", "test", policyTypes=["Egress"], egress=[{"ports": [{"port": 8080}]}])),
    Break("store-evicts", "maxmemory-policy allkeys-lru", evicting, keeping),
)


@pytest.fixture(scope="module")
def release(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """A release that the tests of this file break and mend."""
    with new_namespace("helm-test") as namespace:
        yield Release(namespace, tmp_path_factory.mktemp("helm-test")).installed()


def test_healthy(release: Release) -> None:
    began = time.monotonic()
    code, said = release.check()
    seconds = time.monotonic() - began
    assert code == 0, said
    assert "Everything works: all lines arrived and match their digests." in said
    figure("E2", "helm test of a healthy release", f"{seconds:.1f} s (at most {HEALTHY_SECONDS:.0f})")
    assert seconds <= HEALTHY_SECONDS


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)
def test_broken(release: Release, broken: Break) -> None:
    release.upgrade({"tests": {"timeoutSeconds": PATIENCE_SECONDS}})
    broken.apply(release)
    try:
        code, said = release.check()
    finally:
        broken.mend(release)
        release.wait_until_ready()
    why = re.search("Not well: (.*)|Error: (.*)", said)
    assert code == 1, said
    assert why, said
    assert broken.reason in said, said
    caught.add(broken.name)
    figure("E2", f"broken: {broken.name}", (why[1] or why[2])[:200])
    figure("E2", "broken releases caught, with the reason", f"{len(caught)} of {len(BREAKS)}")


def test_mended(release: Release) -> None:
    # A worker that lost its broker tries again at growing distances.
    release.upgrade({"tests": {"timeoutSeconds": int(HEALTHY_SECONDS)}})
    code, said = release.check()
    assert code == 0, said


def test_relay_killed(release: Release) -> None:
    release.upgrade({"tests": {"killRelay": True, "timeoutSeconds": 90}})
    release.wait_until_ready()
    code, said = release.check()
    assert code == 0, said
    killed = re.search(r"killed (\S+), which served this check", said)
    pause = re.search(r"3000 of 3000 lines, .* the longest pause ([0-9.]+) s", said)
    assert killed, said
    assert pause, said
    assert killed[1] not in {pod["metadata"]["name"] for pod in release.pods("relay")}
    figure(
        "E3",
        "the relay that is watched is killed",
        f"verified, longest pause {pause[1]} s (at most {STALL_SECONDS:.0f})",
    )
    assert float(pause[1]) <= STALL_SECONDS
    release.upgrade({"tests": {"killRelay": False}})
