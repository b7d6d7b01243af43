"""Makes the chart's schema, README and settings.json of values.yaml and the product's settings: ``make chart``.

``values.yaml`` is the source. The comment above each key is ``# -- what it is``, which may go on in further lines, and
behind it what the value alone does not say::

    # @type: strings      a map of texts               # @type: [string]   a list of texts
    # @type: object       any Kubernetes object        # @type: [object]   a list of them
    # @type: quantity     an amount of memory          # @type: probes     changes to probes
    # @type: settings     the product's settings       # @type: open       our keys and any others
    # @type: {enum: [a, b]}   a piece of JSON schema, in YAML
    # @as: web.image      may have all keys of web.image
    # @with: pod          may have all keys of pod as well
    # @map: worker.defaults   a map by names, of values that have the keys of worker.defaults
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from runtail import acl
from runtail.setting import Setting
from runtail.settings import SETTINGS
from tools.made_files import settle

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "helm/runtail"

#: Settings that the chart itself makes, and the values to use instead.
OWNED: Final = {
    "RUNTAIL_BROKER_URL": "use store.external",
    "RUNTAIL_STORE_URL": "use store.external",
    "RUNTAIL_SEAL_KEYS": "use sealing.existingSecret",
    "RUNTAIL_MESSAGE_KEYS": "use messages.existingSecret",
    "RUNTAIL_ADMIN_HOST": "use bind",
    "RUNTAIL_SOCKET_HOST": "use bind",
    "RUNTAIL_WEB_HOST": "use bind",
    "RUNTAIL_ALLOWED_HOSTS": "use access.hosts",
    "RUNTAIL_ALLOWED_ORIGINS": "use access.origins",
    "RUNTAIL_PUBLIC_URL": "use access.publicUrl",
    "RUNTAIL_BASE_PATH": "use access.basePath",
    "RUNTAIL_PROXY_HOPS": "use access.proxyHops",
    "RUNTAIL_DEMO_TASKS": "use worker.demoTasks",
    "RUNTAIL_HEALTH_DIR": "use worker.defaults.healthFiles",
    "RUNTAIL_WORKER_DRAIN_SECONDS": "use worker.defaults.terminationGracePeriodSeconds, which it is made of",
    "RUNTAIL_PORT_FORWARD_COMMAND": "it is made of the names of release and namespace",
    "RUNTAIL_AUTH_MODE": "use auth.mode",
    "RUNTAIL_AUTH_NONE_ANYWHERE": "it follows auth.mode",
    "RUNTAIL_AUTH_POLICY_FILE": "use auth.policy",
    "RUNTAIL_AUTH_USERS_FILE": "use auth.password.users",
    "RUNTAIL_AUTH_ADMIN_PASSWORD": "use auth.password.existingSecret",
    "RUNTAIL_AUTH_OIDC_ISSUER": "use auth.oidc.issuer",
    "RUNTAIL_AUTH_OIDC_CLIENT_ID": "use auth.oidc.clientId",
    "RUNTAIL_AUTH_OIDC_CLIENT_SECRET": "use auth.oidc.existingSecret",
    "RUNTAIL_AUTH_OIDC_SCOPES": "use auth.oidc.scopes",
    "RUNTAIL_AUTH_OIDC_GROUPS_CLAIM": "use auth.oidc.groupsClaim",
    "RUNTAIL_AUTH_OIDC_NAME_CLAIM": "use auth.oidc.nameClaim",
    "RUNTAIL_AUTH_OIDC_DISPLAY_NAME": "use auth.oidc.displayName",
    "RUNTAIL_AUTH_OIDC_CA_FILE": "use auth.oidc.caSecret",
    "RUNTAIL_AUTH_OIDC_REFRESH_SECONDS": "use auth.oidc.refreshSeconds",
    "RUNTAIL_AUTH_OIDC_LOGOUT": "use auth.oidc.logout",
    "RUNTAIL_AUTH_PROXY_CIDRS": "use auth.proxy.cidrs",
    "RUNTAIL_AUTH_PROXY_SECRET": "use auth.proxy.existingSecret",
    "RUNTAIL_AUTH_PROXY_USER_HEADER": "use auth.proxy.userHeader",
    "RUNTAIL_AUTH_PROXY_GROUPS_HEADER": "use auth.proxy.groupsHeader",
    "RUNTAIL_AUTH_PROXY_NAME_HEADER": "use auth.proxy.nameHeader",
    "RUNTAIL_AUTH_PROXY_LOGOUT_URL": "use auth.proxy.logoutUrl",
    "RUNTAIL_AUTH_PROXY_STREAM_SECONDS": "use auth.proxy.streamSeconds",
    "RUNTAIL_AUTH_TOKENS_FILE": "use auth.tokens.existingSecret",
    "RUNTAIL_WORKER_ADMIN_PORT": "Services and probes rely on the port",
    "RUNTAIL_SOCKET_PORT": "Services and probes rely on the port",
    "RUNTAIL_SOCKET_ADMIN_PORT": "Services and probes rely on the port",
    "RUNTAIL_WEB_PORT": "Services and probes rely on the port",
    "RUNTAIL_WEB_ADMIN_PORT": "Services and probes rely on the port",
    "RUNTAIL_URL": "it is for the command line",
}

STRINGS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "strings": STRINGS,
    "object": {"type": "object"},
    "quantity": {"type": ["string", "integer"], "pattern": "^[0-9]+(\\.[0-9]+)?([kMGT]|[KMGT]i)?$"},
    "probes": {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"type": "object"} for name in ("startup", "readiness", "liveness")},
    },
}


class Flaw(Exception):
    """values.yaml has a mistake; the message names the line."""


@dataclass
class Key:
    """One key of values.yaml.

    :param path: the key's path, with dots.
    :param shape: its ``@type``, parsed as YAML; None without one.
    """

    path: str
    text: str
    default: Any
    shape: Any = None
    like: str = ""
    extended: str = ""
    mapped: str = ""
    children: dict[str, Key] = field(default_factory=dict)


class Reader:
    """Reads keys and their comments.

    :param source: the text of values.yaml.
    :raises Flaw: if a key has no comment, or one that cannot be understood.
    """

    def __init__(self, source: str) -> None:
        self._lines = source.splitlines()
        root = yaml.compose(source, yaml.SafeLoader)
        assert isinstance(root, yaml.MappingNode)
        self._values = yaml.safe_load(source)
        self.keys = self._read(root, self._values, "")

    def _read(self, node: yaml.MappingNode, values: Any, path: str) -> dict[str, Key]:
        found = {}
        for name_node, value_node in node.value:
            name = str(name_node.value)
            key = self._commented(f"{path}{name}", name_node.start_mark.line, values[name])
            takes_apart = key.shape in (None, "open") or key.like
            if isinstance(value_node, yaml.MappingNode) and takes_apart:
                key.children = self._read(value_node, values[name], f"{path}{name}.")
            found[name] = key
        return found

    def _commented(self, path: str, line: int, default: Any) -> Key:
        comment: list[str] = []
        at = line - 1
        while at >= 0 and self._lines[at].strip().startswith("#"):
            comment.insert(0, self._lines[at].strip().removeprefix("#").removeprefix(" "))
            at -= 1
        starts = [number for number, text in enumerate(comment) if text.startswith("-- ")]
        if not starts:
            raise Flaw(f"values.yaml:{line + 1}: {path} has no comment that begins with `# -- `")
        comment = comment[starts[-1] :]
        words = [text.removeprefix("-- ").strip() for text in comment if not text.startswith("@")]
        key = Key(path, " ".join(words), default)
        for text in comment:
            if not text.startswith("@"):
                continue
            tag, _, rest = text[1:].partition(": ")
            match tag:
                case "type":
                    key.shape = yaml.safe_load(rest)
                case "as":
                    key.like = rest
                case "with":
                    key.extended = rest
                case "map":
                    key.mapped = rest
                case _:
                    raise Flaw(f"values.yaml:{line + 1}: {path} has an unknown @{tag}")
        if not key.text.endswith((".", "?", ":", "`")):
            raise Flaw(f"values.yaml:{line + 1}: the comment of {path} is no sentence: {key.text}")
        return key


class Schema:
    """The schema of all keys."""

    def __init__(self, keys: dict[str, Key]) -> None:
        self._keys = keys

    def document(self) -> dict[str, Any]:
        """Return the whole schema, draft 7."""
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Values of the Helm chart runtail",
            **self._object(self._keys),
        }

    def _find(self, path: str) -> Key:
        keys = self._keys
        *before, last = path.split(".")
        for name in before:
            keys = keys[name].children
        return keys[last]

    def _object(self, keys: dict[str, Key]) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: self._of(key) for name, key in keys.items()},
        }

    def _of(self, key: Key) -> dict[str, Any]:
        made = self._shape(key)
        return {"description": key.text, **made}

    def _shape(self, key: Key) -> dict[str, Any]:
        if key.mapped:
            of = self._of(self._find(key.mapped))
            # An empty pool (`default:` with nothing after it) is also a pool, and null removes a default pool.
            return {"type": "object", "additionalProperties": {**of, "type": ["object", "null"]}}
        if key.like:
            made = self._of(self._find(key.like))
            own = {name: self._of(child) for name, child in key.children.items()}
            return {**made, "properties": {**made["properties"], **own}}
        if key.shape == "settings":
            return settings_schema()
        if key.shape == "open":
            return {**self._object(key.children), "additionalProperties": True}
        if isinstance(key.shape, dict):
            return dict(key.shape)
        if isinstance(key.shape, list):
            return {"type": "array", "items": {"type": key.shape[0]}}
        if key.shape is not None:
            return dict(SHAPES[key.shape])
        if isinstance(key.default, dict):
            made = self._object(key.children)
            if key.extended:
                more = self._object(self._find(key.extended).children)
                made["properties"] = {**more["properties"], **made["properties"]}
            return made
        return {"type": {bool: "boolean", int: "integer", float: "number", str: "string"}[type(key.default)]}


def setting_schema(setting: Setting) -> dict[str, Any]:
    """Return the schema of one setting; numbers and switches may be strings, as --set-string makes them."""
    about = {"description": setting.help}
    if setting.choices:
        return {**about, "enum": list(setting.choices)}
    match setting.default:
        case bool():
            return {**about, "enum": [True, False, "true", "false", "on", "off", "yes", "no", "1", "0"]}
        case int():
            return {**about, "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$"}
        case float():
            return {**about, "type": ["number", "string"], "minimum": 0, "pattern": "^[0-9]+(\\.[0-9]+)?$"}
    return {**about, "type": "string"}


def settings_schema() -> dict[str, Any]:
    """Return the schema of ``settings``; it accepts the chart's own settings, because a guard reports those better."""
    properties = {one.variable: {} if one.variable in OWNED else setting_schema(one) for one in SETTINGS}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def settings_json() -> dict[str, Any]:
    """Return the settings' facts for templates: default values, and what to use instead of the chart's own settings."""
    return {
        one.variable: {"default": one.default, **({"instead": OWNED[one.variable]} if one.variable in OWNED else {})}
        for one in SETTINGS
    }


def rows(keys: dict[str, Key]) -> list[str]:
    """Return the rows of the table in the README."""
    found = []
    for key in keys.values():
        if not key.children or key.shape == "open":
            shown = json.dumps(key.default) if not isinstance(key.default, dict) or not key.children else ""
            found.append(f"| `{key.path}` | {f'`{shown}`' if shown else ''} | {_cell(key.text)} |")
        else:
            more = f" Also takes the keys of `{key.extended or key.like}`." if key.extended or key.like else ""
            found.append(f"| **`{key.path}`** | | {_cell(key.text)}{more} |")
        found += rows(key.children)
    return found


def _cell(text: str) -> str:
    return re.sub(r"\|", r"\\|", text)


README: Final = """# Helm chart of Runtail

Runtail streams the output of Celery tasks to the browser, live and whole.
[How to install and run it](../../docs/kubernetes.md).

<!-- Made by `make chart` of values.yaml: edit that. -->

## Values

Each pod also takes the keys of `pod`, under its component: `web.scheduling.nodeSelector` wins over
`pod.scheduling.nodeSelector`. A key that is not listed is refused by name.

| Key | Default | |
| --- | --- | --- |
{rows}
"""


def generated() -> dict[Path, str]:
    """Return the generated files by path.

    :raises Flaw: if values.yaml has a mistake.
    """
    keys = Reader((CHART / "values.yaml").read_text()).keys
    return {
        CHART / "values.schema.json": json.dumps(Schema(keys).document(), indent=1) + "\n",
        CHART / "README.md": README.format(rows="\n".join(rows(keys))),
        # What `runtail acl` and the tests make their lists of.
        CHART / "files/store/users.acl": acl.template(),
        CHART / "files/settings.json": json.dumps(settings_json(), indent=1) + "\n",
    }


def main(arguments: Sequence[str]) -> int:
    """Write the generated files, or with ``--check`` report stale ones; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if something is stale")
    options = parser.parse_args(arguments)
    try:
        files = generated()
    except Flaw as flaw:
        print(f"make chart: {flaw}", file=sys.stderr)
        return 1
    return settle(files, lambda path: f"{path.relative_to(ROOT)} is stale: run `make chart`.", check=options.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
