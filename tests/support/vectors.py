"""Makes ``protocol/vectors.json``: ``python -m tests.support.vectors`` prints it.

The digests are computed with hashlib here and not with the code under test.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

EPOCH = 1_764_000_000_000
ZERO = bytes(32)


def digest(previous: bytes, type_: str, payload: bytes) -> bytes:
    """The chain, in one line."""
    return sha256(previous + type_.encode() + payload).digest()


class Log:
    """Builds the wire form of a log, entry by entry."""

    def __init__(self, line: int = 1, chain: bytes = ZERO) -> None:
        self.line, self.chain, self.attempt, self.seq, self.total_bytes = line, chain, 1, 0, 0
        self.items: list[dict[str, Any]] = []

    def add(self, type_: str, payload: bytes, *, continues: bool = False) -> dict[str, Any]:
        """Add an entry."""
        self.seq += 1
        n = 0 if type_ == "e" else payload.count(b"\n") + (0 if payload.endswith(b"\n") or not payload else 1)
        self.chain = digest(self.chain, type_, payload)
        item: dict[str, Any] = {
            "id": f"{self.attempt}-{self.seq}", "type": type_, "from": self.line, "n": n, "t": EPOCH + self.line,
        }  # fmt: skip
        try:
            item["text"] = payload.decode()
        except UnicodeDecodeError:
            item["b64"] = base64.b64encode(payload).decode()
        if continues:
            item["continues"] = True
        item["chain"] = self.chain.hex()
        self.line += n
        if type_ == "o":
            self.total_bytes += len(payload)
        self.items.append(item)
        return item

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Add an event."""
        return self.add("e", json.dumps({"kind": kind, "v": 1, **fields}, separators=(",", ":")).encode())

    def end(self, **fields: Any) -> dict[str, Any]:
        """Add the terminal entry with the true totals, unless *fields* say otherwise."""
        totals = {"lines": self.line - 1, "bytes": self.total_bytes, "chain": self.chain.hex(), "cut": None}
        return self.event("end", state="succeeded", why="done", exit_status=0, signal=None, **{**totals, **fields})


def sample() -> Log:
    """A log with everything that output can be."""
    log = Log()
    log.event("start", attempt=1, worker="worker@host")
    log.add("o", b"one\ntwo\nthree\n")
    log.add("o", "gr\u00fc\u00dfe \u2028 \U0001f680 <script>\n".encode())
    log.add("o", b"nul \x00 esc \x1b[31mred\x1b[0m\n")
    log.add("o", b"not utf-8: \xff\xfe\xed\xa0\x80\n")
    log.add("o", b"x" * 100, continues=True)
    log.add("o", b"rest of the long line\n")
    log.event("warning", text="careful", line=3)
    log.add("o", b"no newline at the end")
    return log


def view(name: str, log: list[dict[str, Any]], verdict: dict[str, Any] | None, *, begin: dict[str, Any] | None = None,
         mismatch: bool = False) -> dict[str, Any]:  # fmt: skip
    """One vector for a subscriber."""
    start = begin or {"epoch": EPOCH, "from": 1, "chain": ZERO.hex()}
    half = len(log) // 2
    messages = [{"epoch": start["epoch"], "entries": part} for part in (log[:half], log[half:]) if part]
    return {"name": name, "begin": start, "messages": messages, "verdict": verdict, "mismatch": mismatch}


def verdict(text: str, lines: int, *, from_line: int = 1, verified: bool = True) -> dict[str, Any]:
    """What must be claimed."""
    return {"verified": verified, "from_line": from_line, "lines": lines, "text": text}


def views() -> list[dict[str, Any]]:
    """Vectors for whole subscriptions."""
    whole = sample()
    whole.end()
    lines = whole.line - 1
    made = [
        view("running", sample().items, None),
        view("whole", whole.items, verdict(f"complete: {lines} lines, verified", lines)),
    ]
    third = whole.items[3]
    begin = {"epoch": EPOCH, "from": third["from"], "chain": whole.items[2]["chain"]}
    text = f"complete: {lines} lines, verified from line {third['from']}"
    made.append(view("from the middle", whole.items[3:], verdict(text, lines, from_line=third["from"]), begin=begin))

    cut_log = sample()
    kept_head, gone = cut_log.items[:2], cut_log.items[2:5]
    cut_log.end(cut={"from": 4, "to": 6, "bytes": 0, "entries": 3})
    size = sum(len(i["text"].encode()) if "text" in i else len(base64.b64decode(i["b64"])) for i in gone)
    cut = {"cut": {"from": 4, "to": 6, "bytes": size, "entries": 3, "chain": gone[-1]["chain"], "last": gone[-1]["id"]}}
    text = f"{lines} lines, verified; lines 4-6 were cut"
    made.append(view("cut", [*kept_head, cut, *cut_log.items[5:]], verdict(text, lines)))

    grown = sample()
    gone = grown.items[2:6]
    size = sum(len(i["text"].encode()) if "text" in i else len(base64.b64decode(i["b64"])) for i in gone)
    said = {"from": 4, "to": gone[-1]["from"] + gone[-1]["n"] - 1, "bytes": size, "entries": len(gone)}
    grown.end(cut=said)
    seen_from = gone[2]["from"]
    cut = {"cut": {**said, "from": seen_from, "chain": gone[-1]["chain"], "last": gone[-1]["id"]}}
    text = f"{lines} lines, verified; lines {seen_from}-{said['to']} were cut"
    made.append(view("cut of lines seen before", [*grown.items[:4], cut, *grown.items[6:]], verdict(text, lines)))

    lost = Log()
    lost.add("o", b"one\ntwo\n")
    lost.line, lost.seq = 11, 7
    lost.event("store-lost", **{"from": 3, "to": 10, "bytes": 50, "reason": "rolled back"})
    lost.total_bytes += 50
    lost.add("o", b"eleven\n")
    lost.end()
    made.append(view("store lost", lost.items, verdict("11 lines, verified; lines 3-10 were lost", 11)))

    attempts = Log()
    attempts.add("o", b"one\n")
    attempts.event("retry", retries=1, max=3, eta_ms=None, reason="ValueError()")
    attempts.attempt, attempts.seq = 2, 0
    attempts.add("o", b"two\n")
    attempts.end()
    made.append(view("two attempts", attempts.items, verdict("complete: 2 lines, verified", 2)))

    def broken(name: str, change: Any) -> None:
        items: list[dict[str, Any]] = json.loads(json.dumps(whole.items))
        made.append(view(name, change(items), None, mismatch=True))

    broken("flipped byte", lambda items: [*items[:1], {**items[1], "text": "one\ntvo\nthree\n"}, *items[2:]])
    broken("dropped entry", lambda items: items[:2] + items[3:])
    broken("doubled entry", lambda items: items[:3] + items[2:])
    broken("swapped entries", lambda items: [*items[:2], items[3], items[2], *items[4:]])
    broken("renumbered line", lambda items: [*items[:2], {**items[2], "from": 9}, *items[3:]])
    broken("event as output", lambda items: [{**items[0], "type": "o"}, *items[1:]])

    wrong = sample()
    wrong.end(lines=lines + 1)
    text = f"does not match its end: {lines + 1} lines at the end, {lines} counted"
    made.append(view("wrong total", wrong.items, verdict(text, lines + 1, verified=False)))
    return made


def stored(item: dict[str, Any]) -> dict[str, Any]:
    """The stream fields of a wire entry."""
    flags = "c" if item.get("continues") else "-"
    payload = item["text"].encode() if "text" in item else base64.b64decode(item["b64"])
    return {
        "h": f"1 {item['type']} {item['from']} {item['n']} {item['t']} {flags}",
        "d_b64": base64.b64encode(payload).decode(),
        "c": item["chain"],
    }


def vectors() -> dict[str, Any]:
    """All vectors."""
    chain, previous = [], ZERO
    for type_, payload in [
        ("o", b""),
        ("o", b"a\n"),
        ("e", b'{"kind":"start"}'),
        ("o", b"\x00\xff"),
        ("o", b"\n" * 1000),
    ]:
        after = digest(previous, type_, payload)
        chain.append({
            "previous": previous.hex(), "type": type_, "payload_b64": base64.b64encode(payload).decode(),
            "chain": after.hex(),
        })  # fmt: skip
        previous = after
    good = sample().items[1]
    invalid = [
        {"name": "no id", "wire": {k: v for k, v in good.items() if k != "id"}},
        {"name": "bad id", "wire": {**good, "id": "1"}},
        {"name": "no payload", "wire": {k: v for k, v in good.items() if k != "text"}},
        {"name": "unknown type", "wire": {**good, "type": "x"}},
        {"name": "chain not hexadecimal", "wire": {**good, "chain": "zz"}},
        {"name": "broken base64", "wire": {**{k: v for k, v in good.items() if k != "text"}, "b64": "*"}},
    ]
    entries = [{"wire": item, "stored": stored(item)} for item in sample().items]
    return {"version": 1, "chain": chain, "entries": entries, "invalid_entries": invalid, "views": views()}


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=1))
