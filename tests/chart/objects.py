"""Ways around the objects that the chart makes, for its judges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.chart import Object, containers


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
