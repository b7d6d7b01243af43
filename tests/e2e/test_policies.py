"""E13: on a cluster that enforces NetworkPolicies each documented edge is open, and every other pair is closed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from tests.e2e.cluster import Namespace, program, run
from tests.e2e.conftest import new_namespace
from tests.e2e.figures import figure
from tests.e2e.probe import Address, Probe
from tests.e2e.release import NAME, Release, is_ready, merged
from tests.support.chart_edges import EDGE, PORTS, documented
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
#: Engines act upon a new pod a moment later.
SETTLING_SECONDS = 120.0
#: Not installed here: its image is somebody else's, and the rendered test has its edge.
EXPORTER = 9121
#: A listener that has nothing to do with Runtail.
ELSEWHERE = ("elsewhere", 8000)


@pytest.fixture
def strangers(cluster: None) -> Iterator[dict[str, Namespace]]:
    """Namespaces of an Ingress controller, of Prometheus, and of other teams."""
    with new_namespace("outside") as outside, new_namespace("metrics") as metrics, new_namespace("team") as team:
        yield {"outside": outside, "prometheus": metrics, "team": team, "stranger": team}


def test_each_edge_is_open_and_every_other_pair_closed(
    namespace: Namespace, make_release: Callable[..., Release], strangers: Mapping[str, Namespace]
) -> None:
    release = make_release(merged({"tests": {"killRelay": True}}, policies(strangers))).installed()
    sources = probes(release, strangers)
    targets = addresses(release, sources["stranger"])
    expected = {edge for edge in documented() if edge[2] != EXPORTER}
    # Tasks fetch and deploy: their pool is not fenced. The test pod must find the API, whose address is not known.
    expected |= {(source, *ELSEWHERE) for source in ("worker", "test", "outside", "prometheus", "team")}
    expected |= {("fenced", "store", 6379)}
    # No policy stands between a pod and itself.
    pairs = {
        (name, *target): address
        for (name, probe), (target, address) in product(sources.items(), targets.items())
        if address[0] != probe.address
    }

    def seen() -> set[EDGE]:
        opened = {name: probe.reaches(targets.values()) for name, probe in sources.items()}
        return {pair for pair, address in pairs.items() if address in opened[pair[0]]}

    found: set[EDGE] = set()

    def settled() -> bool:
        nonlocal found
        found = seen()
        return found == expected

    try:
        wait_for(settled, SETTLING_SECONDS, interval_seconds=2)
    except AssertionError:
        if len(found) == len(pairs):
            pytest.skip("this cluster enforces no NetworkPolicy; tests/chart/test_policies.py judges what is rendered")
        told = f"open, and should not be: {sorted(found - expected)}; closed likewise: {sorted(expected - found)}"
        raise AssertionError(f"{told}\n{namespace.evidence()}") from None
    figure("E13", "pairs that must be open", f"{len(expected)} of {len(expected)}")
    figure("E13", "pairs that must be closed", f"{len(pairs) - len(expected)} of {len(pairs) - len(expected)}")

    server = str(json.loads(run(program("kubectl"), "--namespace", "kube-system", "get", "service", "kube-dns",
                                "--output", "json").stdout)["spec"]["clusterIP"])  # fmt: skip
    for name, probe in sources.items():
        assert probe.looks_up(), f"{name} reaches no DNS over UDP"
        assert (server, 53) in probe.reaches([(server, 53)]), f"{name} reaches no DNS over TCP"
    figure("E13", "DNS over UDP and TCP from each", f"{len(sources)} of {len(sources)}")
    code, said = release.check()
    assert code == 0, said


def policies(strangers: Mapping[str, Namespace]) -> dict[str, Any]:
    """Return values that let an Ingress controller and Prometheus in."""

    def peer(name: str) -> list[dict[str, Any]]:
        return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": strangers[name].name}}}]

    nowhere = [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]
    return {
        "networkPolicy": {"enabled": True, "gatewayFrom": peer("outside"), "metricsFrom": peer("prometheus")},
        "canary": {"enabled": True},
        "worker": {"pools": {"fenced": {"queues": ["fenced"], "egress": nowhere}}},
    }


def probes(release: Release, strangers: Mapping[str, Namespace]) -> dict[str, Probe]:
    """Return a probe within a pod of each component, and within those of others."""
    image = str(release.pods("web")[0]["spec"]["containers"][0]["image"])
    found = {}
    for component in ("web", "relay", "gateway", "store", "canary"):
        found[component] = Probe.beside(release.namespace, release.pods(component)[0], image)
    for pod in release.pods("worker"):
        pool = pod["metadata"]["labels"]["runtail.io/pool"]
        name = "worker" if pool == "default" else pool
        found[name] = Probe.beside(release.namespace, pod, image)
    labels = {f"app.kubernetes.io/{key}": value for key, value in
              (("name", "runtail"), ("instance", NAME), ("component", "test"))}  # fmt: skip
    found["test"] = stand(release.namespace, "like-the-test", image, labels)
    for name, namespace in strangers.items():
        found[name] = stand(
            namespace, name, image, {"runtail.io/store-access": "true"} if name == "team" else {"app": name}
        )
    wait_for(lambda: all(probe.is_ready() for probe in found.values()), 180, release.namespace.evidence)
    return found


def stand(namespace: Namespace, name: str, image: str, labels: Mapping[str, str]) -> Probe:
    """Make a pod that listens on port 8000 and does nothing else."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "stand",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "http.server", "--directory", "/tmp", "8000"],
        "securityContext": security,
    }
    namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": dict(labels)},
            "spec": {
                "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [container],
            },
        }
    )
    wait_for(lambda: is_ready(namespace.get("pod", name)), 180, namespace.evidence)
    return Probe(namespace, name, str(namespace.get("pod", name)["status"]["podIP"]))


def addresses(release: Release, stranger: Probe) -> dict[tuple[str, int], Address]:
    """Return where each port of each component is, in one of its pods."""
    found = {ELSEWHERE: (stranger.address, 8000)}
    for component, ports in PORTS.items():
        if component == "test":
            continue
        pods = [
            pod
            for pod in release.pods(component)
            if pod["metadata"]["labels"].get("runtail.io/pool", "default") == "default"
        ]
        for port in ports:
            if port != EXPORTER:
                found[component, port] = (str(pods[-1]["status"]["podIP"]), port)
    return found
