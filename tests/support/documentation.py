"""What a page of the documentation tells its readers to type."""

from __future__ import annotations

import re
from pathlib import Path


def blocks(page: Path, language: str) -> list[str]:
    """Return the page's fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def section(page: Path, heading: str) -> str:
    """Return the text below a heading of the second level, up to the next.

    :raises LookupError: if there is no such heading.
    """
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S)
    if found is None:
        raise LookupError(f"{page} has no section {heading}")
    return found[1]


def commands(page: Path, heading: str | None = None) -> list[str]:
    """Return the commands of the page's shell blocks, one a line, in order.

    :param heading: only of this section.
    """
    text = page.read_text() if heading is None else section(page, heading)
    found = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    return [line for block in found for line in block.splitlines() if line and not line.startswith("#")]
