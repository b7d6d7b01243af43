"""What a page of the documentation tells its readers to type."""

from __future__ import annotations

import re
from pathlib import Path

#: A block of code, with the spaces before it: one that belongs to an item of a list is indented.
_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)


def blocks(page: Path, language: str) -> list[str]:
    """Return the page's fenced blocks of a language, in order."""
    return [found[3] for found in _FENCED.finditer(page.read_text()) if found[2] == language]


def without_blocks(page: Path) -> str:
    """Return the page's text without its blocks of code."""
    return _FENCED.sub("", page.read_text())


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


def named_commands(page: Path, programs: set[str]) -> list[str]:
    """Return all that the page shows of certain programs: in blocks for the shell, and as code within its text.

    A command that goes on in the next line is one; a comment behind it is left out.

    :param programs: names without a folder.
    """
    block = "".join(blocks(page, "sh")).replace("\\\n", " ")
    typed = [re.sub(r"\s+# .*$", "", line).strip() for line in block.splitlines()]
    inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", without_blocks(page))]
    # In a table a bar within code has a backslash.
    shown = [line.replace(r"\|", "|") for line in [*typed, *inline] if line and not line.startswith("#")]
    return [line for line in shown if Path(line.split()[0]).name in programs]
