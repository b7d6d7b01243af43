"""The Role for whoever installs (helm/examples/installer.yaml) names all that the chart makes, and no more."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.chart import PROFILES, ROOT, profile, render

ROLE: dict[str, Any] = yaml.safe_load((ROOT / "helm/examples/installer.yaml").read_text())
#: What making, changing and removing takes.
FULL = {"get", "list", "watch", "create", "update", "patch", "delete"}


def kinds(name: str) -> set[str]:
    """Return what a profile makes, as a Role names it."""
    found = set()
    for one in render(profile(name)):
        group, _, _ = one["apiVersion"].rpartition("/")
        plural = one["kind"].lower().removesuffix("y") + ("ies" if one["kind"].endswith("y") else "s")
        found.add(f"{group}/{plural.replace('ingresss', 'ingresses')}")
    return found


def allowed() -> set[str]:
    """Return what the Role lets somebody make."""
    rules = [rule for rule in ROLE["rules"] if set(rule["verbs"]) >= FULL]
    return {f"{group}/{plural}" for rule in rules for group in rule["apiGroups"] for plural in rule["resources"]}


@pytest.mark.parametrize("name", PROFILES)
def test_it_may_make_what_each_profile_makes(name: str) -> None:
    assert kinds(name) <= allowed()


def test_it_may_make_nothing_else() -> None:
    assert allowed() <= {kind for name in PROFILES for kind in kinds(name)}


def test_it_is_a_role_of_one_namespace_without_wildcards() -> None:
    assert ROLE["kind"] == "Role"
    for rule in ROLE["rules"]:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
