"""What pods get is what the product reads: the environment goes through the product's own parser."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helm.tools.generate import OWNED
from runtail.sealing import seals_of
from runtail.setting import Setting
from runtail.settings import SETTINGS, load_settings
from runtail.store import connect
from tests.chart.environment import another, of_container
from tests.support.chart import NAMESPACE, PROFILES, Object, Refused, find, pod_template, profile, render

VARIABLES = {setting.variable for setting in SETTINGS}
#: The files of settings that are secret.
IN_FILES = {f"{setting.variable}_FILE" for setting in SETTINGS if setting.secret}
#: Read by commands and not by `load_settings`.
OF_COMMANDS = {"RUNTAIL_CHECK_RELAY_URL", "RUNTAIL_TOKEN", "RUNTAIL_TOKEN_FILE"}
FREE = [setting for setting in SETTINGS if setting.variable not in OWNED]


def environments(objects: list[Object]) -> dict[str, dict[str, str]]:
    """Return the environment of each main container by its workload."""
    return {
        one["metadata"]["name"]: of_container(objects, pod["spec"]["containers"][0])
        for one in objects
        if (pod := pod_template(one))
    }


@pytest.mark.parametrize("name", PROFILES)
def test_every_pod_can_read_its_settings(name: str) -> None:
    objects = render(profile(name))
    for workload, environment in environments(objects).items():
        unknown = {one for one in environment if one.startswith("RUNTAIL_")} - VARIABLES - OF_COMMANDS - IN_FILES
        assert unknown == set(), workload
        settings = load_settings(environment)
        if "RUNTAIL_STORE_URL" in environment:
            connect(settings)


@pytest.mark.parametrize("setting", FREE, ids=lambda setting: setting.name)
def test_a_setting_arrives_with_its_type(setting: Setting) -> None:
    value = another(setting)
    objects = render({"settings": {setting.variable: value}})
    for workload in ("runtail-web", "runtail-relay", "runtail-worker-default"):
        environment = environments(objects)[workload]
        arrived = getattr(load_settings(environment), setting.name)
        assert (arrived, type(arrived)) == (value, type(setting.default))


@pytest.mark.parametrize("variable", sorted(OWNED.keys() & VARIABLES))
def test_the_charts_own_settings_are_refused(variable: str) -> None:
    with pytest.raises(Refused, match=f"settings.{variable} is the chart's own: .*{re.escape(OWNED[variable])}"):
        render({"settings": {variable: "1"}})


def test_what_comes_in_through_ingress_and_route_is_answered() -> None:
    asked = {"ingress": ["runtail.internal.example", "runtail.example.com"], "httproute": ["runtail.example.com"]}
    asked["httproute-all-hosts"] = ["runtail.example.com"]
    for name, wanted in asked.items():
        for workload in ("runtail-web", "runtail-relay"):
            hosts = environments(render(profile(name)))[workload]["RUNTAIL_ALLOWED_HOSTS"].split(",")
            assert set(wanted) <= set(hosts)
    assert (
        load_settings(environments(render(profile("ingress")))["runtail-relay"]).allowed_origins
        == "https://portal.example.com"
    )


def test_services_are_answered_in_all_spellings() -> None:
    objects = render()
    hosts = environments(objects)["runtail-web"]["RUNTAIL_ALLOWED_HOSTS"].split(",")
    for service in ("runtail", "runtail-web-http", "runtail-relay-ws"):
        find(objects, "Service", service)
        for spelling in (service, f"{service}.{NAMESPACE}", f"{service}.{NAMESPACE}.svc"):
            assert spelling in hosts
    assert {"localhost", "127.0.0.1", "[::1]"} <= set(hosts)


def test_everybody_listens_where_the_cluster_asks() -> None:
    for bind, name in (("0.0.0.0", "defaults"), ("[::]", "ipv6")):
        found = environments(render(profile(name)))
        assert found["runtail-web"]["RUNTAIL_WEB_HOST"] == found["runtail-relay"]["RUNTAIL_SOCKET_HOST"] == bind
        assert {one["RUNTAIL_ADMIN_HOST"] for one in found.values() if "RUNTAIL_ADMIN_HOST" in one} == {bind}


def test_pods_have_users_of_their_own_in_the_store() -> None:
    found = environments(render())
    users = {
        name: re.findall(r"redis://(\w+):", one["RUNTAIL_STORE_URL"])
        for name, one in found.items()
        if "RUNTAIL_STORE_URL" in one
    }
    assert users == {"runtail-web": ["web"], "runtail-relay": ["relay"], "runtail-worker-default": ["worker"]}


def test_ended_runs_may_take_half_of_the_store() -> None:
    assert environments(render({"store": {"maxmemory": "3Gi"}}))["runtail-web"]["RUNTAIL_BUDGET_BYTES"] == str(
        3 * 1024**3 // 2
    )
    assert "RUNTAIL_BUDGET_BYTES" not in environments(render(profile("external")))["runtail-web"]


def test_the_variables_that_services_make_are_no_settings() -> None:
    """Kubernetes gives every pod of a namespace, other teams' too, variables named after each Service."""
    for name in PROFILES:
        for service in (one for one in render(profile(name)) if one["kind"] == "Service"):
            prefix = service["metadata"]["name"].upper().replace("-", "_")
            made = {f"{prefix}_SERVICE_HOST", f"{prefix}_SERVICE_PORT", f"{prefix}_PORT"}
            made |= {f"{prefix}_SERVICE_PORT_{port['name'].upper()}" for port in service["spec"]["ports"]}
            made |= {
                f"{prefix}_PORT_{port['port']}_TCP{end}"
                for port in service["spec"]["ports"]
                for end in ("", "_PROTO", "_PORT", "_ADDR")
            }
            assert made & VARIABLES == set()


def test_a_team_gets_all_it_needs_by_env_from() -> None:
    objects = render()
    container = {"envFrom": [{"configMapRef": {"name": "runtail-settings"}}, {"secretRef": {"name": "runtail-client"}}]}
    settings = load_settings(of_container(objects, container))
    assert re.fullmatch(r"redis://client:[A-Za-z0-9]{32}@runtail-store:6379/0", settings.store_url)
    assert settings.broker_url == settings.store_url


def test_web_and_workers_get_keys_for_secret_parameters_and_nobody_else() -> None:
    found = environments(render())
    keys = {name: environment.get("RUNTAIL_SEAL_KEYS") for name, environment in found.items()}
    having = {name for name, key in keys.items() if key}
    assert having == {"runtail-web", "runtail-worker-default"}
    assert len(set(keys.values()) - {None}) == 1
    for name in having:
        assert len(seals_of(load_settings(found[name])).names) == 1
    # Every installation has its own.
    other = environments(render({"web": {"replicas": 3}}))
    assert other["runtail-web"]["RUNTAIL_SEAL_KEYS"] != keys["runtail-web"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"sealing": {"enabled": False}}, ""),
        ({"sealing": {"existingSecret": "ours"}}, "ours"),
        ({"sealing": {"enabled": False, "existingSecret": "ours"}}, ""),
        ({"store": {"auth": {"existingSecret": "passwords"}}}, ""),
        ({"store": {"auth": {"existingSecret": "passwords"}}, "sealing": {"existingSecret": "ours"}}, "ours"),
    ],
)
def test_keys_of_ones_own_are_used_and_none_is_made_beside_them(values: dict[str, Any], name: str) -> None:
    objects = render(values)
    assert not [one for one in objects if one["metadata"]["name"] == "runtail-seal"]
    for workload in ("runtail-web", "runtail-worker-default"):
        [pod] = [pod_template(one) for one in objects if pod_template(one) and one["metadata"]["name"] == workload]
        variables = {one["name"]: one for one in (pod or {})["spec"]["containers"][0]["env"]}
        reference = variables.get("RUNTAIL_SEAL_KEYS", {}).get("valueFrom", {}).get("secretKeyRef", {})
        assert reference.get("name", "") == name
