"""A Kubernetes API that has what a test says: enough for ``helm template --dry-run=server`` and its ``lookup``."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Kinds by group and version.
KINDS = {
    "v1": ("Secret", "PersistentVolumeClaim", "ConfigMap", "Service", "ServiceAccount", "Pod"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "policy/v1": ("PodDisruptionBudget",),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "networking.k8s.io/v1": ("NetworkPolicy", "Ingress"),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
}
#: Those that others define.
CUSTOM_KINDS = {
    "monitoring.coreos.com/v1": ("PodMonitor", "ServiceMonitor", "PrometheusRule"),
    "keda.sh/v1alpha1": ("ScaledObject",),
    "gateway.networking.k8s.io/v1": ("HTTPRoute",),
    "grafana.integreatly.org/v1beta1": ("GrafanaDashboard",),
}


class MadeUpCluster:
    """What the API has, and what was asked of it.

    :param objects: by path below the API, such as ``/api/v1/namespaces/rt/secrets/runtail-store``.
    :param custom: whether it knows the kinds of operators.
    """

    def __init__(self, objects: Mapping[str, Any], *, custom: bool = True) -> None:
        self.objects = objects
        self._kinds = KINDS | (CUSTOM_KINDS if custom else {})
        self.asked: set[str] = set()
        self.kubeconfig = Path()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what makes ``helm template`` ask it, and not for schemas, which it has not."""
        return (
            *("--dry-run=server", "--is-upgrade", "--disable-openapi-validation"),
            *("--kubeconfig", str(self.kubeconfig)),
        )

    def answer(self, path: str) -> Any:
        """Return what is at a path, or None."""
        if path == "/version":
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups = []
            for name in self._kinds:
                group, slash, version = name.partition("/")
                if slash:
                    offered = {"groupVersion": name, "version": version}
                    groups.append({"name": group, "versions": [offered], "preferredVersion": offered})
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        group = path.removeprefix("/apis/").removeprefix("/api/")
        if group in self._kinds:
            resources = [
                {"name": plural(kind), "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get", "list"]}
                for kind in self._kinds[group]
            ]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": resources}
        self.asked.add(path)
        if path.rpartition("/")[2] in {plural(kind) for kinds in self._kinds.values() for kind in kinds}:
            items = [one for at, one in self.objects.items() if at.rpartition("/")[0] == path]
            return {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}
        return self.objects.get(path)


def plural(kind: str) -> str:
    """Return a kind's name in paths."""
    lower = kind.lower()
    if lower.endswith("y"):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith("s") else f"{lower}s"


@contextmanager
def made_up_cluster(
    folder: Path, objects: Mapping[str, Any] | None = None, *, custom: bool = True
) -> Iterator[MadeUpCluster]:
    """Serve one until the end of the ``with``.

    :param folder: for its kubeconfig.
    """
    cluster = MadeUpCluster(objects or {}, custom=custom)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = cluster.answer(self.path.partition("?")[0])
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            body = json.dumps(missing if found is None else found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    # Its own, since what Helm printed is remembered by its arguments.
    cluster.kubeconfig = folder / f"kubeconfig-{uuid.uuid4().hex}"
    context = {"cluster": "c", "user": "u", "namespace": "rt"}
    cluster.kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "x", "context": context}],
                "current-context": "x",
            }
        )
    )
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
