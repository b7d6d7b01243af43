"""The changelog: the entries under "Unreleased" become the text of a release."""

from __future__ import annotations

import re

from tools.release.errors import ReleaseError

UNRELEASED = "## Unreleased\n"


def release(text: str, version: str, date: str) -> str:
    """Return the changelog with the section of a release, and an empty section for the next one.

    :param date: ``YYYY-MM-DD``.
    :raises ReleaseError: if nothing is unreleased, or the version was released before.
    """
    if text.count(UNRELEASED) != 1:
        raise ReleaseError('CHANGELOG.md needs exactly one section "## Unreleased".')
    if re.search(rf"^## {re.escape(version)}\b", text, re.M):
        raise ReleaseError(f"CHANGELOG.md has a section {version} already.")
    if not entries(section(text, "Unreleased")):
        raise ReleaseError('Nothing stands under "## Unreleased" in CHANGELOG.md: there is nothing to release.')
    return text.replace(UNRELEASED, f"{UNRELEASED}\n## {version} - {date}\n")


def section(text: str, name: str) -> str:
    """Return the text under the second-level heading that begins with ``name``; empty if there is no such heading."""
    match = re.search(rf"^## {re.escape(name)}(?: - \S+)?\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return match.group(1).strip() if match else ""


def entries(section: str) -> list[str]:
    """Return the entries of a section, each on one line."""
    found = re.findall(r"^- (.*(?:\n  .*)*)", section, re.M)
    return [" ".join(entry.split()) for entry in found]
