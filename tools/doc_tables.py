"""Makes the tables of docs/settings.md and docs/metrics.md of what the code says: ``make docs-tables``.

A table stands between ``<!-- table: settings of Relay -->`` and ``<!-- end of table -->``. The text around the tables
is written by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from runtail.metric import Metric
from runtail.metric_table import METRICS
from runtail.setting import Setting
from runtail.settings import SETTINGS
from tools.made_files import settle

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
_TABLE: Final = re.compile(r"(?<=<!-- table: )([^\n]+?)( -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


class Misplaced(Exception):
    """A page has no place for a table, or a place for a table that does not exist; the message names both."""


def setting_row(setting: Setting) -> str:
    """Return a setting's row."""
    default = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    kind = " or ".join(f"`{choice}`" for choice in setting.choices) or type(setting.default).__name__
    name = f"`{setting.variable}`, `{setting.file_variable}`" if setting.secret else f"`{setting.variable}`"
    return _row(name, kind, f"`{default}`" if default else "empty", setting.help)


def metric_row(metric: Metric) -> str:
    """Return a metric's row."""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return _row(f"`{metric.name}`", metric.kind, labels, metric.help)


def tables() -> dict[str, dict[str, str]]:
    """Return the tables by page and by their names in the page."""
    settings = {
        f"settings of {section}": _table(
            ("Variable", "Type", "Default", "Meaning"), (setting_row(one) for one in SETTINGS if one.section == section)
        )
        for section in dict.fromkeys(one.section for one in SETTINGS)
    }
    metrics = {
        f"metrics of {component}": _table(
            ("Name", "Type", "Labels", "Meaning"), (metric_row(one) for one in METRICS if one.component == component)
        )
        for component in dict.fromkeys(one.component for one in METRICS)
    }
    return {"settings.md": settings, "metrics.md": metrics}


def filled(page: str, text: str, made: dict[str, str]) -> str:
    """Return a page's text with its tables as they should be.

    :param page: the page's name, for the error.
    :param made: the tables by name; each has one place.
    :raises Misplaced: if a table has no place or several, or a place has no table.
    """
    places = [found[1] for found in _TABLE.finditer(text)]
    for name in made:
        count = places.count(name)
        if count != 1:
            raise Misplaced(
                f"docs/{page} has {f'{count} places' if count else 'no place'} for the table of the {name}: write "
                f"`<!-- table: {name} -->` and `<!-- end of table -->` once."
            )
    for name in places:
        if name not in made:
            raise Misplaced(f"docs/{page} has a place for the table `{name}`, and the code has none of that name.")
    return _TABLE.sub(lambda found: f"{found[1]}{found[2]}{made[found[1]]}", text)


def generated() -> dict[Path, str]:
    """Return the pages as they should be, by path.

    :raises Misplaced: if a page has no place for a table.
    """
    return {DOCS / page: filled(page, (DOCS / page).read_text(), made) for page, made in tables().items()}


def main(arguments: Sequence[str]) -> int:
    """Write the tables, or with ``--check`` say which pages are stale; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if something is stale")
    options = parser.parse_args(arguments)
    try:
        pages = generated()
    except Misplaced as error:
        print(f"make docs-tables: {error}", file=sys.stderr)
        return 1
    return settle(pages, lambda path: f"docs/{path.name} is stale: run `make docs-tables`.", check=options.check)


def _table(titles: Sequence[str], rows: Iterable[str]) -> str:
    # With empty lines around it: not every Markdown parser ends a comment at the end of its line.
    return "\n".join(["", _row(*titles), _row(*["---"] * len(titles)), *rows, "", ""])


def _row(*cells: str) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
