"""Every message between the processes of one worker: its sender, its receiver and its fields.

A message is a JSON object in one record of a socket (:mod:`~runtail.worker.channel`). Its kind is in ``op``, and its
version, which the channel writes and checks, in ``v``.

================  ====================================  ====================================================
kind              from → to                             meaning
================  ====================================  ====================================================
``Start``         pool process → keeper → shipper       an execution begins; with its descriptors
                  keeper → main, and back               kept for the keeper's successor
``Mask``          pool process → shipper                secrets of the run, sent before they are written
``End``           pool process → shipper                how the task ended
``Kept``          keeper → pool process                 the pipe is held: from now on nothing is lost
``Go``            shipper → pool process                the task may begin
``Refuse``        shipper → pool process                the task may not be executed
``Unrecorded``    shipper → pool process                the task may begin, without being recorded
``Wait``          shipper → pool process                a cancel is still ending other processes of the run
``Done``          shipper → pool process                the end is stored: no signal for this run follows
``Hello``         keeper → shipper                      whose worker this is
``Bye``           keeper → shipper                      the worker has ended: how much time is left
``Catalogue``     main → keeper → shipper               the worker and its tasks; with a memfd
``Died``          main → keeper → shipper               why a task's process is gone
``Revoked``       main → keeper → shipper               Celery revoked a run
``IsRevoked``     main → keeper → shipper               the answer to ``AskRevoked``
``Rejected``      main → keeper → shipper               a message was refused before Celery executed it
``Drain``         main → keeper → shipper               the worker has begun to shut down
``Cancelled``     main → keeper → shipper               the result of ending a run's processes
``Alive``         shipper → keeper                      the shipper does not hang
``Busy``          shipper → keeper                      another shipper is still at work on the run
``Ready``         shipper → keeper → main               the store may be used
``Cancel``        shipper → keeper → main               somebody wants the run to end
``Over``          shipper → keeper → main               the task of a run that is being cancelled has ended by itself
``AskRevoked``    shipper → keeper → main               a task has failed: was it revoked through Celery?
``Closed``        shipper → keeper → main               nothing of the run is needed any more
``Watch``         keeper → main                         report when this process ends
``Gone``          main → keeper                         the process has ended
================  ====================================  ====================================================

A pool process executes other people's code and may send anything: :func:`flaw` refuses everything that is not one of
these messages. The keeper imports this module: standard library only.
"""

import types
from typing import Any, Literal, NotRequired, TypedDict, Union, get_args, get_origin

#: Raise it when a kind or a field changes its meaning. A new keeper or shipper is started from the version that is
#: installed at that moment, so two versions may meet after an upgrade beneath a running worker.
VERSION = 1


class Start(TypedDict):
    """An execution begins. Descriptors: its pipes (two if ``split``), private socket, pidfd and board if it says so.

    The keeper adds the spool, and ``again`` and ``dropped`` for the shipper, ``fds`` for the main process.
    """

    op: Literal["run"]
    #: Names this execution in all other messages.
    key: str
    #: The run's id, which is the task's id.
    run: str
    pid: int
    #: Appears in the in-band sequences that belong to this run.
    nonce: str
    task: str
    worker: NotRequired[str]
    #: Runtail's header of the message, if there is a valid one.
    headers: dict[str, Any] | None
    header_flaw: NotRequired[str]
    #: The delivery, as Celery describes it.
    publication: NotRequired[str]
    redelivered: NotRequired[bool]
    nesting: NotRequired[int]
    retries: NotRequired[int]
    queue: NotRequired[str]
    #: The runs that called it, and with which that began; empty if nobody did.
    parent: NotRequired[str]
    root: NotRequired[str]
    #: It continues the run of the task that it replaces.
    joins: NotRequired[bool]
    #: The broker delivers an unacknowledged message again.
    redelivers: NotRequired[bool]
    requeues: NotRequired[bool]
    restart: NotRequired[bool]
    exclusive: NotRequired[bool]
    max_attempts: NotRequired[int]
    #: The labels that the task declares.
    labels: NotRequired[dict[str, str]]
    #: The title that the task declares, with the values of its parameters.
    title: NotRequired[str]
    args: NotRequired[list[Any]]
    kwargs: NotRequired[dict[str, Any]]
    #: Some parameter is secret, and its value is not in ``kwargs``.
    hidden: NotRequired[bool]
    #: stdout and stderr have separate pipes.
    split: bool
    pidfd: NotRequired[bool]
    #: There is a board (:mod:`runtail.worker.board`).
    board: NotRequired[bool]
    #: An earlier shipper had this run.
    again: NotRequired[bool]
    #: Bytes that the keeper threw away while no shipper lived.
    dropped: NotRequired[int]
    #: How many descriptors come with the message.
    fds: NotRequired[int]


class Mask(TypedDict):
    """Secrets as :func:`runtail.worker.announcing.pack` wrote them; without ``secrets`` they are in a memfd."""

    op: Literal["mask"]
    secrets: NotRequired[str]


class End(TypedDict):
    """How the task ended: see :mod:`runtail.worker.task.outcome`."""

    op: Literal["end"]
    outcome: dict[str, Any]


class Kept(TypedDict):
    """The keeper holds the pipe."""

    op: Literal["kept"]


class Go(TypedDict):
    """The task may begin, as this attempt of its run."""

    op: Literal["go"]
    run: str
    attempt: int


class Refuse(TypedDict):
    """The task may not be executed. ``fails``: store that as its result, since nobody else stores one."""

    op: Literal["refuse"]
    message: str
    reason: NotRequired[str]
    fails: NotRequired[bool]


class Unrecorded(TypedDict):
    """The task may begin, but nothing of it is recorded."""

    op: Literal["unrecorded"]
    message: str


class Wait(TypedDict):
    """The end is not stored yet, but it will be."""

    op: Literal["wait"]


class Done(TypedDict):
    """The end is stored, or is safe in a place where a successor finds it."""

    op: Literal["done"]


class Hello(TypedDict):
    """The worker's name, the owner of its claims, and its main process."""

    op: Literal["hello"]
    worker: str
    owner: str
    main_pid: int


class Bye(TypedDict):
    """The worker has ended."""

    op: Literal["bye"]
    seconds: float


class Catalogue(TypedDict):
    """The worker and its tasks, as JSON in a memfd."""

    op: Literal["catalogue"]


class Died(TypedDict):
    """A task's process is gone. Without ``pid``: the process that executes ``run``."""

    op: Literal["died"]
    pid: int
    run: str | None
    why: str
    signal: int | None
    exit_status: int | None
    #: Celery revoked the run, and will say whether that is the reason.
    revoked: NotRequired[bool]


class Revoked(TypedDict):
    """Celery discarded the run's message or, if ``terminated``, signalled its process."""

    op: Literal["revoked"]
    run: str
    terminated: bool
    expired: bool
    signal: int | None


class IsRevoked(TypedDict):
    """Whether Celery revoked a run. If it signalled the process because of that, ``Revoked`` follows."""

    op: Literal["is-revoked"]
    key: str
    revoked: bool


class Rejected(TypedDict):
    """A message was refused. ``run`` is empty if no run waits for it; ``letter`` is the message, as JSON."""

    op: Literal["rejected"]
    reason: str
    why: str
    run: str
    attempt: int
    execution: int
    letter: str


class Drain(TypedDict):
    """The worker takes no more tasks."""

    op: Literal["drain"]


class Cancelled(TypedDict):
    """The run's processes were ended: the signal, how many, how many needed SIGKILL; or why they were not."""

    op: Literal["cancelled"]
    run: str
    key: str
    signal: int | None
    pids: int
    killed: int
    why: str


class Alive(TypedDict):
    """Sent once a second by a shipper while both its threads make progress."""

    op: Literal["alive"]


class Busy(TypedDict):
    """The shipper of an earlier keeper has the run's spool locked."""

    op: Literal["busy"]
    key: str


class Ready(TypedDict):
    """The store answers and is fit for use."""

    op: Literal["ready"]


class Cancel(TypedDict):
    """End all processes of a run. The keeper adds ``inodes``: the run's processes are found by its pipes' inodes."""

    op: Literal["cancel"]
    run: str
    key: str
    pid: int
    who: str | None
    why: str
    grace_seconds: float
    inodes: NotRequired[list[int]]


class Over(TypedDict):
    """The task has ended by itself, while its cancel was under way."""

    op: Literal["over"]
    key: str


class AskRevoked(TypedDict):
    """The task has failed, perhaps because of a signal from Celery, which signals first and reports it afterwards."""

    op: Literal["ask-revoked"]
    run: str
    key: str


class Closed(TypedDict):
    """All copies of the run's descriptors may be closed."""

    op: Literal["closed"]
    key: str


class Watch(TypedDict):
    """A process that executes runs."""

    op: Literal["watch"]
    pid: int


class Gone(TypedDict):
    """The process has ended; its number may be used again."""

    op: Literal["gone"]
    pid: int


#: Messages by their two ends.
ToTask = Kept | Go | Refuse | Unrecorded | Wait | Done
FromTask = Mask | End
#: Passed on by the keeper unchanged.
ToShipper = Start | Hello | Bye | Catalogue | Died | Revoked | IsRevoked | Rejected | Drain | Cancelled
FromShipper = Alive | Busy | Ready | Cancel | Over | AskRevoked | Closed
FromKeeper = Start | Watch | Ready | Cancel | Over | AskRevoked | Closed
ToKeeper = Start | Gone
Message = ToTask | FromTask | ToShipper | FromShipper | FromKeeper | ToKeeper


def _allowed(hint: Any) -> tuple[type, ...]:
    """Return the types that a field may have in JSON."""
    if get_origin(hint) in (types.UnionType, Union):
        return tuple(one for part in get_args(hint) for one in _allowed(part))
    if get_origin(hint) is Literal:
        return (str,)
    if hint is float:
        return (float, int)
    return (get_origin(hint) or hint,)


#: By ``op``: the required fields of a message of that kind, and their types.
_FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    get_args(kind.__annotations__["op"])[0]: {
        name: _allowed(kind.__annotations__[name]) for name in sorted(kind.__required_keys__)
    }
    for kind in get_args(Message)
}
#: The shipper checks the other fields, because the waiting task needs an answer.
_FIELDS["run"] = {"key": (str,), "pid": (int,)}


def flaw(message: object) -> str | None:
    """Return the reason why something is not one of these messages; None if it is one."""
    if not isinstance(message, dict) or not isinstance(message.get("op"), str):
        return "it is not a JSON object with an op"
    if message.get("v") != VERSION:
        return f"it has version {message.get('v')!r}, and this is {VERSION}: restart the worker after an upgrade"
    fields = _FIELDS.get(message["op"])
    if fields is None:
        return f"there is no kind {message['op'][:40]!r}"
    for name, allowed in fields.items():
        if not isinstance(message.get(name), allowed):
            return f"its field {name!r} of {message['op']!r} is not as it should be"
    return None
