"""What ``helm template`` makes of the chart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.helm import helm

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/runtail"
RELEASE, NAMESPACE = "runtail", "rt"

#: Values for the tests' clusters and users: each is rendered, judged, and installed by the end-to-end tests.
PROFILES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
#: What the clusters of these profiles know beside Kubernetes itself.
APIS = ("monitoring.coreos.com/v1", "keda.sh/v1alpha1", "gateway.networking.k8s.io/v1")

#: A Helm takes the cluster's version for its own library's, if nobody says one; a later argument wins.
DEFAULTS = ("--values", "-", "--kube-version", "1.34.0")

#: The Secrets of logging in that the chart must be told where Helm sees no cluster, in which they are made once.
LOGIN = {"password": {"existingSecret": "runtail-admin"}, "tokens": {"existingSecret": "runtail-tokens"}}

Object = dict[str, Any]


class Refused(Exception):
    """Helm did not render; the message is what it said."""


def profile(name: str) -> dict[str, Any]:
    """Return a profile's values."""
    values: dict[str, Any] = yaml.safe_load((CHART / f"ci/{name}-values.yaml").read_text())
    return values


def with_login(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values with Secrets of logging in, unless they say something of it themselves."""
    return {"auth": LOGIN, **(values or {})}


def render(
    values: Mapping[str, Any] | None = None,
    *,
    chart: Path = CHART,
    major: int = 4,
    arguments: tuple[str, ...] = (),
    apis: tuple[str, ...] = APIS,
    login: bool = True,
) -> list[Object]:
    """Return the objects, fresh for the caller.

    :param values: beside the chart's own.
    :param arguments: further ones of ``helm template``.
    :param apis: what the cluster knows beside Kubernetes itself.
    :param login: without a cluster, name Secrets of logging in where the values do not.
    :raises Refused: with what Helm said.
    """
    known = tuple(word for api in apis for word in ("--api-versions", api))
    if login and "--dry-run=server" not in arguments:
        values = with_login(values)
    text = rendered_text(json.dumps(values or {}), chart, major, (*known, *arguments))
    return [one for one in yaml.load_all(text, Loader=_Loader) if one]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the C one is 10 times faster
    pass


@cache
def rendered_text(values: str, chart: Path, major: int, arguments: tuple[str, ...]) -> str:
    """Return what Helm prints.

    :param values: as JSON.
    :raises Refused: with what Helm said.
    """
    done = subprocess.run(
        [helm(major), "template", RELEASE, str(chart), "--namespace", NAMESPACE, *DEFAULTS, *arguments],
        input=values,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise Refused(done.stderr.strip())
    return done.stdout


def find(objects: list[Object], kind: str, name: str) -> Object:
    """Return the one object of this kind and name."""
    (found,) = [one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def pod_template(one: Object) -> Object | None:
    """Return the pod that an object makes, or is; None if it makes none."""
    match one["kind"]:
        case "Pod":
            return one
        case "Deployment" | "StatefulSet":
            template: Object = one["spec"]["template"]
            return template
    return None


def containers(pod: Object) -> list[Object]:
    """Return all containers of a pod, those that run first as well."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
