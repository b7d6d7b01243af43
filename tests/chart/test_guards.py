"""What cannot work is refused with a sentence; what is just beside it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.chart import LOGIN, Refused, render


@dataclass(frozen=True)
class Case:
    """One guard: values that trip it, the sentence, values just beside it."""

    name: str
    values: dict[str, Any]
    sentence: str
    beside: dict[str, Any] | None
    arguments: tuple[str, ...] = ()
    beside_arguments: tuple[str, ...] = field(default=())


INGRESS = {"enabled": True, "hosts": ["runtail.example.com"]}
ROUTE = {"enabled": True, "parentRefs": [{"name": "public"}]}
NONE = {"auth": {"mode": "none"}}
PROXY: dict[str, Any] = {
    **LOGIN,
    "mode": "proxy",
    "proxy": {"cidrs": ["10.244.0.0/16"], "existingSecret": "runtail-proxy"},
}
OIDC = {"issuer": "https://login.example.com", "clientId": "runtail", "existingSecret": "runtail-oidc"}
WITH_OIDC = {"mode": "oidc", "oidc": OIDC, "tokens": {"existingSecret": "runtail-tokens"}}
PUBLIC = {"publicUrl": "https://runtail.example.com"}
KEDA = {"type": "keda"}
PROMETHEUS = {"prometheus": "http://prometheus:9090"}

CASES = (
    Case(
        "ingress-without-login",
        {"ingress": INGRESS, **NONE},
        "ingress.enabled lets people in from outside, and with auth.mode=none each of them is an administrator: set"
        " auth.mode to password",
        {"ingress": INGRESS, "auth": LOGIN},
    ),
    Case(
        "route-without-login",
        {"httpRoute": ROUTE, **NONE},
        "httpRoute.enabled lets people in from outside",
        {"httpRoute": ROUTE, "auth": LOGIN},
    ),
    Case(
        "load-balancer-without-login",
        {"gateway": {"service": {"type": "LoadBalancer"}}, **NONE},
        "gateway.service.type=LoadBalancer lets people in from outside",
        {"gateway": {"service": {"type": "ClusterIP"}}, **NONE},
    ),
    Case(
        "all-ways-at-once",
        {"ingress": INGRESS, "httpRoute": ROUTE, "gateway": {"service": {"type": "NodePort"}}, **NONE},
        "ingress.enabled, httpRoute.enabled, gateway.service.type=NodePort lets people in",
        None,
    ),
    *(
        Case(
            f"no-login-but-{name}",
            {"auth": {"mode": "none", **value}},
            "auth.mode=none lets everybody do everything, so that passwords, policy and tokens in auth would protect",
            {"auth": {**LOGIN, "policy": "# Nobody."}},
        )
        for name, value in (
            ("a-policy", {"policy": "# Nobody."}),
            ("a-password", {"password": {"existingSecret": "runtail-admin"}}),
            ("a-proxy", {"proxy": {"existingSecret": "runtail-proxy"}}),
            ("tokens", {"tokens": {"existingSecret": "runtail-tokens"}}),
        )
    ),
    Case(
        "a-password-and-users",
        {"auth": {**LOGIN, "password": {"existingSecret": "runtail-admin", "users": "runtail-users"}}},
        "auth.password.existingSecret and auth.password.users exclude each other",
        {"auth": {**LOGIN, "password": {"users": "runtail-users"}}},
    ),
    *(
        Case(f"a-proxy-{name}", {"auth": {**PROXY, "proxy": {**PROXY["proxy"], **wrong}}}, sentence, {"auth": PROXY})
        for name, wrong, sentence in (
            ("from-nowhere", {"cidrs": []}, "auth.mode=proxy believes nobody while auth.proxy.cidrs is empty"),
            ("from-anywhere", {"cidrs": ["0.0.0.0/0"]}, "auth.proxy.cidrs has 0.0.0.0/0, which is every address"),
            ("from-anywhere-by-ipv6", {"cidrs": ["10.0.0.0/8", "::/0"]}, "auth.proxy.cidrs has ::/0, which is every"),
            ("without-a-secret", {"existingSecret": ""}, "auth.mode=proxy needs auth.proxy.existingSecret: a Secret"),
            ("without-a-user", {"userHeader": ""}, "auth.mode=proxy needs auth.proxy.userHeader"),
        )
    ),
    Case(
        "two-policies",
        {"auth": {**LOGIN, "policy": "# Nobody.", "existingPolicy": "runtail-policy"}},
        "auth.policy and auth.existingPolicy exclude each other",
        {"auth": {**LOGIN, "existingPolicy": "runtail-policy"}},
    ),
    Case(
        "a-password-made-anew",
        {"auth": {}},
        "auth.mode=password: Helm sees no cluster here, and would make another password of admin each time",
        {"auth": LOGIN},
    ),
    Case(
        "a-token-made-anew",
        {"auth": {"password": {"users": "runtail-users"}}},
        "auth.mode=password: Helm sees no cluster here, and would make another token",
        {"auth": LOGIN},
    ),
    *(
        Case(
            f"a-provider-without-{name}",
            {"access": PUBLIC, "auth": {**WITH_OIDC, "oidc": {**OIDC, name: ""}}},
            f"auth.mode=oidc logs people in at a provider, and auth.oidc.{name} is not set: set it",
            {"access": PUBLIC, "auth": WITH_OIDC},
        )
        for name in OIDC
    ),
    Case(
        "a-provider-in-clear",
        {"access": PUBLIC, "auth": {**WITH_OIDC, "oidc": {**OIDC, "issuer": "http://login.example.com"}}},
        "auth.oidc.issuer=http://login.example.com does not begin with https://",
        {"access": PUBLIC, "auth": {**WITH_OIDC, "mode": "oidc,password", "password": LOGIN["password"]}},
    ),
    Case(
        "a-provider-and-no-way-back",
        {"auth": WITH_OIDC},
        "auth.mode=oidc needs access.publicUrl, the address to which the provider sends browsers back",
        {"access": PUBLIC, "auth": WITH_OIDC},
    ),
    Case(
        "a-provider-and-another-mode",
        {"auth": {**LOGIN, "oidc": OIDC}},
        "auth.oidc is set, and with auth.mode=password nobody logs in there",
        {"auth": LOGIN},
    ),
    Case(
        "prefix-that-matches-logins",
        {"settings": {"RUNTAIL_KEY_PREFIX": "runs"}},
        "settings.RUNTAIL_KEY_PREFIX must end in ':'",
        {"settings": {"RUNTAIL_KEY_PREFIX": "runs:"}},
    ),
    Case(
        "queue-that-matches-logins",
        {"store": {"auth": {"queues": ["runtail"]}}},
        'A queue named "runtail" cannot be in the store\'s access list',
        {"store": {"auth": {"queues": ["runtail-builds"]}}},
    ),
    Case(
        "queue-with-a-space",
        {"store": {"auth": {"queues": ["two words"]}}},
        'A queue named "two words" cannot be in the store\'s access list: it has a space',
        {"store": {"auth": {"queues": ["two-words"]}}},
    ),
    Case(
        "chart-owned-setting",
        {"settings": {"RUNTAIL_WEB_PORT": 9000}},
        "settings.RUNTAIL_WEB_PORT is the chart's own: Services and probes rely on the port.",
        {"settings": {"RUNTAIL_WEB_THREADS": 32}},
    ),
    Case(
        "relay-grace",
        {"relay": {"terminationGracePeriodSeconds": 22}},
        "relay.terminationGracePeriodSeconds=22 cuts viewers off: it takes relay.preStopSeconds + RUNTAIL_DRAIN_SECONDS"
        " + 8 = 23 seconds",
        {"relay": {"terminationGracePeriodSeconds": 23}},
    ),
    Case(
        "relay-grace-of-a-longer-drain",
        {"settings": {"RUNTAIL_DRAIN_SECONDS": 17.5}},
        "+ 8 = 31 seconds",
        {"settings": {"RUNTAIL_DRAIN_SECONDS": "17"}},
    ),
    Case(
        "web-grace",
        {"web": {"terminationGracePeriodSeconds": 19}},
        "web.terminationGracePeriodSeconds=19 cuts requests off: it takes web.preStopSeconds + 15 = 20 seconds",
        {"web": {"terminationGracePeriodSeconds": 20}},
    ),
    Case(
        "worker-grace",
        {"worker": {"pools": {"builds": {"terminationGracePeriodSeconds": 29}}}},
        "worker.pools.builds.terminationGracePeriodSeconds=29 is too short",
        {"worker": {"pools": {"builds": {"terminationGracePeriodSeconds": 30}}}},
    ),
    Case(
        "relay-memory",
        {"settings": {"RUNTAIL_MAX_CONNECTIONS": 5000}},
        "relay.resources.limits.memory=512Mi is too little for RUNTAIL_MAX_CONNECTIONS=5000 viewers: give it 633Mi",
        {"settings": {"RUNTAIL_MAX_CONNECTIONS": 5000}, "relay": {"resources": {"limits": {"memory": "640Mi"}}}},
    ),
    Case(
        "worker-memory",
        {"worker": {"pools": {"builds": {"concurrency": 16}}}},
        "worker.pools.builds.resources.limits.memory=1Gi is too little for concurrency=16: give it 1402Mi",
        {"worker": {"pools": {"builds": {"concurrency": 16, "resources": {"limits": {"memory": "1402Mi"}}}}}},
    ),
    Case(
        "memory-that-is-none",
        {"relay": {"resources": {"limits": {"memory": "512m"}}}},
        '"512m" is not an amount of memory: write it as 512Mi or 2Gi.',
        {"relay": {"resources": {"limits": {"memory": "0.5Gi"}}}},
    ),
    Case(
        "two-monitors",
        {"monitoring": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}},
        "monitoring.podMonitor and monitoring.serviceMonitor would scrape everything twice",
        {"monitoring": {"podMonitor": {"enabled": True}}},
    ),
    Case(
        "least-above-most",
        {"web": {"autoscaling": {"type": "hpa", "minReplicas": 7}}},
        "web.autoscaling.minReplicas=7 is more than maxReplicas=6",
        {"web": {"autoscaling": {"type": "hpa", "minReplicas": 6}}},
    ),
    Case(
        "keda-without-prometheus",
        {"relay": {"autoscaling": KEDA}},
        "relay.autoscaling.type=keda scales by what Prometheus says: set relay.autoscaling.prometheus",
        {"relay": {"autoscaling": {**KEDA, **PROMETHEUS}}},
    ),
    Case(
        "pool-with-keda-without-prometheus",
        {"worker": {"pools": {"builds": {"autoscaling": KEDA}}}},
        "worker.pools.builds.autoscaling.type=keda scales by what Prometheus says",
        {"worker": {"pools": {"builds": {"autoscaling": {**KEDA, **PROMETHEUS}}}}},
    ),
    Case(
        "keda-without-a-target",
        {"relay": {"autoscaling": {**KEDA, **PROMETHEUS, "viewersPerReplica": 0}}},
        "relay.autoscaling.viewersPerReplica=0 leaves KEDA nothing to scale by",
        {"relay": {"autoscaling": {**KEDA, **PROMETHEUS, "viewersPerReplica": 1}}},
    ),
    *(
        Case(
            f"store-{line.split()[0]}",
            {"store": {"extraConfig": f"hz 20\n{line}\n"}},
            f"store.extraConfig sets {line.split()[0]}, with which the store could lose runs",
            {"store": {"extraConfig": "hz 20\nmaxclients 100\n"}},
        )
        for line in ("maxmemory-policy allkeys-lru", "appendonly no", "save 60 1", "aclfile /x", "maxmemory 1", "dir /")
    ),
    Case(
        "external-without-secret",
        {"store": {"mode": "external"}},
        "store.mode=external needs store.external.existingSecret",
        {"store": {"mode": "external", "external": {"existingSecret": "team-redis"}}},
    ),
    Case(
        "exporter-without-tag",
        {"store": {"exporter": {"enabled": True}}},
        "store.exporter.image has no tag",
        {"store": {"exporter": {"enabled": True, "image": {"tag": "v1"}}}},
    ),
    Case(
        "no-way-in",
        {"gateway": {"enabled": False}},
        "gateway.enabled=false leaves page and relay without a common address",
        {"gateway": {"enabled": False}, "ingress": INGRESS, "auth": LOGIN},
    ),
    Case(
        "beat",
        {"settings": {"RUNTAIL_BEAT_SECONDS": 5.5}},
        "settings.RUNTAIL_BEAT_SECONDS=5.5 is more than half of RUNTAIL_LEASE_SECONDS=10",
        {"settings": {"RUNTAIL_BEAT_SECONDS": 5}},
    ),
    Case(
        "head",
        {"settings": {"RUNTAIL_QUOTA_BYTES": 1048576}},
        "settings.RUNTAIL_HEAD_BYTES=1048576 leaves nothing of RUNTAIL_QUOTA_BYTES=1048576",
        {"settings": {"RUNTAIL_QUOTA_BYTES": 1048577}},
    ),
    *(
        Case(
            f"ceiling-{ceiling}",
            {"settings": {"RUNTAIL_LOG_CEILING": ceiling}},
            f"settings.RUNTAIL_LOG_CEILING={ceiling} is a part of the store's memory",
            {"settings": {"RUNTAIL_LOG_CEILING": 1}},
        )
        for ceiling in (0, 1.1)
    ),
    *(
        Case(
            f"pool-{pool[:8]}",
            {"worker": {"pools": {pool: {}}}},
            f"worker.pools.{pool} is no name for a pool",
            {"worker": {"pools": {"b" * 20: {}}}},
        )
        for pool in ("Builds", "b" * 21, "builds-", "builds_2")
    ),
    Case(
        "kill-the-only-relay",
        {"relay": {"replicas": 1}, "tests": {"killRelay": True}},
        "tests.killRelay kills a relay and expects another to go on, but relay.replicas=1",
        {"relay": {"replicas": 1}, "tests": {"killRelay": True, "enabled": False}},
    ),
    Case(
        "command-and-app",
        {"worker": {"pools": {"builds": {"command": ["celery"], "app": "acme"}}}},
        "worker.pools.builds has both a command and an app",
        {"worker": {"pools": {"builds": {"command": ["celery"]}}}},
    ),
    *(
        Case(
            f"user-namespace-of-{component}",
            {component: {"scheduling": {"hostUsers": False}}},
            f"{component}.scheduling.hostUsers=false needs Kubernetes 1.33, and this cluster is v1.32.0",
            {component: {"scheduling": {"hostUsers": False}}},
            ("--kube-version", "1.32.0"),
            ("--kube-version", "1.33.0"),
        )
        for component in ("pod", "relay")
    ),
    Case(
        "canary-without-its-task",
        {"canary": {"enabled": True}, "worker": {"pools": {"default": {"app": "acme"}}}},
        "canary.enabled needs a worker that has the task runtail.check",
        {"canary": {"enabled": True}, "worker": {"pools": {"mine": {"app": "acme"}}}},
    ),
    Case(
        "canary-without-workers",
        {"canary": {"enabled": True}, "worker": {"enabled": False}},
        "canary.enabled needs",
        None,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_cannot_work_is_refused_with_a_sentence(case: Case) -> None:
    with pytest.raises(Refused) as refused:
        render(case.values, arguments=case.arguments)
    said = " ".join(str(refused.value).split())
    assert case.sentence in said


@pytest.mark.parametrize("case", [case for case in CASES if case.beside is not None], ids=lambda case: case.name)
def test_what_is_just_beside_it_is_not(case: Case) -> None:
    assert render(case.beside, arguments=case.beside_arguments)


def test_helm_3_says_the_same() -> None:
    with pytest.raises(Refused, match=r"is an administrator: set auth\.mode"):
        render({"ingress": INGRESS, **NONE}, major=3)


def test_an_old_cluster_is_refused() -> None:
    with pytest.raises(Refused, match=r"requires kubeVersion: >=1\.29\.0-0"):
        render(arguments=("--kube-version", "1.28.0"))
