"""One history walked item by item: what must follow what, by the contract's words alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tests.support.digests import digest, payload_of

#: (clause, what is wrong)
Finding = tuple[str, str]
Id = tuple[int, int]

_LINE = re.compile(rb"(.+)\|(\d+)\|(\d+)\|([0-9a-f]+)")
#: Events after which output lines may be missing, and are said to be.
_EXCUSES = ("overflow", "worker-lost", "interrupted", "store-lost")


def parse_id(text: str) -> Id:
    """Return ``a-s`` as two numbers."""
    attempt, _, seq = text.partition("-")
    return int(attempt), int(seq)


class Walk:
    """A position in a history, and what led there.

    :param whole: it began before the first entry.
    """

    def __init__(self, run: str, epoch: int, line: int, chain: str, *, whole: bool) -> None:
        self.run, self.epoch, self.line, self.chain, self.whole = run, epoch, line, chain, whole
        self.last: Id | None = None
        self.end: dict[str, Any] | None = None
        self.cuts: list[Mapping[str, Any]] = []
        self.bytes = 0
        #: The last n seen of each attempt; attempts whose end may be missing.
        self.numbers: dict[int, int] = {}
        self.excused: set[int] = set()
        #: Line numbers that a cut or a loss covers since the last output line; None: any number may be missing.
        self._missing: int | None = 0 if whole else None
        self._piece = b""

    def resume(self, epoch: int, line: int, chain: str) -> list[Finding]:
        """The server says where it goes on."""
        if (epoch, line, chain) == (self.epoch, self.line, self.chain):
            return []
        return [("prefix", f"resumed at line {line} of {epoch}, stood at line {self.line} of {self.epoch}")]

    def take(self, item: Mapping[str, Any]) -> list[Finding]:
        """Take the next item and return what is wrong with it; go on behind it in any case."""
        if "cut" in item:
            return self._cut(item["cut"])
        found: list[Finding] = []
        payload, id_, first = payload_of(item), parse_id(item["id"]), int(item["from"])
        event = json.loads(payload) if item["type"] == "e" else {}
        lost = event.get("kind") == "store-lost"
        if self.end is not None:
            found.append(("one end", f"entry {item['id']} behind the terminal entry"))
        found += self._follows(id_, first, lost)
        lines = payload.count(b"\n") + (not payload.endswith(b"\n") and payload != b"") if item["type"] == "o" else 0
        if item["n"] != lines:
            found.append(("prefix", f"entry {item['id']} says {item['n']} lines and has {lines}"))
        if item["chain"] != digest(self.chain, item["type"], payload):
            found.append(("chain", f"entry {item['id']} does not continue the digest"))
        if lost:
            # What earlier attempts stored last may be among what is lost.
            self.excused.update(range(id_[0]))
            found += self._lost(event, first)
        elif event.get("kind") == "end":
            found += self._end(event)
        if event.get("kind") in _EXCUSES:
            # Who takes a silent worker's run over says so in the next attempt.
            self.excused.add(int(event.get("attempt") or id_[0]))
        if event.get("kind") == "overflow":
            self._missing = None
        self.last, self.line, self.chain = id_, first + lines, item["chain"]
        if item["type"] == "o":
            self.bytes += len(payload)
            found += self._output(payload, id_[0], continues=bool(item.get("continues")))
        return found

    def _follows(self, id_: Id, first: int, lost: bool) -> list[Finding]:
        found: list[Finding] = []
        if self.last is not None:
            a, s = self.last
            if id_[0] < a:
                found.append(("one writer", f"an entry of attempt {id_[0]} behind one of attempt {a}"))
            elif id_ <= self.last:
                found.append(("prefix", f"entry {id_} again or out of order, behind {self.last}"))
            elif id_ not in ((a, s + 1), (id_[0], 1)) and not lost:
                found.append(("prefix", f"entry {id_} behind {self.last}: one is missing"))
        if first < self.line:
            found.append(("prefix", f"line number {first} again; line {self.line} is next"))
        elif first > self.line and not lost:
            found.append(("prefix", f"lines {self.line}-{first - 1} are missing"))
        return found

    def _cut(self, cut: Mapping[str, Any]) -> list[Finding]:
        found: list[Finding] = []
        # It names what is missing from here on: neither a line that was seen, nor less than the hole.
        if cut["from"] != self.line:
            found.append(("honesty", f"a cut from line {cut['from']} at line {self.line}"))
        if cut["to"] < cut["from"] - 1 or cut["entries"] < 1 or cut["bytes"] < cut["to"] - cut["from"] + 1:
            found.append(("honesty", f"a cut of {cut['entries']} entries and {cut['bytes']} bytes"))
        if self.last is not None and parse_id(cut["last"]) <= self.last:
            found.append(("prefix", f"a cut up to {cut['last']} behind {self.last}"))
        self._skip(cut["to"] - self.line + 1)
        self.cuts.append(cut)
        self.excused.update(range(parse_id(cut["last"])[0] + 1))
        self.last, self.line, self.chain = parse_id(cut["last"]), cut["to"] + 1, cut["chain"]
        return found

    def _lost(self, event: Mapping[str, Any], first: int) -> list[Finding]:
        self._skip(first - self.line)
        self.bytes += event["bytes"]
        self.excused.update(range((self.last or (0, 0))[0] + 1))
        if (event["from"], event["to"]) != (self.line, first - 1):
            return [("honesty", f"lines {event['from']}-{event['to']} said lost, {self.line}-{first - 1} are")]
        return []

    def _skip(self, lines: int) -> None:
        self._piece = b""
        if self._missing is not None:
            self._missing += max(0, lines)

    def _end(self, event: dict[str, Any]) -> list[Finding]:
        self.end = event
        found: list[Finding] = []
        if event["lines"] != self.line - 1:
            found.append(("completeness", f"{event['lines']} lines at the end, {self.line - 1} counted"))
        if event["chain"] != self.chain:
            found.append(("chain", "the terminal entry names another digest than the one before it"))
        said = event["cut"]
        if self.cuts and said is None:
            found.append(("honesty", "the terminal entry says nothing of the cut"))
        whole_cut = [c for c in self.cuts if said and (c["from"], c["to"]) == (said["from"], said["to"])]
        if any({name: c[name] for name in said} != said for c in whole_cut):
            found.append(("honesty", f"the terminal entry says {said}, the cut {whole_cut[0]}"))
        # A cut of lines that were seen before covers bytes that were counted before.
        if self.whole and len(self.cuts) == len(whole_cut) <= 1:
            total = self.bytes + sum(cut["bytes"] for cut in whole_cut)
            if event["bytes"] != total:
                found.append(("completeness", f"{event['bytes']} bytes at the end, {total} counted"))
        return found

    def _output(self, payload: bytes, attempt: int, *, continues: bool) -> list[Finding]:
        found: list[Finding] = []
        *texts, rest = (self._piece + payload).split(b"\n")
        self._piece = rest if continues else b""
        if rest and not continues and self._line(rest):
            texts.append(rest)  # an unfinished line may be half a line, or whole
        for text in texts:
            if not text.startswith(self.run.encode() + b"|"):
                continue
            known = self._line(text)
            if known is None:
                found.append(("honesty", f"a line that nobody wrote: {text[:80]!r}"))
                continue
            if known[0] != attempt:
                found.append(("one writer", f"a line of attempt {known[0]} in an entry of attempt {attempt}"))
            found += self._number(*known)
        return found

    def _line(self, text: bytes) -> tuple[int, int] | None:
        match = _LINE.fullmatch(text)
        if match is None:
            return None
        said = b"|".join(match.groups()[:3])
        if match[1] != self.run.encode() or not sha256(said).hexdigest().startswith(match[4].decode()):
            return None
        return int(match[2]), int(match[3])

    def _number(self, attempt: int, number: int) -> list[Finding]:
        before = self.numbers.get(attempt)
        expected = 1 if before is None else before + 1
        self.numbers[attempt] = max(number, before or 0)
        missing, self._missing = self._missing, 0
        if number < expected:
            return [("prefix", f"line {number} of attempt {attempt} twice, or out of order")]
        if missing is not None and number - expected > missing:
            what = f"lines {expected}-{number - 1} of attempt {attempt} missing, {missing} said to be"
            return [("honesty", what)]
        return []
