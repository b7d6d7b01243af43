"""Whether everything in the store agrees: record, stream, indexes, and where each line is found."""

from __future__ import annotations

from typing import Any

from runtail.log import reader
from runtail.protocol import Cut, Entry, EntryId, RunState
from runtail.protocol import event as events
from runtail.runs.record import Run, read_run
from runtail.store import Store

#: What an entry costs besides its payload.
OVERHEAD_BYTES = 64


def final_log(store: Store, run_id: str) -> dict[str, Any]:
    """Return what the checker takes as a final log."""
    items = [item.wire() for item in reader.entries(store, run_id)]
    run = read_run(store, run_id)
    return {"record": run.summary(), "epoch": run.number("epoch"), "entries": items}


def contradictions(store: Store, run_id: str) -> list[str]:
    """Return what does not agree with what."""
    run = read_run(store, run_id)
    found = []
    raw: Any = store.client.xrange(store.keys.log(run_id))
    entries = [Entry.from_fields(EntryId.parse(id_), fields) for id_, fields in raw]
    cut = run.cut or {"bytes": 0, "entries": 0}
    lost = sum(events.output_bytes(entry) for entry in entries)
    numbers = {
        "stored_bytes": sum(len(entry.payload) + OVERHEAD_BYTES for entry in entries),
        "entries": len(entries) + cut["entries"],
        "bytes": lost + cut["bytes"],
    }
    found += [f"{k}: record {run.number(k)}, log {v}" for k, v in numbers.items() if run.number(k) != v]
    if entries and (run.point.last, run.point.line, run.chain) != (
        entries[-1].id,
        entries[-1].next_line,
        entries[-1].chain,
    ):
        found.append(f"record ends at {run.point.last}, log at {entries[-1].id}")
    for attempt in {entry.id.attempt for entry in entries}:
        last = max(entry.id.seq for entry in entries if entry.id.attempt == attempt)
        said = EntryId(attempt, run.number(f"a:{attempt}:seq"))
        if said.seq != last and not (said.seq > last and said <= EntryId.parse(run.text("cut_last") or "0-0")):
            found.append(f"a:{attempt}:seq is {said.seq}, log has {last}")
    return found + _indexes(store, run)


def _indexes(store: Store, run: Run) -> list[str]:
    keys, client, name = store.keys, store.client, run.id.encode()
    size: Any = client.hget(keys.finished_sizes(), run.id)
    total: Any = client.get(keys.finished_bytes())
    sizes: Any = client.hvals(keys.finished_sizes())
    members = {
        "runs": client.zscore(keys.runs(), name) is not None,
        "running": bool(client.sismember(keys.running(), run.id)),
        "queued": client.zscore(keys.queued(), name) is not None,
        "finished": client.zscore(keys.finished(), name) is not None,
        "sizes": size is not None,
    }
    over = run.state.terminal
    expected = {
        "runs": True,
        "running": run.state is RunState.RUNNING,
        "queued": run.state is RunState.QUEUED,
        "finished": over,
        "sizes": over,
    }
    found = [
        f"{index}: {members[index]} for state {run.state}" for index in members if members[index] != expected[index]
    ]
    if over and int(size or 0) != run.number("stored_bytes"):
        found.append(f"sizes {size!r}, stored {run.number('stored_bytes')}")
    if int(total or 0) != sum(map(int, sizes)):
        found.append(f"finished bytes {total!r}, sizes {sizes!r}")
    if not over and client.ttl(keys.run(run.id)) > 0:
        found.append(f"time to live {client.ttl(keys.run(run.id))} in state {run.state}")
    return found


def misplaced(store: Store, run_id: str) -> list[str]:
    """Return the lines that a reader who asks for them does not get."""
    run, found = read_run(store, run_id), []
    for line in range(1, run.number("line")):
        location = reader.locate(store, run_id, line)
        first: Entry | Cut | None = None
        if location.line <= line:
            items = reader.read(store, location.cursor, run_id, count=64)[1]
            first = next((i for i in items if isinstance(i, Cut) or i.n or i.from_line > line), None)
        if isinstance(first, Cut):
            inside = first.from_line <= line <= first.to_line
        elif first is not None and first.n:
            inside = first.from_line <= line < first.next_line
        else:
            inside = first is not None and first.from_line > line  # lost
        if not inside:
            found.append(f"line {line}: located at {location.line}, begins with {first}")
    return found
