"""Lists: on a terminal as a table; in a pipe as one line per row, with tabs between cells and without a heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from runtail.cli.terminal import wants_colour
from runtail.words import clean

#: The styles of states on a terminal with colours.
STYLES = {"queued": "yellow", "running": "cyan", "succeeded": "green", "failed": "red",
          "cancelled": "magenta", "lost": "red"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    :param wraps: its cells may take several lines.
    :param shortens: its cells may be cut off with an ellipsis.
    :param from_columns: the column is left out on terminals narrower than this.
    """

    heading: str
    wraps: bool = False
    shortens: bool = False
    from_columns: int = 0


def show(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, plain: bool) -> None:
    """Write rows.

    :param plain: True for tabs, False for a table.
    """
    rows = [[clean(cell) for cell in row] for row in rows]
    if plain:
        for row in rows:
            click.echo("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, color_system="auto" if wants_colour() else None)
    shown = [number for number, column in enumerate(columns) if console.width >= column.from_columns]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number in shown:
        column = columns[number]
        fixed = not (column.wraps or column.shortens)
        longest = max([len(column.heading), *(len(row[number]) for row in rows)])
        table.add_column(
            column.heading,
            no_wrap=not column.wraps,
            overflow="ellipsis" if column.shortens else "fold",
            min_width=longest if fixed else None,
        )
    for row in rows:
        table.add_row(*(Text(row[number], style=STYLES.get(row[number], "")) for number in shown))
    console.print(table)
