"""What the chart makes fits together: every profile, every judge."""

from __future__ import annotations

import pytest

from tests.chart.judges import JUDGES
from tests.support.chart import PROFILES, profile, render

#: What a profile asks for, and a judge objects to.
ON_PURPOSE = {
    "bare": {"pods_are_restricted", "resources_are_bounded"},
    "pools": {"resources_are_bounded"},
    "account": {"pods_are_restricted"},
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_fits_together(name: str) -> None:
    objects = render(profile(name))
    found = {judge.__name__: problems for judge in JUDGES if (problems := list(judge(objects)))}
    allowed = ON_PURPOSE.get(name, set())
    assert {judge: problems for judge, problems in found.items() if judge not in allowed} == {}
    assert allowed <= found.keys(), "what was objected to on purpose is not any more"


@pytest.mark.parametrize("name", PROFILES)
def test_helm_3_makes_the_same(name: str) -> None:
    def comparable(major: int) -> list[str]:
        objects = render(profile(name), major=major)
        # Passwords are made anew by each.
        return sorted(
            str({**one, "data": one["kind"] != "Secret" and one.get("data"), "stringData": 0}) for one in objects
        )

    assert comparable(3) == comparable(4)


def test_there_are_enough_profiles() -> None:
    assert len(PROFILES) >= 20


def test_two_renders_differ_in_passwords_only() -> None:
    def settled(arguments: tuple[str, ...]) -> list[object]:
        return [one for one in render(profile("defaults"), arguments=arguments) if one["kind"] != "Secret"]

    assert settled(("--set", "enabled=true")) == settled(())
    gitops = render(profile("gitops"))
    assert [one for one in gitops if one["kind"] == "Secret"] == []
