"""Judges of what the chart makes: each looks at all objects of one render and names what does not fit together.

They know Kubernetes and Runtail, and nothing of the templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.chart.rendering import NAMESPACE, Object, containers, pod_template

Judge = Callable[[list[Object]], Iterator[str]]

#: What may never be in a selector: it changes, and selectors cannot.
CHANGING = ("helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by")
#: Objects that profiles name and others make.
EXTERNAL = {"team", "default", "runtail-passwords", "team-redis", "team-sentinel", "team-ca", "team-client"} | {
    "team-settings", "team-secret", "registry-login", "runtail-data", "runtail-tls",
}  # fmt: skip
COMPONENTS = {"web", "relay", "worker", "gateway", "store", "canary"}


def workloads(objects: list[Object]) -> list[Object]:
    """Return what makes pods that stay."""
    return [one for one in objects if one["kind"] in ("Deployment", "StatefulSet")]


def named(one: Object) -> str:
    """Return an object's kind and name."""
    return f"{one['kind']} {one['metadata']['name']}"


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Tell whether a selector takes these labels."""
    return selector.items() <= labels.items()


def takes(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Tell whether matchLabels and matchExpressions take these labels."""
    for expression in selector.get("matchExpressions", []):
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return selects(selector.get("matchLabels", {}), labels)


def ports(pod: Object) -> dict[str, int]:
    """Return a pod's ports by name."""
    return {port["name"]: port["containerPort"] for one in containers(pod) for port in one.get("ports", [])}


def services_reach_one_workload(objects: list[Object]) -> Iterator[str]:
    """Each Service selects the pods of one component, and a port that they have."""
    for service in (one for one in objects if one["kind"] == "Service"):
        selector = service["spec"]["selector"]
        pods = [pod_template(one) for one in workloads(objects)]
        reached = [pod for pod in pods if pod and selects(selector, pod["metadata"]["labels"])]
        if len({pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in reached}) != 1:
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


def references(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield kind and name of what a pod refers to."""
    if isinstance(value, list):
        for one in value:
            yield from references(one, path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            match key:
                case "configMapRef" | "configMapKeyRef" | "configMap":
                    yield "ConfigMap", inner["name"]
                case "secretRef" | "secretKeyRef":
                    yield "Secret", inner["name"]
                case "secret" if isinstance(inner, dict):
                    yield "Secret", inner["secretName"]
                case "persistentVolumeClaim":
                    yield "PersistentVolumeClaim", inner["claimName"]
                case "serviceAccountName":
                    yield "ServiceAccount", inner
                case _:
                    yield from references(inner, f"{path}.{key}")


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
            if one["metadata"]["labels"]["app.kubernetes.io/component"] in ("web", "relay") and "admin" in own:
                if readiness.get("httpGet", {}).get("path") != "/readyz":
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
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
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
            if one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == "store":
                yield f"{named(one)} blocks the drain of the store's node"
        if one["kind"] == "Deployment" and one["spec"].get("strategy", {}).get("type") != "Recreate":
            if one["spec"]["strategy"]["rollingUpdate"] != {"maxSurge": 1, "maxUnavailable": 0}:
                yield f"{named(one)} takes pods before it adds some"


def graces_are_long_enough(objects: list[Object]) -> Iterator[str]:
    """What a pod does when it must go fits into its grace."""
    for one in workloads(objects):
        pod = pod_template(one)
        assert pod is not None
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
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


def passwords_are_in_secrets_only(objects: list[Object]) -> Iterator[str]:
    """No URL with a password outside of a Secret, and what was made at random stays."""
    for one in objects:
        if one["kind"] == "Secret":
            if "data" in one and one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") != "keep":
                yield f"{named(one)} is made anew after an uninstall, and the data keep the old passwords"
            continue
        for found in re.findall(r"redis[a-z+]*://[^\s'\"]*:([^@\s'\"]+)@", str(one)):
            if found != "$(STORE_PASSWORD)":
                yield f"{named(one)} shows a password"
        pod = pod_template(one)
        for container in containers(pod) if pod else []:
            if "password" in str([*container.get("args", []), *container.get("command", [])]).lower():
                yield f"{named(one)} has a password among its arguments"


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


def gateway_hands_on_what_services_compare(objects: list[Object]) -> Iterator[str]:
    """In each location of nginx: Host with its port, the upgrade, HTTP/1.1; and it stops gently."""
    for one in objects:
        text = one.get("data", {}).get("nginx.conf", "") if one["kind"] == "ConfigMap" else ""
        if not text:
            continue
        headers = one["data"]["headers.conf"]
        for header in ("Host $http_host", "Upgrade $http_upgrade", "Connection $connection_upgrade",
                       "X-Forwarded-For $proxy_add_x_forwarded_for", "X-Forwarded-Proto $forwarded_proto"):  # fmt: skip
            if f"proxy_set_header {header};" not in headers:
                yield f"the gateway does not hand on {header}"
        for place, body in re.findall(
            r"location (\S+) \{(.*?)\n    \}", text.replace("location = ", "location "), re.DOTALL
        ):
            if "proxy_pass" in body and not {"include /etc/runtail/headers.conf;", "proxy_http_version 1.1;"} <= {
                line.strip() for line in body.splitlines()
            }:
                yield f"the gateway loses headers at {place}"
            if "proxy_set_header" in body:
                yield f"the gateway drops the other headers at {place}"
        seconds = int(re.findall(r"worker_shutdown_timeout (\d+)s", text)[0])
        workload = next(
            other
            for other in objects
            if other["metadata"]["name"] == one["metadata"]["name"] and other["kind"] == "Deployment"
        )
        if workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] < seconds + 10:
            yield "the gateway is killed before its connections are over"
        if text.count("-relay-ws:8010 max_fails=0;") != 3 or "http_503" not in text:
            yield "a relay that is leaving is not tried elsewhere"


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


def images_are_exact(objects: list[Object]) -> Iterator[str]:
    """Every image has a tag that says a version, or a digest."""
    for one in objects:
        pod = pod_template(one)
        for container in containers(pod) if pod else []:
            image = container["image"]
            if not re.fullmatch(r"[a-z0-9./_-]+(:[\w.-]+|@sha256:[0-9a-f]{64})", image) or image.endswith(":latest"):
                yield f"{named(one)} runs {image}"


def policies_let_dns_through(objects: list[Object]) -> Iterator[str]:
    """Each policy that names where its pods go names DNS, over UDP and TCP."""
    for one in objects:
        if one["kind"] != "NetworkPolicy" or {} in one["spec"]["egress"]:
            continue
        dns = {
            port.get("protocol")
            for rule in one["spec"]["egress"]
            for port in rule.get("ports", [])
            if port["port"] == 53
        }
        if dns != {"UDP", "TCP"}:
            yield f"{named(one)} lets DNS through over {sorted(map(str, dns))}"


def store_forgets_nothing(objects: list[Object]) -> Iterator[str]:
    """The bundled store neither evicts nor loses what it acknowledged, and everybody has a user of their own."""
    for one in objects:
        text = one.get("data", {}).get("valkey.conf", "") if one["kind"] == "ConfigMap" else ""
        if not text:
            continue
        for line in ("maxmemory-policy noeviction", "appendonly yes", 'save ""', "aclfile /run/valkey/users.acl"):
            if line not in text.splitlines():
                yield f"the store is not told: {line}"
        if not re.search(r"^maxmemory [1-9]\d{7,}$", text, re.MULTILINE):
            yield "the store has no limit, or one that it does not understand"
        acl = one["data"]["start.sh"]
        if "user default off" not in acl:
            yield "anybody may use the store"
        for user in ("web", "worker", "client", "relay"):
            rules = re.search(rf"^ *user {user} on .*$", acl, re.MULTILINE)
            if not rules or "-@dangerous" not in rules[0] or "-@admin" not in rules[0]:
                yield f"the store's user {user} may flush or configure it"


def rights_are_the_tests_only(objects: list[Object]) -> Iterator[str]:
    """No Role but that of the test that kills a relay, and no more than it needs."""
    for one in objects:
        if one["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            yield f"{named(one)} has rights in the whole cluster"
        if one["kind"] in ("Role", "RoleBinding"):
            if one["metadata"].get("annotations", {}).get("helm.sh/hook") != "test":
                yield f"{named(one)} stays"
        if one["kind"] == "Role" and one["rules"] != [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "delete"]}
        ]:
            yield f"{named(one)} has more rights than to list and delete pods"


JUDGES: tuple[Judge, ...] = (
    services_reach_one_workload,
    selectors_are_stable_and_apart,
    what_selects_finds_something,
    monitors_see_every_component,
    what_is_named_exists,
    probes_ask_what_they_may,
    pods_are_restricted,
    resources_are_bounded,
    init_stays_the_first_process,
    disruptions_leave_pods,
    graces_are_long_enough,
    what_changes_restarts,
    passwords_are_in_secrets_only,
    autoscalers_are_alone,
    gateway_hands_on_what_services_compare,
    names_are_valid,
    images_are_exact,
    policies_let_dns_through,
    store_forgets_nothing,
    rights_are_the_tests_only,
)
