"""Artifact Hub's annotations in Chart.yaml, made from the changelog and from the rendered chart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tools.release import artifacts, changelog
from tools.release.errors import ReleaseError

CHART = "helm/runtail"
#: Values with which the chart uses every image that it knows. (The exporter's image is the user's choice.)
ALL_IMAGES = "canary.enabled=true,auth.mode=none"
KINDS = ("added", "changed", "deprecated", "removed", "fixed", "security")


def write(root: Path, version: str, *, helm: str, url: str = "", key: dict[str, str] | None = None) -> None:
    """Write the annotations of a release into Chart.yaml.

    :param helm: the Helm program.
    :param url: the project's address; without it there are no links.
    :param key: ``fingerprint`` and ``url`` of the key that signs the chart.
    :raises ReleaseError: if the chart cannot be rendered.
    """
    path = root / CHART / "Chart.yaml"
    above, _, below = path.read_text().partition("annotations:\n")
    annotations: dict[str, Any] = yaml.safe_load(below)
    annotations["artifacthub.io/changes"] = changes((root / "CHANGELOG.md").read_text(), version)
    annotations["artifacthub.io/images"] = images(root, helm)
    annotations["artifacthub.io/links"] = [{"name": "source", "url": url}] if url else None
    annotations["artifacthub.io/signKey"] = key
    lines = []
    for name, value in annotations.items():
        if isinstance(value, str):
            lines.append(f"  {name}: {value}\n")
        elif value:
            text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=10_000)
            lines += [f"  {name}: |\n", *(f"    {line}\n" for line in text.splitlines())]
    path.write_text(f"{above}annotations:\n{''.join(lines)}")


def changes(text: str, version: str) -> list[dict[str, str]]:
    """Return the entries in a section of the changelog, with the kinds of Artifact Hub."""
    section, found = changelog.section(text, version), []
    for heading, body in re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", section, re.M | re.S):
        kind = heading.lower()
        if kind not in KINDS:
            raise ReleaseError(f"CHANGELOG.md: ### {heading} is not one of {', '.join(KINDS)}.")
        # Links lead to files next to the changelog.
        plain = (re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", entry) for entry in changelog.entries(body))
        found += [{"kind": kind, "description": entry} for entry in plain]
    if len(found) != len(changelog.entries(section)):
        raise ReleaseError(f"CHANGELOG.md: an entry of {version} stands under no heading (### Added, ### Fixed ...).")
    return found


def images(root: Path, helm: str) -> list[dict[str, str]]:
    """Return the images that the chart may use.

    :raises ReleaseError: if the chart cannot be rendered.
    """
    command = [helm, "template", "runtail", str(root / CHART), "--set", ALL_IMAGES]
    rendered = artifacts.output(command, root)
    named = sorted(set(re.findall(r'^ *(?:- )?image: "?([^"\s]+)"?$', rendered, re.M)))
    return [{"name": name.rpartition("/")[2].partition(":")[0].partition("@")[0], "image": name} for name in named]


def sign_key(name: str, keyring: Path, url: str) -> dict[str, str]:
    """Return Artifact Hub's annotation about the signing key.

    :param name: a part of the key's user id, as for ``helm package --key``.
    :param url: where the public key can be fetched.
    :raises ReleaseError: if gpg finds no such key.
    """
    command = ["gpg", "--batch", "--with-colons", "--show-keys", str(keyring)]
    fingerprint = ""
    for line in artifacts.output(command, Path.cwd()).splitlines():
        fields = line.split(":")
        if fields[0] in ("pub", "sec"):
            fingerprint = ""
        elif fields[0] == "fpr":
            fingerprint = fingerprint or fields[9]
        elif fields[0] == "uid" and name in fields[9]:
            return {"fingerprint": fingerprint, "url": url}
    raise ReleaseError(f"gpg finds no key {name!r} in {keyring}.")
