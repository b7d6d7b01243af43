"""What the chart has: each row of the table in docs/kubernetes.md, shown in what it renders or is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.support.chart import (
    CHART,
    PROFILES,
    ROOT,
    Object,
    Refused,
    containers,
    find,
    pod_template,
    profile,
    render,
)

FEATURES = 42


def of(name: str, kind: str) -> list[Object]:
    """The objects of a kind that a profile renders."""
    return [one for one in render(profile(name)) if one["kind"] == kind]


def pods(name: str) -> list[Object]:
    """The pods that a profile's workloads make, and those of its tests."""
    return [pod for one in render(profile(name)) if (pod := pod_template(one))]


def specs(name: str) -> list[Any]:
    return [pod["spec"] for pod in pods(name)]


def refused(values: dict[str, Any]) -> str:
    """Return what Helm says of values; empty if it renders them."""
    try:
        render(values)
    except Refused as error:
        return str(error)
    return ""


def text(path: str) -> str:
    return (ROOT / path).read_text()


def _scalers(name: str) -> list[Any]:
    return [one["spec"] for one in of(name, "HorizontalPodAutoscaler")]


def _autoscaled_have_no_replicas() -> bool:
    named = {one["scaleTargetRef"]["name"] for one in _scalers("scaling-hpa")}
    found = [one for one in of("scaling-hpa", "Deployment") if one["metadata"]["name"] in named]
    return bool(found) and not any("replicas" in one["spec"] for one in found)


def _labels_stay_out_of_selectors() -> bool:
    return all(
        "cost-center" in one["metadata"]["labels"] and "cost-center" not in one["spec"]["selector"]["matchLabels"]
        for one in of("everything-extra", "Deployment")
    )


def _restricted() -> bool:
    return all(
        spec["securityContext"]["runAsNonRoot"] and one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        for pod in pods("defaults")
        for spec in [pod["spec"]]
        for one in containers(pod)
    )


EXTRA = "everything-extra"
CHECKS: dict[str, Callable[[], object]] = {
    "Schema of all values": lambda: json.loads(text("helm/runtail/values.schema.json"))["properties"]["web"],
    "Unknown keys refused by name": lambda: "relpicas" in refused({"web": {"relpicas": 1}}),
    "Secrets of your own": lambda: "team-redis" in json.dumps(specs("external")),
    "Passwords, tokens and keys made once and kept": lambda: any(
        one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
        for one in of("defaults", "Secret")
    ),
    "A registry for all images": lambda: "registry.example.com/mirror/" in json.dumps(specs("airgap")),
    "Digests before tags": lambda: "@sha256:" in json.dumps(specs("airgap")),
    "Logins of registries": lambda: all(spec["imagePullSecrets"] for spec in specs("airgap")),
    "Names of your choice": lambda: of("name-override", "Service") and of("names", "Service"),
    "Labels for all objects": _labels_stay_out_of_selectors,
    "Environment variables": lambda: '"RELEASE"' in json.dumps(specs(EXTRA)),
    "Environment from Secrets and ConfigMaps": lambda: "team-secret" in json.dumps(specs(EXTRA)),
    "Volumes": lambda: '"/shared"' in json.dumps(specs(EXTRA)),
    "Further containers, before and beside": lambda: {"wait", "beside"}
    <= {one["name"] for pod in pods(EXTRA) for one in containers(pod)},
    "Annotations and labels of pods": lambda: any(
        pod["metadata"]["annotations"].get("team") == "tools" for pod in pods(EXTRA) if "annotations" in pod["metadata"]
    ),
    "Objects of your own": lambda: any(
        one["metadata"]["name"] == "runtail-extra" for one in of(EXTRA, "ConfigMap")
    ),
    "Disruption budgets": lambda: of("defaults", "PodDisruptionBudget"),
    # Not of workers: one that looks for its broker is not ready, and has tasks in hand.
    "Eviction of pods that are not ready": lambda: {
        one["metadata"]["name"]
        for one in of("defaults", "PodDisruptionBudget")
        if one["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    }
    == {"runtail-web", "runtail-relay", "runtail-gateway"},
    "Horizontal autoscaling with behaviour": lambda: any("behavior" in one for one in _scalers("scaling-hpa")),
    "KEDA": lambda: of("scaling-keda", "ScaledObject"),
    "Replicas left to the autoscaler": _autoscaled_have_no_replicas,
    "ServiceMonitors": lambda: of("monitoring-services", "ServiceMonitor"),
    "PodMonitor": lambda: of("monitoring", "PodMonitor"),
    "PrometheusRule": lambda: of("monitoring", "PrometheusRule"),
    "Alerts with runbooks": lambda: len(re.findall(r"- alert:", "".join(
        path.read_text() for path in (CHART / "files/rules").glob("*.yaml")))) >= 21,
    "Dashboards": lambda: len(list((CHART / "files/dashboards").glob("*.json"))) == 4,
    "Objects of the Grafana operator": lambda: len(of("monitoring", "GrafanaDashboard")) == 4,
    "Network policies": lambda: of("policies", "NetworkPolicy"),
    "Ingress": lambda: of("ingress", "Ingress"),
    "HTTPRoute": lambda: of("httproute", "HTTPRoute"),
    "Spread over nodes and zones": lambda: all(
        "topologySpreadConstraints" in one["spec"]["template"]["spec"] for one in of("defaults", "Deployment")
    ),
    "Tolerations, affinity, priority": lambda: {"tolerations", "affinity", "priorityClassName"}
    <= specs(EXTRA)[0].keys(),
    "Runtime class and user namespaces": lambda: {"runtimeClassName", "hostUsers"} <= specs(EXTRA)[0].keys(),
    "Restarts when configuration changes": lambda: all(
        any(name.startswith("checksum/") for name in one["spec"]["template"]["metadata"]["annotations"])
        for one in of("defaults", "Deployment")
    ),
    "Probes and graces open": lambda: (
        of_web := render({"web": {"probes": {"readiness": {"periodSeconds": 9}}, "preStopSeconds": 9}})
    ) and '"periodSeconds": 9' in json.dumps(find(of_web, "Deployment", "runtail-web")),
    "Restricted pods": _restricted,
    "No token, no service links": lambda: all(
        not spec["automountServiceAccountToken"] and not spec["enableServiceLinks"] for spec in specs("defaults")
    ),
    "`helm test`": lambda: any(
        one["metadata"].get("annotations", {}).get("helm.sh/hook") == "test" for one in of("defaults", "Pod")
    ),
    "NOTES with the commands": lambda: "port-forward" in text("helm/runtail/templates/NOTES.txt"),
    "Tests of the chart": lambda: len(list((ROOT / "tests/chart").glob("test_*.py"))) >= 10,
    "Profiles that tests render and judge": lambda: len(PROFILES) >= 20,
    "Mistakes refused with a sentence": lambda: "leaves nothing of RUNTAIL_QUOTA_BYTES"
    in refused({"settings": {"RUNTAIL_QUOTA_BYTES": 1}}),
    "Signed packages, described for Artifact Hub": lambda: "artifacthub.io/license"
    in yaml.safe_load(text("helm/runtail/Chart.yaml"))["annotations"]
    and "KEYRING" in text("Makefile"),
}  # fmt: skip


@pytest.mark.parametrize("feature", CHECKS)
def test_the_chart_has_what_the_documentation_lists(feature: str) -> None:
    assert CHECKS[feature]()


def test_the_list_is_whole() -> None:
    section = text("docs/kubernetes.md").partition("## What the chart has\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", section, flags=re.M)[2:]
    assert rows == list(CHECKS)
    assert len(rows) == FEATURES
