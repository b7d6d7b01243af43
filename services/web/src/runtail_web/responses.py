"""Models of the API's responses, for its description. Other modules make the responses; tests compare the two."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runtail.protocol import RunState


class Closed(BaseModel):
    """Has these members and no others."""

    model_config = ConfigDict(extra="forbid")


class Config(Closed):
    """What a client must know."""

    v: int
    version: str
    socket_url: str = Field(description="Where the relay is; empty: at this address.")


class Task(BaseModel):
    """A task, as workers published it."""

    model_config = ConfigDict(extra="allow")

    name: str
    doc: str = Field(description="Its docstring, up to the parameters.")
    rule: dict[str, Any] = Field(alias="schema", description="A JSON Schema of its parameters.")
    queue: str = Field(description="Where its runs wait.")
    exclusive: bool = Field(description="One run at a time.")


class Tasks(Closed):
    """All tasks, by name."""

    tasks: list[Task]


class Worker(BaseModel):
    """A worker that is alive."""

    model_config = ConfigDict(extra="allow")

    name: str
    queues: list[str]
    pool: str = Field(default="", description="Celery's pool, e.g. `prefork`.")
    concurrency: int = Field(default=0, description="How many runs it executes at once.")
    started_ms: int = Field(default=0, description="When it was started, ms since 1970 by its own clock.")


class Workers(Closed):
    """All workers that are alive, by name."""

    workers: list[Worker]


class CutRange(Closed):
    """Lines that the quota took."""

    from_line: int = Field(alias="from")
    to: int
    bytes: int
    entries: int


class Run(Closed):
    """A run. Times are milliseconds since 1970 by the store's clock."""

    v: int
    id: str
    task: str
    kwargs: dict[str, Any] | None
    state: RunState
    why: str = Field(description="Why it is in this state, in words.")
    since_ms: int
    created_ms: int
    started_ms: int | None = Field(description="When its last attempt began.")
    first_started_ms: int | None = Field(description="When its first attempt began.")
    finished_ms: int | None
    eta_ms: int | None
    attempt: int
    who: str | None
    queue: str | None
    worker: str | None
    retry_of: str | None = Field(description="The run that this one was started again from.")
    execution: int = Field(description="Which execution of its id this is, from 1.")
    earlier_execution: str | None = Field(description="The execution of the id before this one: `<id>~<n>`.")
    newer_execution: str | None = Field(description="The execution of the id after this one; the newest has the id.")
    exit_status: int | None
    signal: int | None
    exclusive: bool
    cancel: dict[str, Any] | None
    epoch: int
    lines: int
    bytes: int
    cut: CutRange | None
    masked: int
    rewritten_bytes: int
    late_bytes: int
    overflow_bytes: int


class Runs(Closed):
    """A page of the list, newest first."""

    runs: list[Run]
    following: str | None = Field(alias="next", description="The cursor of the following page; null at the end.")


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
    chain: str


class Cut(CutRange):
    """A cut as it stands among entries."""

    chain: str
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


class FieldError(Closed):
    """A value that is wrong."""

    field: str
    message: str


class Problem(BaseModel):
    """What is answered instead of what was asked for (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:runtail:problem:unknown-run",
                    "title": "There is no such run",
                    "status": 404,
                    "detail": "No run has the id 'build-1234'. GET /api/v1/runs lists the runs there are.",
                    "code": "unknown-run",
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str = Field(description="What happened, and what to do next.")
    code: str = Field(description="For programs.")
    errors: list[FieldError] = Field(default=[], description="With code `invalid`: each wrong value.")
