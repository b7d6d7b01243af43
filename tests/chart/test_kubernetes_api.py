"""Every object, against the API of the oldest and the newest Kubernetes that are supported, and some between."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate import utils

from tests.support.chart import PROFILES, Object, profile, render

VERSIONS = ("1.29", "1.34", "1.37")
#: Of others; the cluster of the end-to-end tests has their definitions.
CUSTOM = ("monitoring.coreos.com", "keda.sh", "gateway.networking.k8s.io", "grafana.integreatly.org")


@pytest.fixture(autouse=True, scope="module")
def read_once() -> Any:
    """Let the library read each of its large files once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


@cache
def flaw(text: str, version: str) -> str:
    """Return what is wrong with an object; the same one comes in many profiles."""
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{list(error.path)}: {error.message}"
    return ""


def without_nulls(value: Any) -> Any:
    """Return it as the API reads it: null is the same as nothing."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_takes_every_object(version: str) -> None:
    wrong = {}
    for name in PROFILES:
        for one in render(profile(name), arguments=("--kube-version", f"{version}.0")):
            if one["apiVersion"].partition("/")[0] in CUSTOM:
                continue
            why = flaw(json.dumps(without_nulls(one), sort_keys=True), version)
            if why:
                wrong[name, one["kind"], one["metadata"]["name"]] = why
    assert wrong == {}


def test_the_judge_is_strict() -> None:
    objects: list[Object] = render()
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["hostUserz"] = False
    assert "hostUserz" in flaw(json.dumps(deployment), "1.37")
