"""How people and programs log in: who gets which file, what is made once, and what is refused without a cluster."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from runtail.access.rights import ROLES
from runtail.auth.passwords import MIN_CHARACTERS
from runtail.auth.proxy_settings import read_proxy_settings
from runtail.auth.tokens_file import parse_tokens, token_with
from runtail.auth.users import digest_of
from runtail.settings import load_settings
from tests.chart.made_up_cluster import made_up_cluster
from tests.support.chart import Object, Refused, find, pod_template, profile, render

SECRET = "/api/v1/namespaces/rt/secrets/runtail-login"
PASSWORD: dict[str, Any] = {"canary": {"enabled": True}}


def there(folder: Path, values: dict[str, Any], objects: dict[str, Any] | None = None) -> list[Object]:
    """Return what is made where these objects are."""
    with made_up_cluster(folder, objects) as cluster:
        return render(values, arguments=cluster.arguments)


def login_of(objects: list[Object]) -> dict[str, str]:
    """Return the content of the Secret that the chart made."""
    data = find(objects, "Secret", "runtail-login")["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def variables(objects: list[Object]) -> dict[str, dict[str, Any]]:
    """Return the variables about logging in of each pod, by the name of what makes it."""
    return {
        one["metadata"]["name"]: {
            variable["name"]: variable.get("value", variable.get("valueFrom"))
            for variable in pod["spec"]["containers"][0].get("env", [])
            if variable["name"].startswith(("RUNTAIL_AUTH_", "RUNTAIL_TOKEN"))
        }
        for one in objects
        if (pod := pod_template(one))
    }


def files(objects: list[Object], deployment: str) -> dict[str, tuple[str, str]]:
    """Return the Secrets and ConfigMaps with their keys, by the path at which a container finds them."""
    spec = find(objects, "Deployment", deployment)["spec"]["template"]["spec"]
    volumes = {one["name"]: one for one in spec["volumes"]}
    found = {}
    for mount in spec["containers"][0]["volumeMounts"]:
        volume = volumes[mount["name"]]
        source = volume.get("secret") or volume.get("configMap") or {}
        for item in source.get("items", []):
            name = source.get("secretName") or source["name"]
            found[f"{mount['mountPath']}/{item['path']}"] = (name, item["key"])
    return found


def test_web_gets_all_and_the_relay_what_it_judges_by() -> None:
    objects = render(profile("login"))
    policy, tokens, users = ("runtail-policy", "policy.toml"), ("runtail-tokens", "tokens.txt"), "users.txt"
    read = {
        name: {key: files(objects, name).get(value, value) for key, value in found.items()}
        for name, found in variables(objects).items()
        if name in ("runtail-web", "runtail-relay")
    }
    common = {
        "RUNTAIL_AUTH_MODE": "password",
        "RUNTAIL_AUTH_POLICY_FILE": policy,
        "RUNTAIL_AUTH_TOKENS_FILE": tokens,
    }
    assert read == {
        "runtail-web": {
            **common,
            "RUNTAIL_AUTH_USERS_FILE": ("runtail-users", users),
            "RUNTAIL_TOKEN_FILE": ("runtail-tokens", "check"),
        },
        "runtail-relay": common,
    }
    assert find(objects, "ConfigMap", "runtail-policy")["data"]["policy.toml"] == profile("login")["auth"]["policy"]
    asks = {"RUNTAIL_TOKEN": {"secretKeyRef": {"name": "runtail-tokens", "key": "check"}}}
    others = {name: found for name, found in variables(objects).items() if name not in read}
    assert others == {name: asks if name in ("runtail-canary", "runtail-test") else {} for name in others}
    assert {"runtail-canary", "runtail-test", "runtail-worker-default"} <= others.keys()


def test_what_is_made_elsewhere_is_not_made_here() -> None:
    objects = render(profile("login-secrets"))
    assert set(variables(objects)["runtail-web"]) == {
        "RUNTAIL_AUTH_MODE",
        "RUNTAIL_AUTH_ADMIN_PASSWORD_FILE",
        "RUNTAIL_AUTH_POLICY_FILE",
        "RUNTAIL_AUTH_TOKENS_FILE",
        "RUNTAIL_TOKEN_FILE",
    }
    assert ("runtail-policy", "policy.toml") in files(objects, "runtail-relay").values()
    assert not any(one["kind"] == "Secret" and one["metadata"]["name"] == "runtail-login" for one in objects)


def test_web_and_relay_get_the_same_of_a_proxy() -> None:
    objects = render(profile("login-proxy"))
    found = variables(objects)
    # Web's command line has a token.
    assert found["runtail-web"].pop("RUNTAIL_TOKEN_FILE")
    assert found["runtail-web"] == found["runtail-relay"]
    assert {name.removeprefix("RUNTAIL_AUTH_"): value for name, value in found["runtail-web"].items()} == {
        "MODE": "proxy",
        "PROXY_CIDRS": "10.244.0.0/16,2001:db8::/64",
        "PROXY_SECRET_FILE": "/etc/runtail/login/proxy/proxy",
        "PROXY_USER_HEADER": "Remote-User",
        "PROXY_GROUPS_HEADER": "Remote-Groups",
        "PROXY_NAME_HEADER": "Remote-Name",
        "PROXY_LOGOUT_URL": "https://login.example.com/logout",
        "PROXY_STREAM_SECONDS": "30",
        "TOKENS_FILE": "/etc/runtail/login/tokens/tokens",
    }
    for deployment in ("runtail-web", "runtail-relay"):
        assert files(objects, deployment)["/etc/runtail/login/proxy/proxy"] == ("runtail-proxy", "shared")
    # As the pods read it, nothing is missing.
    given = {name: value for name, value in found["runtail-web"].items() if not name.endswith("_FILE")}
    read_proxy_settings(load_settings({**given, "RUNTAIL_AUTH_PROXY_SECRET": "x" * 16}))


def test_password_and_token_are_made_once_and_kept(tmp_path: Path) -> None:
    objects = there(tmp_path, PASSWORD)
    made = login_of(objects)
    assert len(made["password"]) == 24 >= MIN_CHARACTERS
    token = token_with(parse_tokens(made["tokens"]), digest_of(made["token"]))
    assert token
    assert (token.name, token.rights) == ("helm-test", ROLES["operator"])
    secret = find(objects, "Secret", "runtail-login")
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert login_of(there(tmp_path, PASSWORD, {SECRET: secret})) == made
    assert login_of(there(tmp_path, PASSWORD)).keys() == made.keys()
    assert login_of(there(tmp_path, PASSWORD))["password"] != made["password"]
    # What is not used any more is not thrown away either.
    other = {"auth": {"password": {"users": "runtail-users"}}}
    assert login_of(there(tmp_path, other, {SECRET: secret})) == made


def test_secrets_stand_in_their_secret_only(tmp_path: Path) -> None:
    objects = there(tmp_path, PASSWORD)
    made = login_of(objects)
    rest = json.dumps([one for one in objects if one["metadata"]["name"] != "runtail-login"])
    assert [key for key, value in made.items() if value in rest] == []
    found = variables(objects)
    asks = {"RUNTAIL_TOKEN": {"secretKeyRef": {"name": "runtail-login", "key": "token"}}}
    assert found["runtail-test"] == found["runtail-canary"] == asks
    assert files(objects, "runtail-web") == {
        found["runtail-web"]["RUNTAIL_AUTH_ADMIN_PASSWORD_FILE"]: ("runtail-login", "password"),
        found["runtail-web"]["RUNTAIL_AUTH_TOKENS_FILE"]: ("runtail-login", "tokens"),
        found["runtail-web"]["RUNTAIL_TOKEN_FILE"]: ("runtail-login", "token"),
    }
    assert set(files(objects, "runtail-relay").values()) == {("runtail-login", "tokens")}


@pytest.mark.parametrize(
    ("auth", "sentence"),
    [
        ({}, "another password of admin each time: set auth.password.existingSecret"),
        (
            {"password": {"existingSecret": "mine"}},
            "another token for helm test and canary each time: set auth.tokens.existingSecret",
        ),
    ],
)
def test_without_a_cluster_nothing_is_made_anew_each_time(auth: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        render({"auth": auth}, login=False)
    assert sentence in " ".join(str(refused.value).split())


def test_web_alone_knows_the_provider() -> None:
    objects = render(profile("login-oidc"))
    found = variables(objects)
    mounted = files(objects, "runtail-web")
    told = {key: mounted.get(value, value) for key, value in found["runtail-web"].items() if "OIDC" in key}
    assert told == {
        "RUNTAIL_AUTH_OIDC_ISSUER": "https://login.example.com:8443/realms/team",
        "RUNTAIL_AUTH_OIDC_CLIENT_ID": "runtail",
        "RUNTAIL_AUTH_OIDC_CLIENT_SECRET_FILE": ("runtail-oidc", "client-secret"),
        "RUNTAIL_AUTH_OIDC_SCOPES": "openid profile email groups",
        "RUNTAIL_AUTH_OIDC_GROUPS_CLAIM": "realm_access.roles",
        "RUNTAIL_AUTH_OIDC_NAME_CLAIM": "preferred_username",
        "RUNTAIL_AUTH_OIDC_DISPLAY_NAME": "Example",
        "RUNTAIL_AUTH_OIDC_CA_FILE": ("team-ca", "ca.crt"),
        "RUNTAIL_AUTH_OIDC_REFRESH_SECONDS": "300",
        "RUNTAIL_AUTH_OIDC_LOGOUT": "on",
    }
    assert "RUNTAIL_AUTH_ADMIN_PASSWORD_FILE" in found["runtail-web"]
    assert {name for name, one in found.items() if any("OIDC" in key for key in one)} == {"runtail-web"}
    assert found["runtail-relay"]["RUNTAIL_AUTH_MODE"] == "oidc,password"


@pytest.mark.parametrize(("ports", "wanted"), [([], [8443]), ([8080, 9443], [8080, 9443])])
def test_web_may_go_to_the_provider(ports: list[int], wanted: list[int]) -> None:
    values = profile("login-oidc")
    values["auth"]["oidc"]["ports"] = ports
    objects = render(values)
    to_provider = {"ports": [{"port": port} for port in wanted]}
    assert to_provider in find(objects, "NetworkPolicy", "runtail-web")["spec"]["egress"]
    assert to_provider not in find(objects, "NetworkPolicy", "runtail-relay")["spec"]["egress"]
    del values["auth"]["oidc"]
    values["auth"]["mode"] = "password"
    egress = find(render(values), "NetworkPolicy", "runtail-web")["spec"]["egress"]
    assert all(rule.get("to") for rule in egress)


def test_without_a_login_the_pods_may_listen_and_nothing_else_is_there() -> None:
    objects = render(profile("no-login"))
    none = {"RUNTAIL_AUTH_MODE": "none", "RUNTAIL_AUTH_NONE_ANYWHERE": "on"}
    found = variables(objects)
    assert found["runtail-web"] == found["runtail-relay"] == none
    assert [name for name, one in found.items() if one and name not in ("runtail-web", "runtail-relay")] == []
    assert files(objects, "runtail-web") == files(objects, "runtail-relay") == {}


def test_another_policy_replaces_no_pod() -> None:
    values = profile("login")
    before = [pod_template(one) for one in render(values)]
    values["auth"]["policy"] += '[[grant]]\nto = ["everyone"]\nrole = "viewer"\n'
    assert [pod_template(one) for one in render(values)] == before
