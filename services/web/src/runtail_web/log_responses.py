"""Models of the API's responses about a run's log, for its description."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runtail.protocol import RunState
from runtail_web.responses import Closed, CutRange


class Entry(Closed):
    """An entry of a log; `text` if its bytes are UTF-8, else `b64`."""

    id: str
    type: Literal["o", "e"]
    from_line: int = Field(alias="from")
    n: int
    t: int
    text: str = ""
    b64: str = ""
    continues: bool = False
    chain: str = Field(default="", description="Not in a part of a log that was shared.")


class Cut(CutRange):
    """A cut as it stands among entries."""

    chain: str = Field(default="", description="Not in a part of a log that was shared.")
    last: str


class CutItem(Closed):
    """An item in the place of lines that are gone."""

    cut: Cut


class Position(Closed):
    """Where to go on."""

    line: int
    chain: str


class Window(Closed):
    """Whole entries, and the position of the first."""

    v: int
    run: str
    epoch: int
    from_line: int = Field(alias="from")
    chain: str
    style: str | None = Field(description="SGR parameters in force where it begins; null if not known.")
    link: str = Field(description="Address of the link that is open where it begins; empty if none is known.")
    entries: list[Entry | CutItem]
    following: Position = Field(alias="next")
    lines: int
    state: RunState


class Group(Closed):
    """A section."""

    id: str
    title_line: int | None
    first: int
    last: int | None
    title: str
    depth: int
    state: Literal["open", "closed", "unclosed"]
    seconds: float | None
    errors: int
    warnings: int


class Mark(Closed):
    """An event with a meaning for readers, or a cut."""

    line: int
    kind: str
    t_ms: int = Field(description="When, ms since 1970; 0 of a cut.")
    attempt: int = Field(default=0, description="Of a `start`: which attempt it was.")
    to: int = 0


class Outline(Closed):
    """A log's sections and marks, up to a line."""

    v: int
    run: str
    epoch: int
    lines: int
    complete: bool
    groups: list[Group]
    marks: list[Mark]
    counts: dict[str, int]


class RunLine(Closed):
    """What a running run wrote last."""

    id: str
    text: str = Field(
        description="The last line that is not blank, as plain text of at most 300 characters: of unfinished output "
        "if there is some. Empty if there is no output yet."
    )
    progress: float | None = Field(description="What the task says of its progress, from 0 to 1; null if nothing.")


class RunLines(Closed):
    """What running runs wrote last."""

    lines: list[RunLine]
