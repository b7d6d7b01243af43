"""E12: namespaces that allow little. Each one: installed, the first line seen and tested, by NOTES' own commands."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.cluster import ROOT, Namespace, program, run
from tests.e2e.figures import figure
from tests.e2e.release import NAME, Release
from tests.e2e.walk import walk
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
Make = Callable[..., Release]
#: What a namespace may take in all; the chart's defaults with room for one more pod of each during a rollout.
QUOTA = {
    "pods": "14",
    "services": "6",
    "persistentvolumeclaims": "1",
    "requests.storage": "8Gi",
    "requests.cpu": "2",
    "requests.memory": "4Gi",
    "limits.cpu": "16",
    "limits.memory": "12Gi",
}
#: What a container gets that does not say, and what it may say.
LIMITS = [
    {
        "type": "Container",
        "default": {"cpu": "1", "memory": "256Mi"},
        "defaultRequest": {"cpu": "50m", "memory": "64Mi"},
        "max": {"cpu": "2", "memory": "2Gi"},
    },
    {"type": "PersistentVolumeClaim", "max": {"storage": "8Gi"}, "min": {"storage": "1Gi"}},
]
#: As OpenShift gives each project.
USER = 1_000_680_000


def test_restricted_pod_security(namespace: Namespace, make_release: Make) -> None:
    labels = namespace.get("namespace", namespace.name)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert "violates PodSecurity" in namespace.try_kubectl("run", "loose", "--image=busybox", "--privileged")[1]
    green(make_release(), "restricted Pod Security Standard")


def test_quota(namespace: Namespace, make_release: Make) -> None:
    namespace.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all"}, "spec": {"hard": QUOTA}},
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "each"}, "spec": {"limits": LIMITS}},
    )
    wait_for(lambda: namespace.get("resourcequota", "all").get("status", {}).get("hard"), 60, namespace.evidence)
    release = make_release()
    green(release, "ResourceQuota and LimitRange")
    used = namespace.get("resourcequota", "all")["status"]["used"]
    assert used["persistentvolumeclaims"] == "1"
    figure("E12", "of the quota are used", ", ".join(f"{key} {used[key]} of {QUOTA[key]}" for key in sorted(QUOTA)))
    release.upgrade({"worker": {"defaults": {"metadata": {"annotations": {"test/upgrade": "1"}}}}})
    release.wait_until_ready()


def test_rights_of_a_namespace(namespace: Namespace, make_release: Make, tmp_path: Path) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer"}}
    namespace.apply(account, yaml.safe_load((ROOT / "helm/examples/installer.yaml").read_text()))
    namespace.kubectl(
        "create", "rolebinding", "installer", "--role=runtail-installer", f"--serviceaccount={namespace.name}:deployer"
    )
    release = make_release({"networkPolicy": {"enabled": True}})
    release.kubeconfig = tmp_path / "kubeconfig"
    release.kubeconfig.write_text(json.dumps(kubeconfig(namespace.kubectl("create", "token", "deployer").strip())))
    for beyond in (["get", "nodes"], ["--namespace", "default", "get", "secrets"], ["get", "namespaces"]):
        done = run(program("kubectl"), "--kubeconfig", str(release.kubeconfig), *beyond, check=False)
        assert "Forbidden" in done.stderr, done.stdout
    green(release, "rights of one namespace (helm/examples/installer.yaml)")
    release.upgrade({"web": {"metadata": {"annotations": {"test/upgrade": "1"}}}}, "--wait")
    release.helm("rollback", NAME, "--wait")
    release.helm("uninstall", NAME, "--wait", "--timeout", "4m")


def kubeconfig(token: str) -> dict[str, Any]:
    """Return how to reach the same cluster as somebody else."""
    known = json.loads(run(program("kubectl"), "config", "view", "--raw", "--minify", "--output", "json").stdout)
    return {
        **known,
        "users": [{"name": "deployer", "user": {"token": token}}],
        "contexts": [{"name": "own", "context": {"cluster": known["clusters"][0]["name"], "user": "deployer"}}],
        "current-context": "own",
    }


@pytest.fixture
def openshift(namespace: Namespace) -> Iterator[None]:
    """User and group are given to each pod when it is made, and no pod may bring its own, as OpenShift does."""
    kinds = ("validatingadmissionpolicy", "mutatingadmissionpolicy")
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    match = {
        "resourceRules": rules,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
    }
    has_user = "has(object.spec.securityContext) && has(object.spec.securityContext.runAsUser)"
    right = f"{has_user} && object.spec.securityContext.runAsUser == {USER}"
    given = (
        "Object{spec: Object.spec{securityContext: Object.spec.securityContext{"
        f"runAsUser: {USER}, fsGroup: {USER}}}}}}}"
    )
    api = "admissionregistration.k8s.io/v1"
    name = {"name": namespace.name}
    namespace.apply(
        {
            "apiVersion": api,
            "kind": "MutatingAdmissionPolicy",
            "metadata": name,
            "spec": {
                "matchConstraints": match,
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "matchConditions": [{"name": "without-user", "expression": f"!({has_user})"}],
                "mutations": [
                    {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": given}},
                ],
            },
        },
        {
            "apiVersion": api,
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": name,
            "spec": {"policyName": namespace.name},
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": name,
            "spec": {
                "matchConstraints": match,
                "failurePolicy": "Fail",
                "validations": [{"expression": right, "message": f"the user must be {USER}"}],
            },
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": name,
            "spec": {"policyName": namespace.name, "validationActions": ["Deny"]},
        },
    )
    try:
        wait_for(lambda: given_user(namespace) == USER and "the user must be" in refused(namespace), 60)
        yield
    finally:
        for kind in kinds:
            namespace.kubectl("delete", f"{kind}binding", namespace.name, check=False)
            namespace.kubectl("delete", kind, namespace.name, check=False)


def pod_manifest(**context: int) -> dict[str, Any]:
    """Return a pod that is asked for and not made."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asked"},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **context},
            "containers": [{"name": "asked", "image": "busybox", "securityContext": security}],
        },
    }


def given_user(namespace: Namespace) -> int:
    """Return the user that the cluster gives to a pod."""
    words = ["create", "--dry-run=server", "--output", "json", "--filename", "-"]
    code, said = namespace.try_kubectl(*words, stdin=json.dumps(pod_manifest()))
    return int(json.loads(said)["spec"]["securityContext"].get("runAsUser", 0)) if code == 0 else 0


def refused(namespace: Namespace) -> str:
    """Return what the cluster says to a pod with a user of its own."""
    words = ["create", "--dry-run=server", "--filename", "-"]
    return namespace.try_kubectl(*words, stdin=json.dumps(pod_manifest(runAsUser=10001)))[1]


@pytest.mark.usefixtures("openshift")
def test_any_user(make_release: Make) -> None:
    release = make_release({"global": {"openshift": "on"}})
    green(release, "any user (as OpenShift gives it)")
    for pod in names(release):
        assert run_in(release, pod, "id -u; id -g").split() == [str(USER), "0"], pod


def test_ipv6_listening(make_release: Make) -> None:
    release = make_release({"bind": "[::]", "ipFamilyPolicy": "PreferDualStack"})
    green(release, "bind [::]")
    ports = {"web": {8000, 8001}, "relay": {8010, 8011}, "worker": {8021}, "gateway": {8080}, "store": {6379}}
    for component, expected in ports.items():
        for pod in release.pods(component):
            name = str(pod["metadata"]["name"])
            found = listening(run_in(release, name, "cat /proc/net/tcp6"))
            assert expected <= found, f"{name} listens over IPv6 on {sorted(found)}"
    ask = "import urllib.request; print(urllib.request.urlopen('http://[::1]:{}/healthz', timeout=5).status)"
    for component, port in (("web", 8001), ("relay", 8011), ("worker", 8021)):
        said = release.namespace.kubectl("exec", release.pod(component), "--", "python", "-c", ask.format(port))
        assert said.strip() == "200"


def listening(table: str) -> set[int]:
    """Return the ports on which a pod listens for everybody, out of ``/proc/net/tcp6``."""
    return {int(port, 16) for port in re.findall(r"^ *\d+: 0{32}:([0-9A-F]{4}) \S+ 0A ", table, re.MULTILINE)}


def test_pull_secret(namespace: Namespace, make_release: Make) -> None:
    # A registry that asks for it is named by RUNTAIL_TEST_REGISTRY and these; else images are there already, and
    # what is tested is that each pod hands its kubelet the login. Run it alone with a registry: from then on the
    # kubelet (1.35 or newer) gives these images, under whatever name, to no pod without the login.
    user, password = (os.environ.get(f"RUNTAIL_TEST_PULL_{word}", "somebody") for word in ("USER", "PASSWORD"))
    registry = os.environ.get("RUNTAIL_TEST_REGISTRY", "registry.example.com").partition("/")[0]
    login = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
    data = {".dockerconfigjson": json.dumps({"auths": {registry: login}})}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": data}
    namespace.apply({**secret, "type": "kubernetes.io/dockerconfigjson"})
    values: dict[str, Any] = {"global": {"imagePullSecrets": [{"name": "login"}]}}
    asked = "RUNTAIL_TEST_PULL_USER" in os.environ
    if asked:
        always = {"image": {"pullPolicy": "Always"}}
        values |= {"web": always, "relay": always, "worker": {"defaults": always}}
    release = make_release(values)
    green(release, f"imagePullSecrets ({'pulled with it' if asked else 'the images were there already'})")
    for pod in names(release):
        assert namespace.get("pod", pod)["spec"]["imagePullSecrets"] == [{"name": "login"}]


def green(release: Release, where: str) -> None:
    """Install, see the first line, test; and keep the figure."""
    seen = walk(release)
    text = f"first line after {seen.page_seconds:.1f} s, helm test {seen.check_seconds:.1f} s, 0 restarts"
    figure("E12", where, text)


def names(release: Release) -> list[str]:
    """Return the names of the pods."""
    return [str(pod["metadata"]["name"]) for pod in release.pods()]


def run_in(release: Release, pod: str, command: str) -> str:
    """Return what a command in a pod printed."""
    return release.namespace.kubectl("exec", pod, "--", "sh", "-c", command)
