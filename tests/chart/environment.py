"""The environment that a container gets, as the kubelet makes it of references."""

from __future__ import annotations

import base64
import re
from typing import Any

from runtail.setting import Setting
from runtail.settings import SETTINGS
from tests.support.chart import Object, find

#: For Secrets and ConfigMaps that others make.
FOREIGN = {
    "team-redis": "redis://team:x@redis.example:6379/0",
    "team-sentinel": "redis+sentinel://s1:26379/0?master=m",
    "runtail-messages": "m" * 64,
    "runtail-seal": base64.urlsafe_b64encode(b"s" * 32).decode(),
}
#: For what the kubelet puts into files.
IN_A_FILE = "a password of the test"


def of_container(objects: list[Object], container: Object) -> dict[str, str]:
    """Return a container's variables, with references followed and ``$(NAME)`` put in.

    Of settings that are read from files, the content is there as well: it wins over the file.
    """
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
    for setting in SETTINGS:
        if setting.secret and setting.file_variable in found:
            found[setting.variable] = IN_A_FILE
    return found


def another(setting: Setting) -> Any:
    """Return a value that is not the default one, and fits beside the other defaults."""
    special: dict[str, Any] = {
        "lease_seconds": 15.5,
        "beat_seconds": 1.5,
        "quota_bytes": 2 * 1024**3,
        "budget_bytes": 3 * 1024**3,
        "log_ceiling": 0.5,
        "spool_bytes": 32 * 1024**2,
        "drain_seconds": 12.0,
        "tasks": "demo.*,!demo.crash",
        "key_prefix": "team:",
        "socket_url": "https://relay.example.com",
        "head_bytes": 4096,
    }
    if setting.name in special:
        return special[setting.name]
    if setting.choices:
        return next(choice for choice in setting.choices if choice != setting.default)
    match setting.default:
        case bool():
            return not setting.default
        case int() | float():
            return setting.default + 1
    return f"other-{setting.name}"


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
