"""Judges of what is written in objects: passwords, the gateway's and the store's configuration, policies, rights."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.chart.objects import named
from tests.support.chart import Object, containers, pod_template


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
        if text.count("-web-http:8000 max_fails=0;") != 5 or "http_404" not in text:
            yield "a page's program is not asked of web's other version"


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
            if not rules or "-@all" not in rules[0] or "-@dangerous" not in rules[0]:
                yield f"the store's user {user} may flush or configure it"


def rights_are_the_tests_only(objects: list[Object]) -> Iterator[str]:
    """No Role but that of the test that kills a relay, and no more than it needs."""
    for one in objects:
        if one["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            yield f"{named(one)} has rights in the whole cluster"
        hook = one["metadata"].get("annotations", {}).get("helm.sh/hook")
        if one["kind"] in ("Role", "RoleBinding") and hook != "test":
            yield f"{named(one)} stays"
        if one["kind"] == "Role" and one["rules"] != [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "delete"]}
        ]:
            yield f"{named(one)} has more rights than to list and delete pods"
