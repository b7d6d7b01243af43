"""The schema: every key of values.yaml and no other, typing errors refused by name."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.made_up_cluster import made_up_cluster
from tests.support.chart import CHART, LOGIN, NAMESPACE, ROOT, Refused, find, render, rendered_text

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def paths(values: dict[str, Any], schema: dict[str, Any], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the keys of values that the schema knows one by one."""
    found = []
    for name, value in values.items():
        found.append((*before, name))
        inner = schema["properties"][name]
        if isinstance(value, dict) and "properties" in inner:
            found += paths(value, inner, (*before, name))
    return found


PATHS = paths(VALUES, SCHEMA)


def with_value(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return values with one key."""
    return {path[0]: value if len(path) == 1 else with_value(path[1:], value)}


def test_every_key_is_described_and_no_object_is_open() -> None:
    opened = []

    def walk(schema: Any, path: str) -> None:
        if isinstance(schema, dict):
            if schema.get("additionalProperties") is True:
                opened.append(path)
            for name, inner in schema.get("properties", {}).items():
                # A setting that the chart owns is refused by a guard, which says what to use instead.
                assert isinstance(inner, dict)
                walk(inner, f"{path}.{name}")

    walk(SCHEMA, "")
    assert opened == [".global"]
    for path in PATHS:
        schema = SCHEMA
        for name in path:
            schema = schema["properties"][name]
        assert schema["description"], path


#: A letter too many at the end of each of these keys; some 200 there are, so every fifth.
TYPOS = [path for path in PATHS if path[0] != "global" or len(path) == 1][::5]


def test_there_are_enough_typing_errors() -> None:
    assert len(TYPOS) >= 40


@pytest.mark.parametrize("path", TYPOS, ids=".".join)
def test_a_typing_error_is_refused_by_name(path: tuple[str, ...]) -> None:
    wrong = f"{path[-1]}x"
    with pytest.raises(Refused) as refused:
        render(with_value((*path[:-1], wrong), 1))
    assert re.search(rf"additional propert(y|ies) '?{wrong}'?", str(refused.value), re.IGNORECASE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("web", "replicas"), "two"),
        (("web", "replicas"), -1),
        (("web", "autoscaling", "type"), "vpa"),
        (("relay", "image", "pullPolicy"), "Sometimes"),
        (("worker", "pools", "builds", "queues"), "builds"),
        (("worker", "pools", "builds", "concurency"), 2),  # codespell:ignore concurency
        (("worker", "defaults", "concurrency"), 0),
        (("settings", "RUNTAIL_LEASE_SECOND"), 1),
        (("settings", "RUNTAIL_LEASE_SECONDS"), "ten"),
        (("settings", "RUNTAIL_QUOTA_BYTES"), -1),
        (("settings", "RUNTAIL_CR"), "first"),
        (("settings", "RUNTAIL_ECHO"), "maybe"),
        (("store", "maxmemory"), "1 GB"),
        (("store", "mode"), "sentinel"),
        (("store", "appendfsync"), "no"),
        (("gateway", "service", "port"), 0),
        (("bind",), "localhost"),
        (("fullnameOverride",), "x" * 41),
        (("pod", "topologySpread"), "sometimes"),
        (("monitoring", "rules", "thresholds"), {"RuntailRunsWait": "soon"}),
        (("web", "probes", "readyness"), {}),  # codespell:ignore readyness
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_where_it_stands(path: tuple[str, ...], value: Any) -> None:
    with pytest.raises(Refused) as refused:
        render(with_value(path, value))
    assert path[-1] in str(refused.value) or str(path[-2]) in str(refused.value)


def test_components_take_the_keys_of_pod() -> None:
    keys = set(VALUES["pod"])
    for path in (("web",), ("relay",), ("gateway",), ("store",), ("canary",), ("worker", "defaults")):
        schema = SCHEMA
        for name in path:
            schema = schema["properties"][name]
        assert keys <= schema["properties"].keys()


def test_a_component_wins_over_pod() -> None:
    objects = render(
        {
            "pod": {"scheduling": {"nodeSelector": {"disk": "ssd"}, "priorityClassName": "low"}},
            "web": {"scheduling": {"priorityClassName": "high"}, "securityContext": {"readOnlyRootFilesystem": False}},
        }
    )
    web = find(objects, "Deployment", "runtail-web")["spec"]["template"]["spec"]
    relay = find(objects, "Deployment", "runtail-relay")["spec"]["template"]["spec"]
    assert (web["priorityClassName"], web["nodeSelector"]) == ("high", {"disk": "ssd"})
    assert relay["priorityClassName"] == "low"
    assert web["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is False
    assert relay["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_parent_chart_installs_it(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    (parent / "charts").mkdir(parents=True)
    (parent / "Chart.yaml").write_text(
        "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n"
        "  - {name: runtail, version: 0.1.0, repository: '', condition: runtail.enabled}\n"
    )
    (parent / "charts/runtail").symlink_to(CHART)
    values: dict[str, Any] = {
        "global": {"theirs": {"any": "thing"}, "imageRegistry": "registry.example"},
        "runtail": {"enabled": True, "auth": LOGIN},
    }
    (parent / "values.yaml").write_text(json.dumps(values))
    for major in (3, 4):
        objects = render({}, chart=parent, major=major, login=False)
        assert find(objects, "Deployment", "runtail-web")["spec"]["template"]["spec"]["containers"][0]["image"] == (
            "registry.example/runtail/web:0.1.0"
        )
        off = copy.deepcopy(values)
        off["runtail"]["enabled"] = False
        assert rendered_text(json.dumps(off), parent, major, ()).strip() == ""


def test_set_changes_one_key_of_a_pool_and_keeps_the_others() -> None:
    values = {"worker": {"pools": {"builds": {"queues": ["builds"], "concurrency": 4}}}}
    objects = render(values, arguments=("--set", "worker.pools.builds.replicas=3"))
    pool = find(objects, "Deployment", "runtail-worker-builds")["spec"]
    assert pool["replicas"] == 3
    assert pool["template"]["spec"]["containers"][0]["args"][-2:] == ["--queues", "builds"]
    assert find(objects, "Deployment", "runtail-worker-default")["metadata"]["namespace"] == NAMESPACE


def test_versions_are_one() -> None:
    from runtail import __version__

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__
    images = set(re.findall(r"runtail/(?:web|socket|worker):\S+\b", str(render())))
    assert images == {f"runtail/{name}:{__version__}" for name in ("web", "socket", "worker")}


@pytest.mark.parametrize("page", ["README.md", "docs/kubernetes.md", "helm/runtail/README.md"])
def test_values_in_the_documentation_are_taken(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    values = [one for block in blocks if isinstance(one := yaml.safe_load(block), dict) and "apiVersion" not in one]
    # Its readers have a cluster, in which passwords can be made.
    with made_up_cluster(tmp_path) as cluster:
        for one in values:
            # Objects of others (an Alertmanager's configuration, say) have none of our keys.
            if one.keys() & VALUES.keys():
                assert render(one, arguments=cluster.arguments)
    assert values or page != "docs/kubernetes.md"
