"""What is made of the findings of scanners, and the rules and exceptions that the project has of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tools.scan import chart, secrets

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "tools/semgrep").glob("*.yaml"))

LIMIT = chart.Finding("CKV_K8S_11", "pools", "Deployment.rt.runtail-worker-a", "CPU limits should be set")
PASSWORD = secrets.Found("docs/cli.md", "Basic Auth Credentials", "5baa61e4", 7)


def test_a_finding_without_an_exception_is_told_with_its_place() -> None:
    (said,) = chart.judge([LIMIT], [])
    assert said == "pools: Deployment.rt.runtail-worker-a: CPU limits should be set (CKV_K8S_11)"


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("CKV_K8S_11: [{reason: why}]", True),
        ("CKV_K8S_11: [{reason: why, places: [po*], resources: ['*-worker-?']}]", True),
        ("CKV_K8S_11: [{reason: why, places: [bare]}]", False),
        ("CKV_K8S_11: [{reason: why, resources: [Pod.*]}]", False),
        ("CKV_K8S_12: [{reason: why}]", False),
    ],
)
def test_an_exception_covers_what_it_names(text: str, covered: bool) -> None:
    wrong = chart.judge([LIMIT], chart.exceptions(text))
    # One that covers nothing is wrong as well.
    assert len(wrong) == (0 if covered else 2), wrong


@pytest.mark.parametrize("entry", ["{}", "{reason: ' '}", "{reason: why, profiles: [bare]}"])
def test_an_exception_has_a_reason_and_no_member_that_nobody_reads(entry: str) -> None:
    with pytest.raises(ValueError, match="CKV_K8S_11"):
        chart.exceptions(f"CKV_K8S_11: [{entry}]")


def test_a_known_secret_may_move_and_a_new_one_may_not_come() -> None:
    known = secrets.as_text([PASSWORD])
    moved = secrets.Found(PASSWORD.path, PASSWORD.kind, PASSWORD.sha1, 99)
    other = secrets.Found(PASSWORD.path, PASSWORD.kind, "c0ffee00", 8)
    assert secrets.judge([moved], known) == []
    assert secrets.judge([moved, other], known) == ["docs/cli.md:8: Basic Auth Credentials"]
    assert secrets.judge([], known) == ["docs/cli.md: no longer there: Basic Auth Credentials: 5baa61e4"]


def test_files_that_are_scanned_are_all_but_those_full_of_hashes() -> None:
    files = set(secrets.files())
    assert {"Makefile", "requirements/web.in", "helm/runtail/values.yaml", "tests/unit/test_scan.py"} <= files
    assert not {one for one in files if one.startswith("requirements/") and one.endswith(".txt")}
    assert "services/web/ui/package-lock.json" not in files


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_each_rule_has_examples_of_bad_and_of_good_code(rules: Path) -> None:
    examples = [path for path in rules.parent.glob(f"{rules.stem}.*") if path != rules]
    text = "\n".join(path.read_text() for path in examples)
    for rule in yaml.safe_load(rules.read_text())["rules"]:
        assert re.search(rf"ruleid: {rule['id']}$", text.replace(" -->", ""), re.MULTILINE), rule["id"]
        assert re.search(rf"ok: {rule['id']}$", text.replace(" -->", ""), re.MULTILINE), rule["id"]
        assert rule["severity"] == "ERROR"


def test_rules_are_our_own() -> None:
    assert len(RULES) >= 4
    # What starts with p/ or r/, or is an address, would be fetched.
    assert re.findall(r"--config (\S+)", (ROOT / "Makefile").read_text()) == ["tools/semgrep"]
