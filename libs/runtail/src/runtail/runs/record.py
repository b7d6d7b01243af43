"""The record of a run: the authoritative data about it, as a typed object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from runtail import labels, titles
from runtail.errors import ProtocolError, RunNotFound
from runtail.log.claim import LogEnd
from runtail.protocol import EntryId, RunState
from runtail.runs import family
from runtail.store import Store, store_errors


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as its record was when it was read."""

    id: str
    #: The stored fields, decoded as text; :meth:`number` reads numbers.
    fields: Mapping[str, str]
    chain: bytes

    @classmethod
    def from_hash(cls, run_id: str, values: Mapping[bytes, bytes]) -> Run | None:
        """Build a run from the reply of ``HGETALL``; None if there is no such record."""
        if b"state" not in values:
            return None
        fields = {
            name.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for name, value in values.items()
            if name not in (b"chain", b"cut_chain")
        }
        return cls(run_id, fields, values.get(b"chain", b""))

    @property
    def state(self) -> RunState:
        """The run's state."""
        return RunState(self.fields["state"])

    def text(self, name: str) -> str:
        """Return a field as text, empty if it is not set."""
        return self.fields.get(name, "")

    def number(self, name: str) -> int:
        """Return a field as a whole number, 0 if it is not set."""
        return int(self.fields.get(name) or 0)

    def maybe(self, name: str) -> int | None:
        """Return a field as a whole number, None if it is not set."""
        value = self.fields.get(name)
        return int(value) if value else None

    def json(self, name: str) -> Any:
        """Return a field that holds JSON, None if it is not set."""
        value = self.fields.get(name)
        return orjson.loads(value) if value else None

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the task declares: these count for rules."""
        return labels.declared_in(self.text(labels.DECLARED))

    @property
    def added_labels(self) -> dict[str, str]:
        """The labels that were given at the start or set while it ran: only for finding the run."""
        return labels.added_in(self.fields, self.labels)

    @property
    def execution(self) -> int:
        """Which execution of the id this is, from 1."""
        return self.number("execution") or 1

    @property
    def point(self) -> LogEnd:
        """Where the log ends."""
        return LogEnd(EntryId.parse(self.text("last") or "0-0"), self.number("line"), self.chain, self.number("bytes"))

    @property
    def cut(self) -> dict[str, int] | None:
        """``{"from", "to", "bytes", "entries"}`` of the part that the quota cut."""
        if "cut_from" not in self.fields:
            return None
        return {name: self.number(f"cut_{name}") for name in ("from", "to", "bytes", "entries")}

    def summary(self) -> dict[str, Any]:
        """Return the summary of a run that API, relay and page show."""
        return {
            "v": 1,
            "id": self.id,
            "task": self.text("task"),
            "title": titles.cleaned(self.text(titles.FIELD)) or None,
            "kwargs": self.json("kwargs"),
            "state": str(self.state),
            "why": self.text("why"),
            "why_line": self.maybe("why_line"),
            "since_ms": self.number("since_ms"),
            "created_ms": self.number("created_ms"),
            "started_ms": self.maybe("started_ms"),
            # Older records only have the start of the last attempt.
            "first_started_ms": self.maybe("first_started_ms") or self.maybe("started_ms"),
            "finished_ms": self.maybe("finished_ms"),
            "eta_ms": self.maybe("eta_ms"),
            "attempt": self.number("attempt"),
            "who": self.text("who") or None,
            "queue": self.text("queue") or None,
            "worker": self.text("worker") or None,
            "labels": self.labels,
            "added_labels": self.added_labels,
            "retry_of": self.text("retry_of") or None,
            "parent_id": self.text(family.PARENT) or None,
            "root_id": self.text(family.ROOT) or None,
            "execution": self.execution,
            "earlier_execution": self.text("earlier_execution") or None,
            "newer_execution": self.text("newer_execution") or None,
            "exit_status": self.maybe("exit_status"),
            "result": self.json("result"),
            "signal": self.maybe("signal"),
            "exclusive": bool(self.text("hold")),
            "cancel": self.json("cancel"),
            "epoch": self.number("epoch"),
            "lines": max(0, self.number("line") - 1),
            "bytes": self.number("bytes"),
            "cut": self.cut,
            "masked": self.number("masked"),
            "rewritten_bytes": self.number("rewritten_bytes"),
            "late_bytes": self.number("late_bytes"),
            "overflow_bytes": self.number("overflow_bytes"),
        }


def check(run: Run) -> None:
    """Check that a record can be shown: any client of the store may have written anything.

    :raises ProtocolError: code ``record``.
    """
    try:
        shown, _ = run.summary(), run.point
        for name in ("kwargs", "cancel", "result"):
            if not isinstance(shown[name], dict | None):
                raise TypeError(f"{name} is not an object")
        if shown["result"] is not None and shown["result"].keys() != {"value", "cut"}:
            raise TypeError("result has other members than value and cut")
        orjson.dumps(shown)
    except (ValueError, TypeError, ProtocolError) as error:
        raise ProtocolError("record", f"The record of run {run.id!r} cannot be read: {error}.") from error


def readable_ids(store: Store, members: Iterable[bytes]) -> list[str]:
    """Return ids as text; leave out and count those that cannot be ids."""
    ids = []
    for member in members:
        try:
            ids.append(member.decode())
        except UnicodeDecodeError as error:
            store.skip("run", member, error)
    return ids


def read_run(store: Store, run_id: str) -> Run:
    """Read one record.

    :raises RunNotFound: if there is no such record.
    :raises ProtocolError: if the record cannot be read.
    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        values: Any = store.client.hgetall(store.keys.run(run_id))
    run = Run.from_hash(run_id, values)
    if run is None:
        with store_errors():
            deleted = bool(store.client.exists(store.keys.deleted(run_id)))
        raise RunNotFound(run_id, deleted=deleted)
    check(run)
    return _with_names(store, [run])[0]


def read_runs(store: Store, run_ids: list[str]) -> list[Run]:
    """Read many records in one round trip; leave out those that are gone or cannot be read.

    :raises StoreUnavailable: if the server did not answer.
    """
    if not run_ids:
        return []
    with store_errors():
        pipeline = store.client.pipeline(transaction=False)
        for run_id in run_ids:
            pipeline.hgetall(store.keys.run(run_id))
        found: list[Any] = pipeline.execute()
    runs = []
    for run_id, values in zip(run_ids, found, strict=True):
        run = Run.from_hash(run_id, values)
        if run is None:
            continue
        try:
            check(run)
        except ProtocolError as error:
            store.skip("run", run_id, error)
        else:
            runs.append(run)
    return _with_names(store, runs)


def _with_names(store: Store, runs: list[Run]) -> list[Run]:
    """Update the names of runs that others are a retry of: their ids may have been used again since."""
    named = {run.text("retry_of") for run in runs if run.text("retry_of_execution")}
    if not named:
        return runs
    with store_errors():
        pipeline = store.client.pipeline(transaction=False)
        for run_id in sorted(named):
            pipeline.hget(store.keys.run(run_id), "execution")
        newest = dict(zip(sorted(named), pipeline.execute(), strict=True))

    def renamed(run: Run) -> Run:
        first, number = run.text("retry_of"), run.text("retry_of_execution")
        found = newest.get(first) or b"1"
        # (A store may contain anything.)
        if not (number.isdecimal() and found.isdigit() and int(number) < int(found)):
            return run
        return replace(run, fields={**run.fields, "retry_of": f"{first}~{number}"})

    return [renamed(run) for run in runs]
