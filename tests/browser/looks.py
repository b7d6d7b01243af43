"""What a page looks like: judged by axe-core, and as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "services/web/ui/node_modules/axe-core/axe.min.js"

#: WCAG 2.2 AA, and what its makers hold good beyond.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """Return what axe-core finds, one line for each rule and element.

    :param page: of a context that bypasses the policy, which refuses foreign scripts.
    """
    page.add_script_tag(path=AXE)
    found: dict[str, Any] = page.evaluate("(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def overflows(page: Page) -> list[str]:
    """Return the elements that make a page wider than its window."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll("body *")]
                .filter((one) => one.getBoundingClientRect().right > width + 1)
                .map((one) => `${one.tagName}.${one.className}`);
        }"""
    )
    return found
