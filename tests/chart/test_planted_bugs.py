"""Bugs as charts have them, planted one at a time: the judges find them, or there would be no use in them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtail.errors import ConfigError
from runtail.settings import SETTINGS, load_settings
from tests.chart.environment import of_container
from tests.chart.judges import JUDGES
from tests.support.chart import CHART, Object, Refused, pod_template, profile, render


@dataclass(frozen=True)
class Bug:
    """One change of one file.

    :param profiles: where it shows.
    """

    name: str
    file: str
    before: str
    after: str
    profiles: tuple[str, ...] = ("defaults",)


BUGS = (
    Bug("wrong-port-name", "templates/web/service.yaml", "targetPort: http", "targetPort: web"),
    Bug("selector-of-everything", "templates/_labels.tpl", "app.kubernetes.io/component: {{ .component }}\n", "\n"),
    Bug(
        "version-in-selector",
        "templates/_labels.tpl",
        "app.kubernetes.io/component: {{ .component }}\n",
        'app.kubernetes.io/component: {{ .component }}\nhelm.sh/chart: "x"\n',
    ),
    Bug(
        "labels-and-selector-apart",
        "templates/_pod.tpl",
        'include "runtail.selectorLabels" . | nindent 2',
        'include "runtail.labels" . | trim | nindent 4',
    ),
    Bug("no-checksum", "templates/_settings.tpl", "checksum/settings:", "settings-checksum:"),
    Bug(
        "liveness-asks-readyz",
        "templates/relay/workload.yaml",
        '"liveness" (dict "httpGet" (dict "path" "/healthz"',
        '"liveness" (dict "httpGet" (dict "path" "/readyz"',
    ),
    Bug(
        "readiness-asks-healthz",
        "templates/web/workload.yaml",
        '"readiness" (dict "httpGet" (dict "path" "/readyz"',
        '"readiness" (dict "httpGet" (dict "path" "/healthz"',
    ),
    Bug(
        "version-in-claim",
        "templates/store/workload.yaml",
        '{{- include "runtail.selectorLabels" $context | nindent 10 }}',
        '{{- include "runtail.labels" $context | trim | nindent 10 }}',
    ),
    Bug("host-without-port", "files/gateway/headers.conf", "Host $http_host", "Host $host"),
    Bug(
        "header-outside-include",
        "files/gateway/nginx.conf",
        "      proxy_read_timeout 30s;",
        "      proxy_set_header X-A b;\n      proxy_read_timeout 30s;",
    ),
    Bug(
        "location-without-headers",
        "files/gateway/nginx.conf",
        "      proxy_pass http://web;\n      include /etc/runtail/headers.conf;",
        "      proxy_pass http://web;",
    ),
    Bug("no-upgrade", "files/gateway/headers.conf", "proxy_set_header Upgrade $http_upgrade;", ""),
    Bug("http-1-0", "files/gateway/nginx.conf", "      proxy_http_version 1.1;\n", ""),
    Bug("full-relay-not-tried-again", "files/gateway/nginx.conf", "error timeout http_503", "error timeout"),
    Bug("assets-of-one-version", "files/gateway/nginx.conf", "error timeout http_404", "error timeout"),
    Bug("service-called-web", "templates/web/service.yaml", '"name" "web-http"', '"name" "web"'),
    Bug(
        "fixed-replicas-under-hpa",
        "templates/_scale.tpl",
        '{{- if eq ($scaled.type | default "none") "none" -}}',
        "{{- if true -}}",
        ("scaling-hpa",),
    ),
    Bug("sum-for-max", "templates/worker/scale.yaml", "sum(max by (queue)", "sum(sum by (queue)", ("scaling-keda",)),
    Bug(
        "no-answer-is-zero",
        "templates/_scale.tpl",
        'ignoreNullValues: "false"',
        'ignoreNullValues: "true"',
        ("scaling-keda",),
    ),
    Bug(
        "password-in-arguments",
        "templates/store/workload.yaml",
        "command: [sh, /etc/valkey/start.sh]",
        'command: [sh, /etc/valkey/start.sh, "--requirepass $(PASSWORD_web)"]',
    ),
    Bug("token-mounted", "values.yaml", "  automountToken: false", "  automountToken: true"),
    Bug("service-links", "templates/_pod.tpl", "enableServiceLinks: false", "enableServiceLinks: true"),
    Bug(
        "float-setting",
        "templates/_settings.tpl",
        'kindIs "string" $value | ternary $value (toJson $value) | quote',
        "$value | quote",
        ("external-sentinel",),
    ),
    Bug(
        "command-replaces-init",
        "templates/worker/workload.yaml",
        "          args:\n            {{- include",
        "          command:\n            {{- include",
    ),
    Bug("pdb-min-available", "templates/_scale.tpl", "maxUnavailable: {{ .it.pdb.maxUnavailable }}", "minAvailable: 1"),
    Bug("pdb-of-nothing", "templates/relay/pdb.yaml", '"component" "relay"', '"component" "relais"'),
    Bug(
        "secret-not-kept",
        "templates/store/secret.yaml",
        '"annotations" (dict "helm.sh/resource-policy" "keep")',
        '"annotations" (dict)',
    ),
    Bug(
        "short-grace",
        "templates/_pod.tpl",
        "terminationGracePeriodSeconds: {{ int $it.terminationGracePeriodSeconds }}",
        "terminationGracePeriodSeconds: 20",
    ),
    Bug("dns-without-tcp", "templates/_networkpolicy.tpl", "    - port: 53\n      protocol: TCP\n", "", ("policies",)),
    Bug(
        "two-monitors",
        "templates/monitoring/podmonitor.yaml",
        "{{- if .Values.monitoring.podMonitor.enabled }}",
        "{{- if true }}",
        ("monitoring-services",),
    ),
    Bug(
        "workers-not-scraped",
        "templates/monitoring/podmonitor.yaml",
        "values: [web, relay, worker, store, canary]",
        "values: [web, relay, store, canary]",
        ("monitoring",),
    ),
    Bug(
        "digest-loses", "templates/_image.tpl", "@{{ .image.digest }}", ":{{ .image.tag | default .tag }}", ("airgap",)
    ),
    Bug("store-evicts", "files/store/valkey.conf", "maxmemory-policy noeviction", "maxmemory-policy allkeys-lru"),
    Bug(
        "user-may-flush",
        "files/store/users.acl",
        "user worker on >$PASSWORD_worker RUNS QUEUES CHANNELS EVENTS RESULTS -@all",
        "user worker on >$PASSWORD_worker RUNS QUEUES CHANNELS EVENTS RESULTS +@all",
    ),
    Bug(
        "missing-key",
        "templates/store/secret.yaml",
        '"web" "relay" "worker" "client" "metrics"',
        '"web" "relay" "worker" "client"',
    ),
    Bug("rollout-takes-first", "templates/web/workload.yaml", "maxUnavailable: 0", "maxUnavailable: 1"),
    Bug(
        "cpu-limit", "values.yaml", "    limits:\n      memory: 512Mi", "    limits:\n      memory: 512Mi\n      cpu: 1"
    ),
    Bug("writes-to-root", "values.yaml", "    readOnlyRootFilesystem: true", "    readOnlyRootFilesystem: false"),
    Bug("role-for-all", "templates/tests/account.yaml", "verbs: [list, delete]", 'verbs: ["*"]', ("kill-relay",)),
)
#: What the judges may miss of these.
MISSED = 2


def complaints(chart: Path, name: str) -> list[str]:
    """Return what anybody finds wrong with a render: the judges, the product's own parser, what other profiles say."""
    try:
        objects = render(profile(name), chart=chart)
    except Refused as refused:
        return [str(refused)]
    found = [problem for judge in JUDGES for problem in judge(objects)]
    return [*found, *unread(objects), *misnamed(objects), *inexact(objects, profile(name))]


def unread(objects: list[Object]) -> list[str]:
    """Return what the product does not read of the environment."""
    found = []
    for one in objects:
        pod = pod_template(one)
        if pod:
            try:
                load_settings(of_container(objects, pod["spec"]["containers"][0]))
            except (ConfigError, KeyError) as error:
                found.append(str(error))
    return found


def misnamed(objects: list[Object]) -> list[str]:
    """Return Services whose variables are settings."""
    made = {one["metadata"]["name"].upper().replace("-", "_") + "_PORT" for one in objects if one["kind"] == "Service"}
    return sorted(made & {setting.variable for setting in SETTINGS})


def inexact(objects: list[Object], values: dict[str, Any]) -> list[str]:
    """Return images that are not the ones asked for by digest."""
    asked = [
        one["image"]["digest"]
        for one in values.values()
        if isinstance(one, dict) and one.get("image", {}).get("digest")
    ]
    return [digest for digest in asked if digest not in str(objects)]


@pytest.mark.timeout(300)
def test_planted_bugs_are_found(tmp_path: Path) -> None:
    assert len(BUGS) >= 30
    missed = []
    for bug in BUGS:
        chart = tmp_path / bug.name
        shutil.copytree(CHART, chart)
        path = chart / bug.file
        text = path.read_text()
        assert bug.before in text, f"{bug.name}: {bug.file} has changed; plant the bug anew"
        path.write_text(text.replace(bug.before, bug.after, 1))
        if not any(complaints(chart, name) for name in bug.profiles):
            missed.append(bug.name)
        shutil.rmtree(chart)
    print(f"{len(BUGS) - len(missed)} of {len(BUGS)} planted bugs found; missed: {', '.join(missed) or 'none'}")
    assert len(missed) <= MISSED, missed


def test_nobody_complains_without_a_bug() -> None:
    for name in sorted({name for bug in BUGS for name in bug.profiles}):
        assert complaints(CHART, name) == []
