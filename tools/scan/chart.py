"""Lets Checkov judge the chart's profiles and the Dockerfiles: ``python -m tools.scan.chart CHECKOV``.

What Checkov finds must stand in ``exceptions.yaml`` with a reason, and what stands there must be found: an exception
that nothing needs is an error, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.chart import APIS, PROFILES, profile, rendered_text, with_login

ROOT: Final = Path(__file__).resolve().parents[2]
RENDERED: Final = ROOT / "build/scan/chart"
EXCEPTIONS: Final = Path(__file__).with_name("exceptions.yaml")
DOCKERFILES: Final = ("docker/Dockerfile", "helm/examples/own-tasks/Dockerfile")
#: What Checkov would ask other machines for: whether there is a newer one.
_ALONE: Final = {"CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"}


class Unfinished(Exception):
    """Checkov did not come to an end; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check does not like.

    :param check: its name, such as ``CKV_K8S_11``.
    :param place: the profile, or the path of the Dockerfile.
    :param resource: the object, such as ``Deployment.rt.runtail-web``.
    :param asks: what the check asks for.
    """

    check: str
    place: str
    resource: str
    asks: str

    def __str__(self) -> str:
        return f"{self.place}: {self.resource}: {self.asks} ({self.check})"


@dataclass(frozen=True, slots=True)
class Exempt:
    """Findings that are meant to be.

    :param check: the name of the check.
    :param places: profiles and Dockerfiles, with wildcards.
    :param resources: objects, with wildcards.
    """

    check: str
    places: tuple[str, ...]
    resources: tuple[str, ...]

    def covers(self, finding: Finding) -> bool:
        """Return True if a finding is one of these."""
        return (
            finding.check == self.check
            and any(fnmatchcase(finding.place, one) for one in self.places)
            and any(fnmatchcase(finding.resource, one) for one in self.resources)
        )

    def __str__(self) -> str:
        return f"{self.check} in {', '.join(self.places)} for {', '.join(self.resources)}"


def exceptions(text: str) -> list[Exempt]:
    """Return the exceptions of a file.

    :raises ValueError: if one has no reason, or a member that is not known.
    """
    made = []
    for check, entries in yaml.safe_load(text).items():
        for entry in entries:
            if not str(entry.get("reason", "")).strip() or entry.keys() - {"reason", "places", "resources"}:
                raise ValueError(f"{check}: an exception has a reason, and may have places and resources")
            made.append(Exempt(check, tuple(entry.get("places", ["*"])), tuple(entry.get("resources", ["*"]))))
    return made


def judge(findings: Iterable[Finding], exempt: Sequence[Exempt]) -> list[str]:
    """Return what is wrong: findings without an exception, and exceptions without a finding."""
    found = list(findings)
    return [
        *(str(one) for one in found if not any(each.covers(one) for each in exempt)),
        *(
            f"{EXCEPTIONS.name}: nothing needs the exception {each}"
            for each in exempt
            if not any(each.covers(one) for one in found)
        ),
    ]


def render(folder: Path) -> list[Path]:
    """Write what the chart makes of each profile; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    known = tuple(word for api in APIS for word in ("--api-versions", api))
    made = []
    for name in PROFILES:
        path = folder / f"{name}.yaml"
        path.write_text(rendered_text(json.dumps(with_login(profile(name))), ROOT / "helm/runtail", 4, known))
        made.append(path)
    return made


def scan(checkov: Path, files: Iterable[Path]) -> list[Finding]:
    """Return what Checkov finds in rendered objects and Dockerfiles.

    :raises Unfinished: if it found nothing to look at, could not read a file, or failed.
    """
    command = [str(checkov), "--framework", "kubernetes", "dockerfile", "--skip-download", "--compact", "--quiet"]
    names = [str(path.relative_to(ROOT)) for path in files]
    done = subprocess.run(
        [*command, "--output", "json", "--file", *names],
        cwd=ROOT,
        env=os.environ | _ALONE,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    try:
        reports: list[dict[str, Any]] = json.loads(done.stdout)
        unread = [report["check_type"] for report in reports if report["summary"]["parsing_errors"]]
        if {report["check_type"] for report in reports} != {"kubernetes", "dockerfile"} or unread:
            raise ValueError(f"it did not read everything: {unread}")
        return [_finding(one) for report in reports for one in report["results"]["failed_checks"]]
    except (ValueError, KeyError, TypeError) as error:
        said = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise Unfinished(f"Checkov ended with {done.returncode}: {error}\n{said}") from error


def _finding(one: dict[str, Any]) -> Finding:
    path = Path(str(one["file_path"]).lstrip("/"))
    place = path.stem if path.suffix == ".yaml" else str(path)
    return Finding(str(one["check_id"]), place, str(one["resource"]), str(one["check_name"]))


def main(arguments: Sequence[str]) -> int:
    """Render, scan and judge; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.scan.chart", description=__doc__)
    parser.add_argument("checkov", type=Path, help="the program")
    options = parser.parse_args(arguments)
    try:
        findings = scan(options.checkov, [*render(RENDERED), *(ROOT / name for name in DOCKERFILES)])
    except Unfinished as error:
        print(error, file=sys.stderr)
        return 1
    wrong = judge(findings, exceptions(EXCEPTIONS.read_text()))
    for one in wrong:
        print(one, file=sys.stderr)
    if wrong:
        print(f"Mend it, or say in {EXCEPTIONS.relative_to(ROOT)} why it is meant to be.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
