"""NetworkPolicies allow the edges of the table in docs/kubernetes.md, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.chart.objects import takes
from tests.support.chart import Object, pod_template, profile, render
from tests.support.chart_edges import EDGE, PORTS, documented

#: Other pods, by namespace and labels.
STRANGERS = {
    "outside": ("ingress-nginx", {}),
    "prometheus": ("monitoring", {}),
    "team": ("team", {"runtail.io/store-access": "true"}),
    "stranger": ("team", {"app": "other"}),
}


def peers_take(peers: list[dict[str, Any]], namespace: str, labels: dict[str, str]) -> bool:
    """Tell whether a rule's peers take a pod; no peers take everybody."""
    if not peers:
        return True
    for peer in peers:
        selected = peer.get("namespaceSelector")
        if "podSelector" not in peer and "namespaceSelector" not in peer:
            continue
        if selected is None and namespace != "rt":
            continue
        if selected is not None and not takes(selected, {"kubernetes.io/metadata.name": namespace}):
            continue
        if takes(peer.get("podSelector", {}), labels):
            return True
    return False


def allows(rules: list[dict[str, Any]], side: str, namespace: str, labels: dict[str, str], port: int) -> bool:
    """Tell whether rules allow traffic with a pod."""
    return any(
        (not rule.get("ports") or port in [one["port"] for one in rule["ports"]])
        and peers_take(rule.get(side, []), namespace, labels)
        for rule in rules
    )


def edges(objects: list[Object]) -> Iterator[EDGE]:
    """Return which of all pods may reach which port of ours, as the cluster would judge."""
    pods: dict[str, tuple[str, dict[str, str]]] = dict(STRANGERS)
    for one in objects:
        pod = pod_template(one)
        if pod:
            labels = pod["metadata"]["labels"]
            pods.setdefault(labels["app.kubernetes.io/component"], ("rt", labels))
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    for (source, (namespace, labels)), target in product(pods.items(), PORTS.keys() & pods.keys()):
        for port in PORTS[target]:
            goes = [one for one in policies if namespace == "rt" and takes(one["podSelector"], labels)]
            comes = [one for one in policies if takes(one["podSelector"], pods[target][1])]
            assert comes, f"nothing guards {target}"
            out = not goes or any(allows(one["egress"], "to", *pods[target], port) for one in goes)
            if out and any(allows(one["ingress"], "from", namespace, labels, port) for one in comes):
                yield source, target, port


def test_the_edges_are_those_of_the_documentation() -> None:
    values = profile("policies")
    # So that the test pod may go to a relay's metrics, and a worker's egress is not "anywhere".
    values["tests"] = {"killRelay": True}
    allowed = set(edges(render(values)))
    assert allowed == documented()
    assert len(allowed) >= 15


def test_an_ingress_controller_takes_the_gateways_place() -> None:
    values = profile("httproute-without-gateway")
    allowed = set(edges(render(values)))
    infra = {(target, port) for source, target, port in allowed if source == "outside"}
    # Strangers of another namespace than the one that was named do not come in.
    assert infra == set()
    assert {("canary", "web", 8000), ("canary", "relay", 8010), ("test", "web", 8000)} <= allowed
    assert not [edge for edge in allowed if edge[0] == "stranger"]


def test_without_peers_anybody_reaches_the_gateway_and_nobody_scrapes() -> None:
    allowed = set(edges(render(profile("policies-open"))))
    assert ("stranger", "gateway", 8080) in allowed
    assert not [edge for edge in allowed if edge[0] == "stranger" and edge[1] != "gateway"]
    assert not [edge for edge in allowed if edge[2] in (8001, 8021, 8031)]


def test_a_fenced_pool_reaches_dns_the_store_and_what_it_was_given() -> None:
    (pool,) = [
        one["spec"]
        for one in render(profile("policies"))
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].endswith("worker-fenced")
    ]
    assert [rule.get("to", [{}])[0].get("ipBlock") for rule in pool["egress"]] == [None, None, {"cidr": "10.0.0.0/8"}]
    assert {} not in pool["egress"]
