"""Judges what subscribers saw and what was stored, offline, by the clauses of the contract.

It shares no code with the product: digests, numbers and lines are computed
here again. It reads records (``subscribers.py`` says what they are) and final
logs (``{run: {"record", "epoch", "entries"}}``, entries and cuts in wire form,
``None`` where a run or its log is gone). Tasks write lines
``run|attempt|n|sha``, n from 1 without holes in each attempt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proof.walk import Finding, Id, Walk, parse_id
from tests.support.digests import GENESIS

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of the contract."""

    #: ``prefix``, ``completeness``, ``honesty``, ``immutability``, ``one writer``, ``one end`` or ``chain``.
    clause: str
    run: str
    #: The subscriber, or ``log`` for the final stored log.
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.clause}: {self.who} on {self.run}: {self.what}"


@dataclass(slots=True)
class _Facts:
    """What is known of one epoch of a run, by whoever saw it."""

    #: Entry id to (what it is, digest).
    entries: dict[Id, tuple[Any, ...]] = field(default_factory=dict)
    #: Line number to the entry that holds it.
    lines: dict[int, Id] = field(default_factory=dict)
    cuts: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    seen_by: dict[Id, str] = field(default_factory=dict)


def id_of(run: str) -> str:
    """Return the task's id, of which ``<id>~<n>`` is an earlier execution."""
    return re.sub(r"~\d+$", "", run)


def read_history(path: Path) -> list[dict[str, Any]]:
    """Read records that were kept as JSON lines."""
    return [json.loads(text) for text in path.read_text().splitlines() if text]


def check(
    records: Iterable[Mapping[str, Any]],
    logs: Mapping[str, Mapping[str, Any]],
    *,
    written: Mapping[tuple[str, int], int] | None = None,
) -> list[Violation]:
    """Return every violation; none if the contract held.

    :param records: of all subscribers, each one's in order.
    :param logs: the final stored logs.
    :param written: how many lines left the process, by run and attempt.
    """
    checker = _Checker()
    for run, log in logs.items():
        checker.final(run, log, written or {})
    for record in records:
        checker.record(record)
    checker.compare(logs)
    return checker.violations


class _Checker:
    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self._facts: dict[tuple[str, int], _Facts] = {}
        self._walks: dict[tuple[str, str], Walk] = {}
        self._asked: dict[tuple[str, str], Mapping[str, Any]] = {}
        #: Epoch and digest behind the terminal entry, by run.
        self._ends: dict[str, tuple[int, str]] = {}

    def _add(self, run: str, who: str, found: Iterable[Finding]) -> None:
        self.violations += [Violation(clause, run, who, what) for clause, what in found]

    # The final log

    def final(self, run: str, log: Mapping[str, Any], written: Mapping[tuple[str, int], int]) -> None:
        """Check a stored log in itself and against its record."""
        items, record = log.get("entries"), log.get("record")
        if items is None or record is None:
            return
        walk = Walk(id_of(run), int(log["epoch"]), 1, GENESIS, whole=True)
        for item in items:
            self._take(run, "log", walk, item)
        over = record["state"] not in ("queued", "running")
        if over != (walk.end is not None):
            self._add(run, "log", [("one end", f"state {record['state']}, terminal entry: {walk.end is not None}")])
        if int(record["lines"]) != walk.line - 1:
            self._add(run, "log", [("completeness", f"record says {record['lines']} lines, log has {walk.line - 1}")])
        cut = walk.cuts[0] if walk.cuts else None
        seen_cut = {name: cut[name] for name in ("from", "to", "bytes", "entries")} if cut else None
        if record.get("cut") != seen_cut:
            self._add(run, "log", [("honesty", f"record says cut {record.get('cut')}, log has {seen_cut}")])
        if walk.end is None:
            return
        self._ends[run] = (walk.epoch, walk.chain)
        if walk.end["state"] != record["state"]:
            self._add(run, "log", [("one end", f"ended as {walk.end['state']}, record says {record['state']}")])
        if int(record["bytes"]) != int(walk.end["bytes"]):
            self._add(run, "log", [("completeness", f"{record['bytes']} bytes in the record, {walk.end['bytes']}")])
        for (written_run, attempt), count in written.items():
            stored = walk.numbers.get(attempt, 0)
            if written_run == run and stored < count and attempt not in walk.excused:
                what = f"attempt {attempt} wrote {count} lines, {stored} are stored, and nothing says so"
                self._add(run, "log", [("honesty", what)])

    # Subscribers

    def record(self, record: Mapping[str, Any]) -> None:
        """Take the next record of a subscriber."""
        run, who = record["run"], record["subscriber"]
        key = (who, run)
        walk = self._walks.get(key)
        if "asked" in record:
            self._asked[key] = record["asked"]
        elif "ack" in record:
            self._add(run, who, self._ack(key, walk, record["ack"]))
        elif "message" in record:
            self._message(run, who, walk, record["message"])
        elif "reset" in record:
            self._walks.pop(key, None)
            if not record["reset"].get("reason") or not record["reset"].get("why"):
                self._add(run, who, [("honesty", "a reset that does not say why")])
        elif "end" in record:
            # Who begins behind the terminal entry gets nothing but the end.
            behind = walk is not None and walk.last is None and self._ends.get(run) == (walk.epoch, walk.chain)
            self._add(run, who, [] if behind else _end(walk, record["end"]))

    def _ack(self, key: tuple[str, str], walk: Walk | None, ack: Mapping[str, Any]) -> list[Finding]:
        if not ack.get("ok"):
            return []
        if ack.get("reset"):
            self._walks.pop(key, None)
            return []
        asked = self._asked.get(key, {})
        here = (int(ack["epoch"]), int(ack["from"]), str(ack["chain"]))
        if asked.get("chain") is not None:
            wanted = (int(asked["epoch"]), int(asked["from"]), str(asked["chain"]))
            if here != wanted:
                self._walks.pop(key, None)
                return [("prefix", f"resumed at {here[:2]}, asked for {wanted[:2]}")]
            if walk is not None:
                return walk.resume(*here)
        self._walks[key] = Walk(key[1], *here, whole=here[1] == 1 and here[2] == GENESIS)
        if int(asked.get("from") or 1) > 0 and here[1] > int(asked.get("from") or 1):
            return [("prefix", f"began at line {here[1]}, asked for line {asked.get('from') or 1}")]
        return []

    def _message(self, run: str, who: str, walk: Walk | None, message: Mapping[str, Any]) -> None:
        if walk is None:
            self._add(run, who, [("prefix", "a message without a subscription")])
            return
        if int(message["epoch"]) != walk.epoch:
            what = f"a message of epoch {message['epoch']} in a view of epoch {walk.epoch}"
            self._add(run, who, [("immutability", what)])
            return
        for item in message["entries"]:
            self._take(run, who, walk, item)

    def _take(self, run: str, who: str, walk: Walk, item: Item) -> None:
        found = walk.take(item)
        facts = self._facts.setdefault((id_of(run), walk.epoch), _Facts())
        if "cut" in item:
            facts.cuts.append((who, item["cut"]))
        elif not found:  # what is wrong in itself would only be told twice
            found = _remember(facts, who, item)
        self._add(run, who, found)

    # All together

    def compare(self, logs: Mapping[str, Mapping[str, Any]]) -> None:
        """Check what one subscriber knows against what all others and the final log know."""
        # What was seen under an id in an earlier epoch may be the log of an earlier execution now.
        by_epoch = {(id_of(run), log.get("epoch")): log for run, log in logs.items()}
        for (run, epoch), facts in self._facts.items():
            for who, cut in facts.cuts:
                known = facts.entries.get(parse_id(cut["last"]))
                if known is not None and known[-1] != cut["chain"]:
                    self._add(run, who, [("chain", f"a cut up to {cut['last']} with another digest than its entry")])
            log = by_epoch.get((id_of(run), epoch)) or {}
            if log.get("entries") is None:
                continue
            stored = {parse_id(item["id"]) for item in log["entries"] if "cut" not in item}
            cut_to = max((parse_id(item["cut"]["last"]) for item in log["entries"] if "cut" in item), default=(0, 0))
            for id_, who in facts.seen_by.items():
                if id_ not in stored and id_ > cut_to:
                    self._add(run, who, [("immutability", f"saw entry {id_}, which the log does not have")])


def _remember(facts: _Facts, who: str, item: Item) -> list[Finding]:
    id_ = parse_id(item["id"])
    facts.seen_by.setdefault(id_, who)
    value = (item["type"], item["from"], item["n"], item.get("text"), item.get("b64"), item["chain"])
    if facts.entries.setdefault(id_, value) != value:
        return [("immutability", f"entry {item['id']} is not what {facts.seen_by[id_]} saw")]
    for line in range(item["from"], item["from"] + item["n"]):
        if facts.lines.setdefault(line, id_) != id_:
            return [("immutability", f"line {line} stands in {item['id']} and in {facts.lines[line]}")]
    return []


def _end(walk: Walk | None, told: Mapping[str, Any]) -> list[Finding]:
    if walk is not None and walk.last is None and walk.line - 1 == told["lines"]:
        return []  # it began behind the end: nothing was left to send
    if walk is None or walk.end is None:
        return [("completeness", "told of the end before the terminal entry")]
    names = ("state", "lines", "bytes", "chain", "exit_status", "signal")
    wrong = [name for name in names if told.get(name) != walk.end.get(name)]
    return [("completeness", f"told another {name} than the terminal entry says") for name in wrong]
