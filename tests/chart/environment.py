"""The environment that a container gets, as the kubelet makes it of references."""

from __future__ import annotations

import base64
import re

from tests.chart.rendering import Object, find

#: For Secrets and ConfigMaps that others make.
FOREIGN = {"team-redis": "redis://team:x@redis.example:6379/0", "team-sentinel": "redis+sentinel://s1:26379/0?master=m"}


def of_container(objects: list[Object], container: Object) -> dict[str, str]:
    """Return a container's variables, with references followed and ``$(NAME)`` put in."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            found |= _config(objects, source["configMapRef"]["name"])
        else:
            found |= _secret(objects, source["secretRef"]["name"])
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            known = _secret(objects, reference["name"])
            value = known.get(reference["key"]) or FOREIGN.get(reference["name"], "secret")
        else:
            value = variable.get("value", "")
            assert isinstance(value, str), f"{variable['name']}: {value!r} is no text"
        found[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda name: found.get(name[1], name[0]), value)
    return found


def _config(objects: list[Object], name: str) -> dict[str, str]:
    if not any(one["kind"] == "ConfigMap" and one["metadata"]["name"] == name for one in objects):
        return {}
    data: dict[str, str] = find(objects, "ConfigMap", name)["data"]
    assert all(isinstance(value, str) for value in data.values()), f"{name} has values that are no text"
    return data


def _secret(objects: list[Object], name: str) -> dict[str, str]:
    if not any(one["kind"] == "Secret" and one["metadata"]["name"] == name for one in objects):
        return {}
    secret = find(objects, "Secret", name)
    decoded = {key: base64.b64decode(value).decode() for key, value in secret.get("data", {}).items()}
    return {**decoded, **secret.get("stringData", {})}
