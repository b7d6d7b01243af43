"""The texts that a release changes."""

from __future__ import annotations

import pytest

from tools.release import changelog, versions
from tools.release.errors import ReleaseError

LOG = """# Changelog

## Unreleased

### Added

- One thing
  on two lines.
- Another.

## 0.9.0 - 2026-01-02

- Old.
"""


def test_what_is_unreleased_becomes_a_section_and_an_empty_one_is_left() -> None:
    text = changelog.release(LOG, "1.0.0", "2026-03-04")
    assert changelog.section(text, "Unreleased") == ""
    assert changelog.section(text, "1.0.0") == changelog.section(LOG, "Unreleased")
    assert changelog.section(text, "0.9.0") == "- Old."
    assert changelog.entries(changelog.section(text, "1.0.0")) == ["One thing on two lines.", "Another."]
    assert text.index("## Unreleased") < text.index("## 1.0.0 - 2026-03-04") < text.index("## 0.9.0")


@pytest.mark.parametrize(
    ("text", "version", "why"),
    [
        (LOG.replace("## Unreleased\n", ""), "1.0.0", "exactly one section"),
        (LOG, "0.9.0", "has a section 0.9.0 already"),
        ("## Unreleased\n\n### Added\n\n## 0.9.0\n- Old.\n", "1.0.0", "nothing to release"),
    ],
)
def test_a_changelog_that_cannot_be_released_says_why(text: str, version: str, why: str) -> None:
    with pytest.raises(ReleaseError, match=why):
        changelog.release(text, version, "2026-03-04")


def test_versions_are_ordered_by_their_numbers_and_not_by_their_text() -> None:
    ordered = ["0.9.9", "0.10.0", "0.10.1", "1.0.0", "1.10.0"]
    mixed = ["1.10.0", "0.10.1", "0.9.9", "1.0.0", "0.10.0"]
    assert sorted(mixed, key=versions.key) == ordered


@pytest.mark.parametrize("version", ["", "1", "1.2", "v1.2.3", "1.2.3rc1", "1.2.3-rc1", "1.2.3.4", "1.2.x", "1.2.3 "])
def test_what_is_no_version_is_refused_with_the_form(version: str) -> None:
    with pytest.raises(ReleaseError, match="not of the form"):
        versions.key(version)
