"""Turns links between the repository's files into links between the pages of the site.

The files are written to be read where they are: a link names another file of the repository, relative to the file
with the link. On the site, some files are elsewhere (the README is its first page) and others are missing (sources):
a link to a missing file leads to the repository's own site.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

#: Files outside of `docs` that are pages of the site, by their names there.
BROUGHT: Final[Mapping[str, str]] = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changes.md": "CHANGELOG.md",
    "vulnerabilities.md": "SECURITY.md",
    "chart.md": "helm/runtail/README.md",
}
_PLACES: Final[Mapping[str, str]] = {file: page for page, file in BROUGHT.items()}

#: The target of a link or of an image. Blocks of code are matched first, and left as they are.
_TARGET: Final = re.compile(r"^```.*?^```$|`[^`\n]*`|(?<=\]\()([^)\s]+)(?=\))", re.MULTILINE | re.DOTALL)
_ELSEWHERE: Final = re.compile(r"[a-z]+:|#")


#: A row of a table with an escaped bar in code.
_ROW: Final = re.compile(r"^\|.*\\\|.*$", re.MULTILINE)
_CODE: Final = re.compile(r"`[^`\n]*`")


class DeadLink(Exception):
    """A link names a file that does not exist; the message names both."""


def file_of(page: str) -> str:
    """Return the repository's file from which a page of the site is made.

    :param page: the page's path in the site's sources, such as `decisions/README.md`.
    """
    return BROUGHT.get(page, f"docs/{page}")


def relink(text: str, page: str, repository: str) -> str:
    """Return a page's text with links as the site needs them.

    :param text: the file's Markdown.
    :param page: the page's path in the site's sources.
    :param repository: the base address of the repository's files.
    :raises DeadLink: if a link names a file that does not exist.
    """

    def replaced(found: re.Match[str]) -> str:
        target = found[1]
        if target is None or _ELSEWHERE.match(target):
            return found[0]
        return _moved(target, page, repository)

    return _TARGET.sub(replaced, text)


def plain_pipes(text: str) -> str:
    r"""Return a page's text with `|` for each `\|` in code in a table.

    GitHub requires the backslash there and does not show it. The site's Markdown does not need it and would show it.
    """

    def code(found: re.Match[str]) -> str:
        return found[0].replace(r"\|", "|")

    return _ROW.sub(lambda row: _CODE.sub(code, row[0]), text)


def _moved(target: str, page: str, repository: str) -> str:
    path, sign, fragment = target.partition("#")
    source = file_of(page)
    file = os.path.normpath(PurePosixPath(source).parent / path)
    here = ROOT / file
    if not here.exists() or file.startswith(".."):
        raise DeadLink(f"{source} has a link to {target}, and {file} is not there.")
    if here.is_dir() and (here / "README.md").exists():
        file = f"{file}/README.md"
    inside = _PLACES.get(file) or (file.removeprefix("docs/") if file.startswith("docs/") else None)
    if inside is None:
        return f"{repository}/{file}{sign}{fragment}"
    return f"{os.path.relpath(inside, PurePosixPath(page).parent)}{sign}{fragment}"
