"""Starting a run: first the record, then the message, and no trace of either if that fails."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from runtail import header, labels, titles
from runtail.errors import ExclusiveHeld, IdempotencyConflict, PublishFailed, RuntailError, StartError
from runtail.guard import require_keeping
from runtail.log.ending import Ending
from runtail.protocol import RunState
from runtail.runs.access import RETRY_OF_THING, describe_thing
from runtail.runs.ending import write_events
from runtail.runs.record import Run, read_run
from runtail.runs.sealed import kept, seal_parameters
from runtail.secret import hide, hide_in, names_in
from runtail.store import Store, store_errors

#: Puts the message of a run on its queue; must raise within seconds if that fails.
#: ``(run_id, task, kwargs, queue, headers)``
Publisher = Callable[[str, str, Mapping[str, Any], str, Mapping[str, Any]], None]


def start(
    store: Store,
    publish: Publisher,
    *,
    task: Mapping[str, Any],
    kwargs: Mapping[str, Any],
    who: str | None = None,
    run_id: str | None = None,
    idempotency_key: str | None = None,
    retry_of: Run | None = None,
    who_id: str = "",
    added_labels: Mapping[str, str] | None = None,
    title: str = "",
) -> tuple[Run, bool]:
    """Start a run and return it, with True if this call made it.

    :param task: the catalogue's entry: name, queue, exclusive, restart, max_attempts, labels.
    :param run_id: chosen by the caller; otherwise made here.
    :param kwargs: the values; secret values go only into the message, and the record has ``***`` instead. If the task's
        workers have one of our keys, message and record have them sealed.
    :param idempotency_key: the same key with the same request, apart from values of secrets, returns the same run
        for 24 h.
    :param retry_of: the run that the task and the parameters come from.
    :param who_id: the id of the principal that starts the run; empty for nobody in particular.
    :param added_labels: checked; only for finding the run.
    :param title: for people; empty: the one that the task declares.
    :raises ExclusiveHeld: the task is exclusive and another run of it is not over.
    :raises IdempotencyConflict: the key was used for another request.
    :raises StartError: the run id is taken.
    :raises PublishFailed: the broker did not take the message; the run is closed as failed.
    :raises StoreEvicts: the store may delete the run or its message by itself.
    :raises StoreUnavailable: nothing was made.
    """
    require_keeping(store)
    name = str(task["name"])
    run_id = run_id or str(uuid.uuid4())
    secrets = names_in(task) & kwargs.keys()
    shown = hide(kwargs, secrets) if secrets else kwargs
    sealed = seal_parameters(store, task, kwargs, shown, secrets) if secrets else {}
    added = hide_in(added_labels or {}, kwargs, secrets) if secrets else added_labels or {}
    title = titles.cleaned(hide_in(title, kwargs, secrets) if secrets else title)
    # The digest covers only what is shown: a secret could be guessed from its digest.
    body = orjson.dumps([name, shown, *filter(None, (added, title))], option=orjson.OPT_SORT_KEYS)
    fields = {
        "v": "1",
        "state": str(RunState.QUEUED),
        "why": "waiting for a worker",
        "task": name,
        "kwargs": orjson.dumps(shown).decode(),
        "hidden": "1" if secrets else "0",
        "who": who or "",
        "queue": str(task.get("queue", "celery")),
        "announced": "1",
        "published": "0",
        "restart": "1" if task.get("restart") else "0",
        "max_attempts": str(int(task.get("max_attempts") or 3)),
        **kept(sealed),
        **labels.fields_of(task.get("labels") or {}, added),
        **titles.fields_of(title or _declared_title(task, shown)),
    }
    if who_id:
        fields["who_id"] = who_id
    if retry_of is not None:
        fields |= {"retry_of": retry_of.id, "retry_of_execution": str(retry_of.execution)}
        fields[RETRY_OF_THING] = describe_thing(retry_of)
    ask = {
        "fields": fields,
        "digest": hashlib.sha256(body).hexdigest(),
        "idempotency_seconds": store.settings.idempotency_seconds,
        "record_prefix": store.keys.run(""),
        "none": store.keys.none(),
    }
    none = store.keys.none()
    more_keys = [
        # (No header has a line break, so that nobody can write the key of somebody else.)
        store.keys.idempotency(f"{who_id}\n{idempotency_key}" if who_id else idempotency_key)
        if idempotency_key
        else none,
        store.keys.exclusive(name) if task.get("exclusive") else none,
    ]
    uuid_ = store.uuid()
    with store_errors():
        reply = store.scripts.call("start", run_id, ask, more_keys=more_keys)
    answer, known, *number = (part.decode() for part in reply)
    if answer == "exists":
        return read_run(store, known), False
    if answer == "conflict":
        raise IdempotencyConflict(idempotency_key or "")
    if answer == "held":
        raise ExclusiveHeld(name, known)
    if answer == "taken":
        raise StartError(f"there is already a run with the id {run_id!r}")
    try:
        message = {**kwargs, **sealed.get("values", {})}
        publish(run_id, name, message, fields["queue"], header.make(uuid_, run_id, 1, int(number[0])))
    except Exception as error:
        abort(store, run_id, "not started: the broker did not take the message")
        raise PublishFailed(f"the broker did not take the message: {error}") from error
    mark(store, run_id, RunState.QUEUED, {"published": "1"}, execution=int(number[0]))
    return read_run(store, run_id), True


def _declared_title(task: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    defaults = titles.defaults_in(task.get("schema") or {})
    return titles.filled(str(task.get("title") or ""), {**defaults, **shown})


def abort(store: Store, run_id: str, why: str) -> None:
    """Close a run whose message was never published; a late message of it is then refused.

    If this fails as well, the reaper closes the run later.
    """
    try:
        ending = Ending(RunState.FAILED, why)
        write_events(store, read_run(store, run_id), "queued", [], ending=ending, forget_idempotency=True)
    except RuntailError:
        # The run was claimed after all (the broker took the message and only its answer was lost), or the store is
        # unreachable: the record then says unpublished, and the reaper closes the run.
        return


def mark(
    store: Store,
    run_id: str,
    state: RunState,
    fields: Mapping[str, str],
    *,
    execution: int | None = None,
    once: bool = False,
    changed: bool = False,
) -> bool:
    """Set fields of a record if the run is still in *state*; return whether it was.

    :param execution: only if the record is of this execution of the id.
    :param once: keep values that are already set.
    :param changed: notify the readers that watch the list.
    :raises StoreUnavailable: if the server did not answer.
    """
    ask = {
        "state": str(state),
        "execution": execution or False,
        "fields": dict(fields),
        "once": once,
        "changed": changed,
    }
    with store_errors():
        return store.scripts.call("mark", run_id, ask)[0] == b"ok"
