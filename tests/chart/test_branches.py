"""Every branch of every template is rendered by some profile.

A copy of the chart notes each branch in its values, which all templates share, and prints them at its end.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.chart.made_up_cluster import made_up_cluster
from tests.chart.test_guards import CASES
from tests.chart.test_upgrades import CLAIM_MADE, store_made_with
from tests.support.chart import APIS, CHART, PROFILES, Refused, profile, rendered_text, with_login

_ACTION = re.compile(r"\{\{-?\s*(?:if|with|range|else(?: if| with)?)\b(?:[^}]|\}(?!\}))*\}\}")
_FAIL = re.compile(r"\{\{-? fail .*? -?\}\}")
_COMMENT = re.compile(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)
#: Helm renders the deepest folder first, and each from the end of the alphabet.
LAST = "templates/A.yaml"
#: The dict that every template reaches, by its own argument: the chart's context, or a dict that has it as root.
NOTES = '(get (get (hasKey $ "root" | ternary $.root $) "Values") "traced")'
#: Takes an amount, and not the chart's context; the guard's test reads its sentence.
ALONE = "_quantity.tpl"

CLAIM = "/api/v1/namespaces/rt/persistentvolumeclaims/data-runtail-store-0"
DEPLOYMENT = "/apis/apps/v1/namespaces/rt/deployments/runtail-web"
#: Their operators are not there: NOTES warns.
WITHOUT_OPERATORS = ("monitoring", "scaling-keda")


def marked(folder: Path) -> tuple[Path, set[str]]:
    """Return a copy of the chart that tells which branches are rendered, and the names of all."""
    chart = folder / "runtail"
    shutil.copytree(CHART, chart)
    (chart / "values.schema.json").unlink()
    names: set[str] = set()
    for path in sorted(chart.glob("templates/**/*")):
        if not path.is_file() or path.name == ALONE:
            continue
        text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), path.read_text())
        short = str(path.relative_to(chart / "templates"))

        def mark(found: re.Match[str], text: str = text, short: str = short) -> str:
            line = text.count("\n", 0, found.start()) + 1
            name = f"{short}:{line} {found[0].strip('{}- ')}".replace('"', "'").replace("\\", "/")
            names.add(name)
            # It prints nothing, and takes away as much space behind it as the branch itself.
            end = "-}}" if found[0].endswith("-}}") else "}}"
            return f'{found[0]}{{{{- $_ := set {NOTES} "{name}" true {end}'

        text = _ACTION.sub(mark, text)
        path.write_text(_FAIL.sub('{{- fail (printf "TRACED%s" (toJson ' + NOTES + ")) -}}", text))
    (chart / LAST).write_text(
        "# TRACED{{ toJson .Values.traced }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: traced}\n"
    )
    return chart, names


def branches(chart: Path, values: dict[str, Any], arguments: tuple[str, ...]) -> set[str]:
    """Return the branches that one render takes."""
    try:
        if "--dry-run=server" not in arguments:
            values = with_login(values)
        text = rendered_text(json.dumps({**values, "traced": {}}), chart, 4, arguments)
    except Refused as refused:
        text = str(refused)
    found = re.search(r"TRACED(\{.*\})", text.replace('\\"', '"'))
    return set(json.loads(found[1])) if found else set()


# More than a hundred renders, one after the other.
@pytest.mark.timeout(600)
def test_every_branch_is_rendered(tmp_path: Path) -> None:
    chart, names = marked(tmp_path)
    apis = tuple(word for api in APIS for word in ("--api-versions", api))
    seen: set[str] = set()
    for name in PROFILES:
        seen |= branches(chart, profile(name), apis)
    for name in WITHOUT_OPERATORS:
        seen |= branches(chart, profile(name), ())
    for case in CASES:
        seen |= branches(chart, case.values, (*apis, *case.arguments))
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    for values, objects in (
        ({"web": {"autoscaling": {"type": "hpa"}}}, {DEPLOYMENT: scaled}),
        (profile("volatile"), {CLAIM: claim}),
        (profile("volatile"), store_made_with(CLAIM_MADE)),
        (profile("storage"), store_made_with(CLAIM_MADE)),
        ({"store": {"persistence": {"size": "9Gi"}}}, store_made_with(CLAIM_MADE)),
        ({}, {}),
    ):
        with made_up_cluster(tmp_path, objects) as cluster:
            seen |= branches(chart, values, cluster.arguments)
    assert len(names) > 200
    missing = sorted(names - seen)
    assert not missing, "\n".join(missing)
