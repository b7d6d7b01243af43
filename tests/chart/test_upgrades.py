"""What a cluster has decides what an upgrade makes: passwords, the number of pods, a claim with runs."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from runtail import __version__
from runtail.settings import SETTINGS
from tests.chart.environment import another
from tests.chart.made_up_cluster import made_up_cluster
from tests.support import earlier
from tests.support.chart import CHART, ROOT, Object, Refused, find, profile, render

NAMESPACE = "/api/v1/namespaces/rt"
STORE = "/apis/apps/v1/namespaces/rt/statefulsets/runtail-store"
#: What the API server refuses to change.
FIXED = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy"),
    "Service": ("clusterIP",),
}
SCALED = {"web": {"autoscaling": {"type": "hpa"}}}


def rendered_there(folder: Path, objects: dict[str, Any], values: dict[str, Any], major: int = 4) -> list[Object]:
    """Return what an upgrade makes where these objects are."""
    with made_up_cluster(folder, objects) as cluster:
        return render(values, major=major, arguments=cluster.arguments)


@pytest.mark.parametrize("major", [3, 4])
def test_passwords_stay_and_a_new_one_is_added(tmp_path: Path, major: int) -> None:
    kept = {
        name: base64.b64encode(f"{name}-password".encode()).decode() for name in ("web", "relay", "worker", "client")
    }
    there = {f"{NAMESPACE}/secrets/runtail-store": {"apiVersion": "v1", "kind": "Secret", "data": kept}}
    objects = rendered_there(tmp_path, there, {}, major)
    made = find(objects, "Secret", "runtail-store")["data"]
    assert {name: made[name] for name in kept} == kept
    assert len(base64.b64decode(made["metrics"])) == 32
    assert find(objects, "Secret", "runtail-client")["stringData"]["RUNTAIL_STORE_URL"] == (
        "redis://client:client-password@runtail-store:6379/0"
    )


@pytest.mark.parametrize("major", [3, 4])
def test_keys_for_secret_parameters_stay(tmp_path: Path, major: int) -> None:
    kept = {"RUNTAIL_SEAL_KEYS": base64.b64encode(b"the-new-one,the-old-one").decode()}
    there = {f"{NAMESPACE}/secrets/runtail-seal": {"apiVersion": "v1", "kind": "Secret", "data": kept}}
    objects = rendered_there(tmp_path, there, {}, major)
    assert find(objects, "Secret", "runtail-seal")["data"] == kept


def test_an_autoscaled_deployment_keeps_its_number_of_pods(tmp_path: Path) -> None:
    path = "/apis/apps/v1/namespaces/rt/deployments/runtail-web"
    there = {path: {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 7}}}
    assert find(rendered_there(tmp_path, there, SCALED), "Deployment", "runtail-web")["spec"]["replicas"] == 7
    # One that is new has none, and the autoscaler's least soon.
    assert "replicas" not in find(rendered_there(tmp_path, {}, SCALED), "Deployment", "runtail-web")["spec"]
    # Without an autoscaler the values decide.
    assert find(rendered_there(tmp_path, there, {}), "Deployment", "runtail-web")["spec"]["replicas"] == 2


def test_persistence_is_not_switched_off_while_the_claim_is_there(tmp_path: Path) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-runtail-store-0"}}
    there = {f"{NAMESPACE}/persistentvolumeclaims/data-runtail-store-0": claim}
    with pytest.raises(Refused) as refused:
        rendered_there(tmp_path, there, profile("volatile"))
    said = " ".join(str(refused.value).split())
    assert "would leave the runs in the claim data-runtail-store-0 behind" in said
    objects = "statefulset/runtail-store persistentvolumeclaim/data-runtail-store-0"
    assert f"run kubectl -n rt delete --ignore-not-found {objects} and upgrade again" in said
    assert rendered_there(tmp_path, {}, profile("volatile"))


CLAIM_MADE = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "8Gi"}},
    "volumeMode": "Filesystem",
}


def store_made_with(claim: dict[str, Any] | None) -> dict[str, Any]:
    """Return a cluster's objects: the store that an earlier install has made, with this claim or with none."""
    spec = {} if claim is None else {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}]}
    return {STORE: {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": spec}}


@pytest.mark.parametrize("volume", [{}, {"size": "8192Mi"}, {"size": 8589934592}, {"retain": False}])
def test_a_volume_that_stays_as_it_is_is_upgraded(tmp_path: Path, volume: dict[str, Any]) -> None:
    assert rendered_there(tmp_path, store_made_with(CLAIM_MADE), {"store": {"persistence": volume}})


@pytest.mark.parametrize(
    ("volume", "made", "says"),
    [
        (
            {"size": "16Gi"},
            CLAIM_MADE,
            "store.persistence.size=16Gi is not the 8Gi that the StatefulSet runtail-store was made with, and an"
            " upgrade cannot change that: enlarge the claim data-runtail-store-0 if its storage class can, run"
            " kubectl -n rt delete statefulset runtail-store --cascade=orphan and upgrade again.",
        ),
        ({"storageClass": "fast"}, CLAIM_MADE, "set storageClass and accessModes back"),
        ({"storageClass": "-"}, {**CLAIM_MADE, "storageClassName": "fast"}, "set storageClass and accessModes back"),
        ({"accessModes": ["ReadWriteOncePod"]}, CLAIM_MADE, "set storageClass and accessModes back"),
        ({"existingClaim": "ours"}, CLAIM_MADE, "runtail-store was made with a claim of its own"),
        ({"enabled": False}, CLAIM_MADE, "runtail-store was made with a claim of its own"),
        ({}, None, "runtail-store was made without a claim of its own"),
    ],
    ids=["size", "class", "no-class", "modes", "existing-claim", "volatile", "persistent"],
)
def test_another_volume_is_refused_with_what_to_do(
    tmp_path: Path, volume: dict[str, Any], made: dict[str, Any] | None, says: str
) -> None:
    """Else the upgrade fails in the middle, with the API server's words."""
    with pytest.raises(Refused) as refused:
        rendered_there(tmp_path, store_made_with(made), {"store": {"persistence": volume}})
    said = " ".join(str(refused.value).split())
    assert says in said
    assert "kubectl -n rt delete statefulset runtail-store --cascade=orphan and upgrade again" in said
    # What it says to do helps: where the StatefulSet is gone, the same values are taken.
    assert rendered_there(tmp_path, {}, {"store": {"persistence": volume}})


def test_only_what_cannot_change_is_in_what_cannot_change() -> None:
    """Selectors, the claim and the service's name are the same whatever version and values."""

    def fixed(values: dict[str, Any]) -> dict[str, Any]:
        return {
            one["metadata"]["name"]: (
                one["spec"]["selector"],
                one["spec"].get("serviceName"),
                one["spec"].get("volumeClaimTemplates"),
            )
            for one in render(values)
            if one["kind"] in ("Deployment", "StatefulSet")
        }

    assert fixed({"global": {"commonLabels": {"team": "tools"}}, "pod": {"metadata": {"labels": {"a": "b"}}}}) == fixed(
        {}
    )


def changed_by(values: dict[str, Any], before: dict[str, Any] | None = None) -> set[str]:
    """Return the workloads whose pods a change of values replaces."""

    def templates(values: dict[str, Any]) -> dict[str, Any]:
        return {
            one["metadata"]["name"].removeprefix("runtail-"): one["spec"]["template"]
            for one in render({"canary": {"enabled": True}, **values})
            if "template" in one.get("spec", {})
        }

    old, new = templates(before or {}), templates(values)
    assert old.keys() == new.keys() == {"web", "relay", "worker-default", "gateway", "store", "canary"}
    return {name for name in old if old[name] != new[name]}


READERS = {"web", "relay", "worker-default"}


@pytest.mark.parametrize(
    ("values", "replaced"),
    [
        ({"settings": {"RUNTAIL_LEASE_SECONDS": 15}}, READERS),
        ({"settings": {"RUNTAIL_WEB_THREADS": 8}}, {"web"}),
        ({"settings": {"RUNTAIL_SOCKET_URL": "https://relay.example"}}, {"web"}),
        ({"settings": {"RUNTAIL_SOCKET_ASYNC_MODE": "gevent"}}, {"relay"}),
        # It stands in the store's access rules.
        ({"settings": {"RUNTAIL_KEY_PREFIX": "a:"}}, {*READERS, "store"}),
        ({"access": {"origins": ["https://a.example"]}}, {"web", "relay"}),
        ({"access": {"publicUrl": "https://a.example"}}, {"web", "relay"}),
        ({"access": {"proxyHops": 3}}, {"web", "relay", "gateway"}),
        ({"access": {"basePath": "/a/b"}}, {"web", "relay", "gateway", "canary"}),
        ({"pod": {"extra": {"env": [{"name": "RUNTAIL_LEASE_SECONDS", "value": "wrong"}]}}}, {*READERS, "canary"}),
        ({"existingSettings": "ours"}, READERS),
        ({"gateway": {"extraConfig": "add_header X y;"}}, {"gateway"}),
        ({"store": {"extraConfig": "hz 20"}}, {"store"}),
        ({"monitoring": {"rules": {"enabled": True}, "podMonitor": {"enabled": True}}}, set()),
        # With policies a shell in web's pod reaches web, but not the gateway.
        ({"networkPolicy": {"enabled": True}}, {"web"}),
        ({"worker": {"defaults": {"replicas": 3}}, "web": {"replicas": 3}}, set()),
    ],
    # A set has another order in each process, and processes that share the tests must know them by the same names.
    ids=lambda one: ",".join(sorted(one)) if isinstance(one, set) else str(one),
)
def test_a_change_replaces_the_pods_of_who_reads_it_and_nobody_elses(
    values: dict[str, Any], replaced: set[str]
) -> None:
    assert changed_by(values) == replaced


def test_no_setting_of_the_product_replaces_a_pod_that_does_not_run_it() -> None:
    """The store's least of all: all others wait for it."""
    table = json.loads((CHART / "files/settings.json").read_text())
    own = [name for name in table if "instead" not in table[name] and name != "RUNTAIL_KEY_PREFIX"]
    assert len(own) > 30
    # One that cannot be parsed is the case that matters: nothing but what reads it may stand still.
    env = [{"name": name, "value": "wrong"} for name in table]
    assert changed_by({"pod": {"extra": {"env": env}}}) == {*READERS, "canary"}
    for setting in SETTINGS:
        if setting.variable in own:
            replaced = changed_by({"settings": {setting.variable: another(setting)}})
            assert replaced <= READERS, setting
            assert replaced, setting


def test_what_a_checksum_leaves_out_is_read_by_other_components_alone() -> None:
    """The patterns in `_settings.tpl` against the code: no program may miss a change of what it reads."""
    sources = {
        "web": [ROOT / "services/web/src"],
        "relay": [ROOT / "services/socket/src"],
        "worker": [ROOT / "services/worker/src"],
    }
    text = (CHART / "templates/_settings.tpl").read_text()
    library = ROOT / "libs/runtail/src/runtail"
    shared = [path for path in library.rglob("*.py") if path.parent.name not in ("cli", "dev")]
    for component, folders in sources.items():
        found = re.search(rf'"{component}" "(\^RUNTAIL_.*)"\)? *\.?', text)
        assert found, component
        own = [path for folder in folders for path in folder.rglob("*.py")]
        # Shipper and keeper are the worker's.
        files = own + [
            path for path in shared if component == "worker" or path.parent.name not in ("shipper", "capture")
        ]
        if component == "worker":
            # How people come in is for web and relay.
            files = [
                path for path in files if path.name not in ("door.py", "public_url.py") and path.parent.name != "auth"
            ]
        code = "\n".join(path.read_text() for path in files if path.name not in ("settings.py", "launcher.py"))
        left_out = [one.name for one in SETTINGS if re.match(found[1], one.variable)]
        assert left_out
        assert [name for name in left_out if re.search(rf"\.{name}\b(?! import)", code)] == [], component


def test_an_upgrade_from_the_version_before_changes_nothing_that_cannot_change(tmp_path: Path) -> None:
    earlier.check_out(tmp_path / "old")
    charts = (tmp_path / "old/helm/runtail", CHART)
    # The version before knows nothing of logins.
    before, after = (
        {(one["kind"], one["metadata"]["name"]): one for one in render(chart=chart, login=chart == CHART)}
        for chart in charts
    )
    compared = 0
    for name in before.keys() & after.keys():
        for field in FIXED.get(name[0], ()):
            assert before[name]["spec"].get(field) == after[name]["spec"].get(field), (name, field)
            compared += 1
    assert compared >= 10
    # Else every upgrade would replace the store, under all who write and watch. The one from 0.1.0 does so once: the
    # users of the store have other rights, and there is one more.
    templates = [each["StatefulSet", "runtail-store"]["spec"]["template"] for each in (before, after)]
    for template in templates:
        del template["metadata"]["annotations"]["checksum/config"]
        for container in template["spec"]["containers"]:
            container["env"] = [one for one in container["env"] if one["name"] != "PASSWORD_admin"]
    assert templates[0] == templates[1]
    # Viewers and other releases' workers come by these names.
    kept = {(kind, name) for kind, name in before if kind in ("Service", "Secret", "ConfigMap", "StatefulSet")}
    assert kept <= after.keys()


def test_another_version_replaces_the_pods_that_have_its_image_and_not_the_store(tmp_path: Path) -> None:
    other = tmp_path / "runtail"
    shutil.copytree(CHART, other)
    meta = other / "Chart.yaml"
    meta.write_text(meta.read_text().replace(__version__, "97.1.0"))
    before, after = (
        {one["metadata"]["name"]: one["spec"] for one in render(chart=chart) if "template" in one.get("spec", {})}
        for chart in (CHART, other)
    )
    changed = {name for name in before if before[name]["template"] != after[name]["template"]}
    assert changed == {"runtail-web", "runtail-relay", "runtail-worker-default"}
    for name, spec in before.items():
        assert (spec["selector"], spec.get("volumeClaimTemplates")) == (
            after[name]["selector"],
            after[name].get("volumeClaimTemplates"),
        )
