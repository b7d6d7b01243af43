"""Models of the API's responses, for its description. Other modules make the responses; tests compare the two."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from runtail.auth.audit_entry import Event, Outcome
from runtail.protocol import RunState


class Closed(BaseModel):
    """Has these members and no others."""

    model_config = ConfigDict(extra="forbid")


class Config(Closed):
    """What a client must know."""

    v: int
    version: str
    socket_url: str = Field(description="Where the relay is; empty: at this address.")
    base_path: str = Field(description="What comes before every path, of the relay too; empty: nothing.")
    public_url: str = Field(description="Where people find the pages, with the base path; empty: not known.")


class Session(Closed):
    """Who sends this request, and what they may do."""

    v: int
    modes: list[str] = Field(description="The ways to log in; `none`: there is no login.")
    kind: str = Field(description="`anonymous`, `user`, `token` or `share`.")
    id: str = Field(description="The id for rules, such as `user:ann`; empty for nobody in particular.")
    name: str = Field(description="The name for people.")
    rights: list[str] = Field(description="The rights on at least one run or task.")
    ends_ms: int | None = Field(description="When the login ends at the latest; null if it does not.")
    can_log_out: bool = Field(description="There is a login, and it can be ended here.")
    exposed: bool = Field(description="There is no login, and other machines may reach this address.")


class Token(Closed):
    """An API token, without its secret."""

    id: str
    name: str
    owner: str = Field(description="The name of who made it.")
    rights: list[str] = Field(description="What it may do at most.")
    made_ms: int
    ends_ms: int
    used_ms: int | None = Field(description="When it was last used; null if never.")


class Tokens(Closed):
    """API tokens."""

    tokens: list[Token]


class NewToken(Token):
    """A new API token."""

    token: str = Field(description="The token itself. It is shown only once.")


class Share(Closed):
    """A share link, without its secret."""

    id: str
    run: str
    from_line: int = Field(alias="from")
    to: int | None = Field(description="The last line shared; null if what follows is shared, too.")
    live: bool
    maker: str = Field(description="The name of who made it.")
    made_ms: int
    ends_ms: int
    works: bool
    revocable: bool = Field(description="The sender of this request may revoke it.")


class Shares(Closed):
    """Share links."""

    shares: list[Share]


class NewShare(Share):
    """A new share link. Its secret is shown only once."""

    address: str = Field(
        description="For browsers: the whole address if `RUNTAIL_PUBLIC_URL` is set, else its path and fragment."
    )
    token: str = Field(description="The same for programs, in `Authorization: Bearer`.")


class OpenedShare(Closed):
    """What a share link shares."""

    run: str
    task: str
    from_line: int = Field(alias="from")
    to: int | None = Field(description="The last line shared; null if what follows is shared, too.")
    live: bool
    ends_ms: int
    whole: bool = Field(description="The sender is logged in and may read the whole log anyway.")


class User(BaseModel):
    """Somebody who has logged in."""

    id: str
    groups: list[str]
    locked: bool = Field(description="An administrator locked the user out.")
    gone: bool = Field(description="The user is no longer in the file of users.")
    seen_ms: int | None = Field(description="When the user was here last, to the hour.")
    sessions: int
    tokens: int


class Users(BaseModel):
    """Everybody who has logged in."""

    users: list[User]


class BrowserSession(BaseModel):
    """A browser that is logged in."""

    id: str = Field(description="The beginning of its name in the store.")
    kind: str
    user: str = Field(description="The user's id; empty for a login by link.")
    name: str
    made_ms: int
    ends_ms: int = Field(description="It ends then, however much it is used.")
    address: str
    agent: str


class Sessions(BaseModel):
    """The sessions of everybody."""

    sessions: list[BrowserSession]


class Ticket(BaseModel):
    """What a page of another origin shows the relay."""

    ticket: str
    seconds: int = Field(description="It is valid for this long.")


class Task(BaseModel):
    """A task, as workers published it."""

    model_config = ConfigDict(extra="allow")

    name: str
    doc: str = Field(description="Its docstring, up to the parameters.")
    rule: dict[str, Any] = Field(alias="schema", description="A JSON Schema of its parameters.")
    queue: str = Field(description="Where its runs wait.")
    exclusive: bool = Field(description="One run at a time.")
    sealed: bool = Field(description="The values of its secret parameters are encrypted in messages.")
    labels: dict[str, str] = Field(default={}, description="The labels that the task declares.")
    title: str = Field(default="", description="The title of its runs; `{name}` stands for the value of a parameter.")
    presets: dict[str, dict[str, Any]] = Field(default={}, description="Values of parameters, by the preset's name.")


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


class Result(Closed):
    """What a task returned."""

    value: Any = Field(description="As JSON, without secrets; `repr` of what is not of a JSON type.")
    cut: bool = Field(description="Only its beginning is kept; `…` stands for the rest.")


class Run(Closed):
    """A run. Times are milliseconds since 1970 by the store's clock."""

    v: int
    id: str
    task: str
    title: str | None = Field(description="For people: declared by the task, given at the start, or set by the task.")
    kwargs: dict[str, Any] | None
    state: RunState
    why: str = Field(description="Why it is in this state, in words.")
    why_line: int | None = Field(description="The line of its log that says why it failed; null if it is not known.")
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
    labels: dict[str, str] = Field(description="The labels that the task declares.")
    added_labels: dict[str, str] = Field(description="Labels given at the start or set by the task: for finding it.")
    retry_of: str | None = Field(description="The run that this one was started again from.")
    parent_id: str | None = Field(
        description="The run that called this one, or came before it in a chain. "
        "In lists, and for who may not read that run: null unless you may read all runs."
    )
    root_id: str | None = Field(description="The run with which that began; null where `parent_id` is.")
    execution: int = Field(description="Which execution of its id this is, from 1.")
    earlier_execution: str | None = Field(description="The execution of the id before this one: `<id>~<n>`.")
    newer_execution: str | None = Field(description="The execution of the id after this one; the newest has the id.")
    exit_status: int | None
    signal: int | None
    result: Result | None = Field(
        description="What the task returned. Null without the right `params:read`, and if it returned nothing."
    )
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


class Counts(Closed):
    """How many runs there are in each state."""

    counts: dict[RunState, int] | None = Field(
        description="Null while the index is being built, or if too many runs would have to be looked at."
    )


class AuditEntry(Closed):
    """What somebody did, or was refused. Texts are empty if they are not known or have no meaning here."""

    id: str = Field(description="The entry's own, unique in the store.")
    v: int
    t_ms: int = Field(description="When, ms since 1970 by the clock of the service that wrote it.")
    event: Event
    outcome: Outcome
    who_id: str = Field(description="Who did it, for rules; empty without a login.")
    who: str = Field(description="Who did it, for people.")
    address: str = Field(description="The client's address.")
    agent: str = Field(description="What the client says of itself.")
    run: str
    task: str
    right: str = Field(description="The right that was missing.")
    why: str = Field(description="A reason, or the code of the problem.")
    request: str = Field(description="Method and path.")
    count: int = Field(description="How often; what repeats is written once in a while.")


class AuditLog(Closed):
    """A page of the audit log, newest first."""

    entries: list[AuditEntry]
    following: str | None = Field(alias="next", description="The cursor of the following page; null at the end.")


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
