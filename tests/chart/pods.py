"""Judges of pods: what they may, how they begin, are asked, and end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.chart.objects import named, references, workloads
from tests.support.chart import NAMESPACE, Object, containers, pod_template

COMPONENTS = {"web", "relay", "worker", "gateway", "store", "canary"}


def probes_ask_what_they_may(objects: list[Object]) -> Iterator[str]:
    """Probes ask ports and files that are there; none for life asks whether work can be done."""
    for one in workloads(objects):
        pod = pod_template(one)
        assert pod is not None
        for container in pod["spec"]["containers"]:
            own = {port["name"] for port in container.get("ports", [])}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container.get(kind)
                if not probe:
                    continue
                target = probe.get("httpGet") or probe.get("tcpSocket")
                if target and target["port"] not in own:
                    yield f"{named(one)}: {kind} asks port {target['port']}"
            liveness = container.get("livenessProbe", {})
            if "readyz" in str(liveness) or "ping" in str(liveness):
                yield f"{named(one)}: an outage of the store would restart it"
            readiness = container.get("readinessProbe", {})
            asks = (
                one["metadata"]["labels"].get("app.kubernetes.io/component", "") in ("web", "relay") and "admin" in own
            )
            if asks and readiness.get("httpGet", {}).get("path") != "/readyz":
                yield f"{named(one)} gets work without being ready"


def pods_are_restricted(objects: list[Object]) -> Iterator[str]:
    """Pods fit the Pod Security Standard ``restricted``, and hold no token that they do not use."""
    for one in objects:
        pod = pod_template(one)
        if pod is None:
            continue
        spec = pod["spec"]
        if spec.get("enableServiceLinks") is not False:
            yield f"{named(one)} gets the variables of all Services"
        component = pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
        if spec.get("automountServiceAccountToken") is not False and component != "test":
            yield f"{named(one)} holds a token"
        context = spec.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{named(one)} may be root, or call anything"
        for container in containers(pod):
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities", {}).get("drop") != ["ALL"]:
                yield f"{named(one)}: {container['name']} has privileges"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{named(one)}: {container['name']} writes to its root"
            if container.get("terminationMessagePolicy") is None and container["name"] in COMPONENTS:
                yield f"{named(one)}: nobody reads why it ended"


def resources_are_bounded(objects: list[Object]) -> Iterator[str]:
    """Memory has a limit, CPU has none: throttling looks like a loop that hangs."""
    for one in objects:
        pod = pod_template(one)
        for container in containers(pod) if pod else []:
            limits = container.get("resources", {}).get("limits") or {}
            if "memory" not in limits:
                yield f"{named(one)}: {container['name']} may take all memory"
            if "cpu" in limits:
                yield f"{named(one)}: {container['name']} is throttled"


def init_stays_the_first_process(objects: list[Object]) -> Iterator[str]:
    """Our images' entry point is their init; a command would replace it."""
    for one in objects:
        pod = pod_template(one)
        for container in pod["spec"]["containers"] if pod else []:
            ours = re.search(r"runtail/(web|socket|worker)[:@]", container["image"])
            if ours and container.get("command", ["tini"])[0] != "tini":
                yield f"{named(one)}: {container['name']} runs without an init"


def disruptions_leave_pods(objects: list[Object]) -> Iterator[str]:
    """Rollouts add before they take; budgets can always be kept; the store has none, for it has one pod."""
    for one in objects:
        if one["kind"] == "PodDisruptionBudget":
            if "minAvailable" in one["spec"] or "maxUnavailable" not in one["spec"]:
                yield f"{named(one)} may block the drain of a node"
            if one["spec"]["selector"]["matchLabels"].get("app.kubernetes.io/component", "") == "store":
                yield f"{named(one)} blocks the drain of the store's node"
        strategy = one["spec"].get("strategy", {}) if one["kind"] == "Deployment" else {"type": "Recreate"}
        gentle = {"maxSurge": 1, "maxUnavailable": 0}
        if strategy.get("type") != "Recreate" and strategy.get("rollingUpdate") != gentle:
            yield f"{named(one)} takes pods before it adds some"


def graces_are_long_enough(objects: list[Object]) -> Iterator[str]:
    """What a pod does when it must go fits into its grace."""
    for one in workloads(objects):
        pod = pod_template(one)
        assert pod is not None
        component = pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
        grace = pod["spec"]["terminationGracePeriodSeconds"]
        for container in pod["spec"]["containers"][:1]:
            hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
            pause = int(hook[-1])
            environment = {variable["name"]: variable.get("value", "") for variable in container.get("env", [])}
        needed = {"web": pause + 15, "relay": pause + 10 + 8, "gateway": pause + 15, "worker": 30, "store": 30}
        if grace < needed.get(component, 0):
            yield f"{named(one)} is killed after {grace} s, and needs {needed[component]}"
        if component in ("web", "relay", "gateway") and pause < 1:
            yield f"{named(one)} stops before Services have forgotten it"
        if component == "worker" and float(environment["RUNTAIL_WORKER_DRAIN_SECONDS"]) > grace - 20:
            yield f"{named(one)} is killed before its tasks are interrupted"


def what_changes_restarts(objects: list[Object]) -> Iterator[str]:
    """Pods that read a ConfigMap of ours have its checksum."""
    maps = {one["metadata"]["name"] for one in objects if one["kind"] == "ConfigMap"}
    for one in workloads(objects):
        pod = pod_template(one)
        assert pod is not None
        ours = [name for kind, name in references(pod["spec"]) if kind == "ConfigMap" and name in maps]
        if ours and not any(key.startswith("checksum/") for key in pod["metadata"].get("annotations", {})):
            yield f"{named(one)} does not restart when {ours[0]} changes"


def autoscalers_are_alone(objects: list[Object]) -> Iterator[str]:
    """What is scaled has no fixed number; queries take the largest of what every web shows."""
    for one in objects:
        if one["kind"] not in ("HorizontalPodAutoscaler", "ScaledObject"):
            continue
        target = one["spec"]["scaleTargetRef"]["name"]
        for other in objects:
            if other["kind"] == "Deployment" and other["metadata"]["name"] == target and "replicas" in other["spec"]:
                yield f"{named(one)} and {named(other)} fight over the number of pods"
        for trigger in one["spec"].get("triggers", []):
            query = trigger["metadata"].get("query", "")
            if "runtail_web_" in query and not re.search(r"sum\(max by \(queue\) \(runtail_web_queue_waiting", query):
                yield f"{named(one)} counts the queue once for every web: {query}"
            if query and f'namespace="{NAMESPACE}"' not in query:
                yield f"{named(one)} counts other releases: {query}"
            if query and trigger["metadata"].get("ignoreNullValues") != "false":
                yield f"{named(one)} takes no answer for a zero"
            if trigger["type"] == "prometheus" and trigger.get("metricType") != "AverageValue":
                yield f"{named(one)} compares the sum with what one pod can do"


def images_are_exact(objects: list[Object]) -> Iterator[str]:
    """Every image has a tag that says a version, or a digest."""
    for one in objects:
        pod = pod_template(one)
        for container in containers(pod) if pod else []:
            image = container["image"]
            if not re.fullmatch(r"[a-z0-9./_-]+(:[\w.-]+|@sha256:[0-9a-f]{64})", image) or image.endswith(":latest"):
                yield f"{named(one)} runs {image}"
