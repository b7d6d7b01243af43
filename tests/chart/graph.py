"""Judges of how objects fit together: each looks at all objects of one render, and names what does not fit.

They know Kubernetes, and nothing of the templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.chart.objects import named, ports, references, selects, takes, workloads
from tests.support.chart import NAMESPACE, Object, containers, pod_template

#: What may never be in a selector: it changes, and selectors cannot.
CHANGING = ("helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by")
#: Objects that profiles name and others make.
EXTERNAL = {"team", "default", "runtail-passwords", "team-redis", "team-sentinel", "team-ca", "team-client"} | {
    "team-settings", "team-secret", "registry-login", "runtail-data", "runtail-tls",
    "runtail-admin", "runtail-users", "runtail-proxy", "runtail-oidc", "runtail-tokens", "runtail-seal",
    "runtail-messages", "runtail-policy",
}  # fmt: skip


def services_reach_one_workload(objects: list[Object]) -> Iterator[str]:
    """Each Service selects the pods of one component, and a port that they have."""
    for service in (one for one in objects if one["kind"] == "Service"):
        selector = service["spec"]["selector"]
        pods = [pod_template(one) for one in workloads(objects)]
        reached = [pod for pod in pods if pod and selects(selector, pod["metadata"]["labels"])]
        if len({pod["metadata"]["labels"].get("app.kubernetes.io/component", "") for pod in reached}) != 1:
            yield f"{named(service)} selects {len(reached)} workloads"
        for pod in reached:
            for port in service["spec"]["ports"]:
                if port["targetPort"] not in ports(pod):
                    yield f"{named(service)} has the port {port['targetPort']}, and its pods {sorted(ports(pod))}"


def selectors_are_stable_and_apart(objects: list[Object]) -> Iterator[str]:
    """A workload selects its own pods, by what never changes, and no other's."""
    for one in workloads(objects):
        selector = one["spec"]["selector"]["matchLabels"]
        pod = pod_template(one)
        assert pod is not None
        if not selects(selector, pod["metadata"]["labels"]):
            yield f"{named(one)} does not select its own pods"
        if {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"} - selector.keys():
            yield f"{named(one)} selects pods of other components or releases"
        yield from (f"{named(one)} selects by {label}, which changes" for label in CHANGING if label in selector)
        for other in objects:
            pod = pod_template(other)
            if other is not one and pod and selects(selector, pod["metadata"]["labels"]):
                yield f"{named(one)} selects the pods of {named(other)}"
        for claim in one["spec"].get("volumeClaimTemplates", []):
            if claim["metadata"].get("labels", {}) != selector:
                yield f"the claim of {named(one)} has labels that change"
    for one in objects:
        if one["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
            yield from (f"{named(one)} selects by {label}" for label in CHANGING if label in str(one["spec"]))


def what_selects_finds_something(objects: list[Object]) -> Iterator[str]:
    """PDBs, scalers, monitors and policies are about something that is there."""
    labels = [pod["metadata"]["labels"] for one in objects if (pod := pod_template(one))]
    names = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for one in objects:
        spec = one.get("spec", {})
        match one["kind"]:
            case "PodDisruptionBudget":
                found = any(takes(spec["selector"], pod) for pod in labels)
            case "NetworkPolicy":
                found = any(takes(spec["podSelector"], pod) for pod in labels)
            case "HorizontalPodAutoscaler":
                found = ("Deployment", spec["scaleTargetRef"]["name"]) in names
            case "ScaledObject":
                found = ("Deployment", spec["scaleTargetRef"]["name"]) in names
            case "ServiceMonitor":
                services = [other for other in objects if other["kind"] == "Service"]
                monitored = [other for other in services if takes(spec["selector"], other["metadata"]["labels"])]
                found = bool(monitored)
                for service in monitored:
                    if spec["endpoints"][0]["port"] not in {port["name"] for port in service["spec"]["ports"]}:
                        yield f"{named(one)} scrapes a port that {named(service)} has not"
            case "PodMonitor":
                found = any(takes(spec["selector"], pod) for pod in labels)
            case _:
                found = True
        if not found:
            yield f"{named(one)} is about nothing"


def monitors_see_every_component(objects: list[Object]) -> Iterator[str]:
    """One monitor, and it scrapes the admin port of every component that has one."""
    monitors = [one for one in objects if one["kind"] in ("PodMonitor", "ServiceMonitor")]
    if len(monitors) > 1:
        yield "two monitors scrape the same pods"
    for monitor in monitors:
        for one in workloads(objects):
            pod = pod_template(one)
            assert pod is not None
            if not {"admin", "metrics"} & ports(pod).keys():
                continue
            if monitor["kind"] == "PodMonitor":
                seen = takes(monitor["spec"]["selector"], pod["metadata"]["labels"])
            else:
                seen = any(
                    takes(monitor["spec"]["selector"], service["metadata"]["labels"])
                    and selects(service["spec"]["selector"], pod["metadata"]["labels"])
                    for service in objects
                    if service["kind"] == "Service"
                )
            if not seen:
                yield f"{named(monitor)} does not see {named(one)}"
        for endpoint in monitor["spec"].get("podMetricsEndpoints", monitor["spec"].get("endpoints")):
            labels = {row["targetLabel"] for row in endpoint["relabelings"]}
            if labels != {"release", "component", "pool"}:
                yield f"{named(monitor)} sets the labels {sorted(labels)}"


def what_is_named_exists(objects: list[Object]) -> Iterator[str]:
    """ConfigMaps, Secrets, claims, accounts and volumes that pods name are there, and keys of Secrets as well."""
    names = {(one["kind"], one["metadata"]["name"]) for one in objects}
    secrets = {
        one["metadata"]["name"]: {**one.get("data", {}), **one.get("stringData", {})}
        for one in objects
        if one["kind"] == "Secret"
    }
    for one in objects:
        pod = pod_template(one)
        if pod is None:
            continue
        for kind, name in references(pod["spec"]):
            if (kind, name) not in names and name not in EXTERNAL:
                yield f"{named(one)} names {kind} {name}, which nobody makes"
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        for container in containers(pod):
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"{named(one)} mounts {mount['name']}, which is no volume"
            for variable in container.get("env", []):
                reference = variable.get("valueFrom", {}).get("secretKeyRef")
                if reference and reference["name"] in secrets and reference["key"] not in secrets[reference["name"]]:
                    yield f"{named(one)} wants the key {reference['key']} of {reference['name']}"


def names_are_valid(objects: list[Object]) -> Iterator[str]:
    """Names and labels as Kubernetes takes them, each object once, all in the release's namespace."""
    seen = set()
    for one in objects:
        metadata = one["metadata"]
        key = (one["kind"], metadata.get("namespace"), metadata["name"])
        if key in seen:
            yield f"{named(one)} is there twice"
        seen.add(key)
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", metadata["name"]):
            yield f"{named(one)} is no valid name"
        dashboard = "dashboard" in one["kind"].lower() or "-dashboard-" in metadata["name"]
        if metadata.get("namespace", NAMESPACE) != NAMESPACE and not dashboard:
            yield f"{named(one)} is in {metadata['namespace']}"
        for name, value in metadata.get("labels", {}).items():
            if not isinstance(value, str) or not re.fullmatch(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", value):
                yield f"{named(one)} has the label {name}={value!r}"
