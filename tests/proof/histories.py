"""Histories made up for the checker's own test: a log that grows, is cut and lost, and viewers that come and go."""

from __future__ import annotations

import json
import random
from hashlib import sha256
from typing import Any

from tests.proof.walk import parse_id
from tests.support.digests import GENESIS, digest

Item = dict[str, Any]
_CUT_FIELDS = ("from", "to", "bytes", "entries")


def task_line(run: str, attempt: int, number: int) -> str:
    """Return what a task writes, without its end."""
    text = f"{run}|{attempt}|{number}"
    return f"{text}|{sha256(text.encode()).hexdigest()[:16]}"


def size_of(item: Item) -> int:
    """Return the output bytes an entry stands for."""
    if item["type"] == "o":
        return len(item["text"].encode())
    return int(json.loads(item["text"]).get("bytes", 0)) if "store-lost" in item["text"] else 0


class Log:
    """A run's log as a right product would keep it."""

    def __init__(self, run: str, epoch: int = 1000) -> None:
        self.run, self.epoch, self.attempt, self.seq, self.number = run, epoch, 1, 0, 0
        self.line, self.chain, self.bytes = 1, GENESIS, 0
        self.items: list[Item] = []
        self.cut: Item | None = None
        self.state = "running"

    def entry(self, type_: str, text: str) -> Item:
        """Append an entry."""
        self.seq += 1
        n = text.count("\n") + (not text.endswith("\n") and text != "") if type_ == "o" else 0
        self.chain = digest(self.chain, type_, text.encode())
        item = {"id": f"{self.attempt}-{self.seq}", "type": type_, "from": self.line, "n": n, "t": 1, "text": text,
                "chain": self.chain}  # fmt: skip
        self.line += n
        self.items.append(item)
        self.bytes += size_of(item)
        return item

    def event(self, kind: str, **fields: Any) -> Item:
        """Append an event."""
        return self.entry("e", json.dumps({"kind": kind, "v": 1, **fields}, separators=(",", ":")))

    def write(self, lines: int) -> Item:
        """Append the task's next lines."""
        numbers = range(self.number + 1, self.number + lines + 1)
        self.number += lines
        return self.entry("o", "".join(task_line(self.run, self.attempt, n) + "\n" for n in numbers))

    def retry(self) -> None:
        """Begin the next attempt."""
        self.event("retry", retries=1, max=3, eta_ms=None, reason="x")
        self.attempt, self.seq, self.number = self.attempt + 1, 0, 0
        self.event("start", attempt=self.attempt)

    def trim(self, head: int, tail: int) -> None:
        """Cut what lies between the first and the last entries."""
        gone = self.items[head:-tail]
        if not gone:
            return
        known = self.cut or {"from": gone[0]["from"], "bytes": 0, "entries": 0}
        if not self.cut and "store-lost" in gone[0]["text"]:
            known["from"] = json.loads(gone[0]["text"])["from"]
        self.cut = {
            "from": known["from"],
            "to": max(item["from"] + item["n"] - 1 for item in gone),
            "bytes": known["bytes"] + sum(size_of(item) for item in gone),
            "entries": known["entries"] + len(gone),
            "chain": gone[-1]["chain"],
            "last": gone[-1]["id"],
        }
        self.items = self.items[:head] + self.items[-tail:]

    def lose(self, entries: int) -> None:
        """Lose the last entries for good: a new epoch begins with what says so."""
        gone = self.items[-entries:]
        if self.cut and parse_id(gone[0]["id"]) <= parse_id(self.cut["last"]):
            return
        self.items = self.items[:-entries]
        size = sum(size_of(item) for item in gone)
        starts = [json.loads(i["text"])["from"] for i in gone if "store-lost" in i["text"]]
        base, self.bytes = min([gone[0]["from"], *starts]), self.bytes - size
        before = self.items[-1] if self.items else None
        if self.cut and (before is None or parse_id(before["id"]) < parse_id(self.cut["last"])):
            self.chain = self.cut["chain"]
        else:
            self.chain = before["chain"] if before else GENESIS
        self.epoch += 1000
        self.event("store-lost", **{"from": base, "to": self.line - 1, "bytes": size, "reason": "rolled back"})

    def finish(self) -> None:
        """Append the terminal entry."""
        cut = {name: self.cut[name] for name in _CUT_FIELDS} if self.cut else None
        self.state = "succeeded"
        self.event("end", state="succeeded", why="done", exit_status=0, signal=None, lines=self.line - 1,
                   bytes=self.bytes, chain=self.chain, cut=cut)  # fmt: skip

    def stored(self) -> list[Item]:
        """Return the final log: entries, with the cut where it lies."""
        if not self.cut:
            return list(self.items)
        last = parse_id(self.cut["last"])
        before = [item for item in self.items if parse_id(item["id"]) < last]
        return [*before, {"cut": self.cut}, *self.items[len(before) :]]

    def final(self) -> dict[str, Any]:
        """Return what the checker takes as the final log."""
        cut = {name: self.cut[name] for name in _CUT_FIELDS} if self.cut else None
        record = {"state": self.state, "lines": self.line - 1, "bytes": self.bytes, "cut": cut}
        return {"record": record, "epoch": self.epoch, "entries": self.stored()}


class Viewer:
    """A subscriber of a right relay; writes down what it receives."""

    def __init__(self, name: str, log: Log, first_line: int = 1) -> None:
        self.name, self.log, self.first_line = name, log, first_line
        self.records: list[dict[str, Any]] = []
        self.known: tuple[int, int, str] | None = None
        self.last = (0, 0)
        self.connected = self.ended = False

    def note(self, **what: Any) -> None:
        """Write down."""
        self.records.append({"subscriber": self.name, "run": self.log.run, "at": 0.0, **json.loads(json.dumps(what))})

    def leave(self) -> None:
        """Go away; come back with the next look."""
        self.connected = False

    def look(self, most: int = 3) -> None:
        """Receive a few items."""
        log = self.log
        if self.known and self.known[0] != log.epoch:
            if self.connected:
                self.note(reset={"v": 1, "run": log.run, "epoch": log.epoch, "reason": "store-lost", "why": "It was."})
            self.known, self.connected = None, False
        if not self.connected:
            self._subscribe()
        items: list[Item] = []
        line = self.known[1] if self.known else 1
        for item in log.stored():
            if len(items) == most:
                break
            id_ = parse_id(item["cut"]["last"] if "cut" in item else item["id"])
            if id_ <= self.last:
                continue
            if "cut" in item:
                item = {"cut": {**item["cut"], "from": max(item["cut"]["from"], line)}}
            items.append(item)
            line = item["cut"]["to"] + 1 if "cut" in item else item["from"] + item["n"]
            self.last = id_
            self.known = (log.epoch, line, item["cut"]["chain"] if "cut" in item else item["chain"])
        if items:
            self.note(message={"v": 1, "run": log.run, "epoch": log.epoch, "entries": items})
        end = json.loads(items[-1]["text"]) if items and items[-1].get("type") == "e" else {}
        if end.get("kind") == "end":
            self.ended = True
            names = ("state", "why", "exit_status", "signal", "lines", "bytes", "chain")
            self.note(end={name: end[name] for name in names})

    def _subscribe(self) -> None:
        self.connected = True
        if self.known:
            epoch, line, chain = self.known
            self.note(asked={"v": 1, "run": self.log.run, "epoch": epoch, "from": line, "chain": chain})
        else:
            self.note(asked={"v": 1, "run": self.log.run, "from": self.first_line})
            line, chain, self.last = 1, GENESIS, (0, 0)
            for item in self.log.items:
                if self.log.cut and parse_id(item["id"]) > parse_id(self.log.cut["last"]):
                    break
                if item["from"] + item["n"] > self.first_line:
                    break
                line, chain, self.last = item["from"] + item["n"], item["chain"], parse_id(item["id"])
            self.known = (self.log.epoch, line, chain)
        epoch, line, chain = self.known
        self.note(ack={"ok": True, "v": 1, "epoch": epoch, "from": line, "chain": chain})


def clean(seed: int, *, steps: int = 60) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the records and the final log of a product without a defect."""
    rng = random.Random(seed)
    log = Log(f"run-{seed}")
    viewers = [Viewer(f"viewer-{n}", log, rng.choice((1, 1, 7, 30))) for n in range(4)]
    log.event("start", attempt=1)
    for _ in range(steps):
        chance = rng.random()
        if chance < 0.45:
            log.write(rng.randint(1, 6))
        elif chance < 0.50:
            log.event("warning", text="careful", line=log.line)
        elif chance < 0.53:
            log.retry()
        elif chance < 0.57:
            log.trim(3, rng.randint(2, 6))
        elif chance < 0.60 and len(log.items) > 10:
            log.lose(rng.randint(1, 5))
        elif chance < 0.70:
            rng.choice(viewers).leave()
        else:
            rng.choice(viewers).look(rng.randint(1, 5))
    log.finish()
    for viewer in viewers:
        while not viewer.ended:
            viewer.look()
    return [record for viewer in viewers for record in viewer.records], {log.run: log.final()}
