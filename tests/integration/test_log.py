"""The log in a real Redis: append, resume, quota, locate, and repair after lost history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runtail.errors import Fenced, RunDeleted
from runtail.log import reader
from runtail.log.writer import LogWriter
from runtail.protocol import Cursor, Cut, Entry, EntryId, RunState, View
from runtail.protocol import event as events
from runtail.runs.record import read_run
from runtail.runs.retention import delete
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, roll_back, snapshot, write_lines


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    """A store under the test's prefix, with a small quota."""
    made = make_store(redis_url, key_prefix, quota_bytes=20_000, head_bytes=4_000)
    yield made
    made.client.close()


def read_all(store: Store, run_id: str, line: int = 1) -> list[Entry | Cut]:
    """What a reader gets from *line* on."""
    return list(reader.entries(store, run_id, line))


def text(items: list[Entry | Cut]) -> str:
    """The output among *items*."""
    return b"".join(i.payload for i in items if isinstance(i, Entry) and i.type == "o").decode()


def numbered(first: int, last: int) -> str:
    """The lines that write_lines writes."""
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def kinds(items: list[Entry | Cut]) -> list[str]:
    """The kinds of the events among *items*."""
    return [events.decode(i)["kind"] for i in items if isinstance(i, Entry) and i.type == "e"]


def view_of(items: list[Entry | Cut], epoch: int) -> View:
    """A subscriber that saw *items* from the beginning."""
    view = View()
    view.begin(epoch, 1, bytes(32))
    view.feed([item.wire() for item in items], epoch=epoch)
    return view


def test_what_was_written_is_read_and_proves_itself(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 95)
    finish(writer)
    items = read_all(store, writer.claim.run_id)
    assert text(items) == numbered(1, 95)
    head = reader.head(store, writer.claim.run_id)
    assert (head.state, head.line, head.last) == (RunState.SUCCEEDED, 96, EntryId(1, 11))
    verdict = view_of(items, head.epoch).verdict
    assert verdict is not None
    assert verdict.text == "complete: 95 lines, verified"


def test_a_lost_reply_never_doubles_an_entry(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 10)
    entry = writer.add("o", b"line 11\n", 1)
    before = (writer.stored, list(writer.pending))
    writer.flush()
    # The reply is lost: the writer still believes in the state before, and more comes meanwhile.
    writer.stored = before[0]
    writer.pending.extend(before[1])
    writer.retained.pop()
    writer.pending.append(Entry.make(EntryId(1, 3), "o", 12, 1, b"line 12\n", entry.chain))
    writer.flush()
    assert text(read_all(store, writer.claim.run_id)) == numbered(1, 12)


def test_a_lost_reply_to_the_end_is_recognised(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3)
    before = writer.stored
    finish(writer)
    writer.pending.append(writer.retained.pop()[1])
    writer.stored = before
    finish(writer)
    assert kinds(read_all(store, writer.claim.run_id)) == ["end"]


def test_a_zombie_and_a_late_writer_are_fenced(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3)
    finish(writer)
    late = LogWriter(store, writer.claim)
    late.add("o", b"late\n", 1)
    with pytest.raises(Fenced, match="ended"):
        late.flush()


def test_a_deleted_run_stops_its_writer(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3)
    delete(store, writer.claim.run_id)
    writer.add("o", b"more\n", 1)
    with pytest.raises(RunDeleted):
        writer.flush()
    assert list(store.client.scan_iter(match=store.settings.key_prefix + "*log*")) == []


def test_the_quota_keeps_head_and_tail_and_says_what_is_gone(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 5000, per_entry=50)
    finish(writer)
    run = read_run(store, writer.claim.run_id)
    assert run.number("stored_bytes") <= 20_000 * 1.05
    items = read_all(store, writer.claim.run_id)
    [cut] = [item for item in items if isinstance(item, Cut)]
    assert run.cut == {"from": cut.from_line, "to": cut.to_line, "bytes": cut.size_bytes, "entries": cut.entries}
    assert text(items) == numbered(1, cut.from_line - 1) + numbered(cut.to_line + 1, 5000)
    assert cut.size_bytes == len(numbered(cut.from_line, cut.to_line))
    end = events.decode(items[-1])  # type: ignore[arg-type]
    assert (end["lines"], end["bytes"], end["cut"]) == (5000, len(numbered(1, 5000)), run.cut)
    verdict = view_of(items, run.number("epoch")).verdict
    assert verdict is not None
    assert verdict.verified
    assert verdict.text == f"5,000 lines, verified; lines {cut.from_line:,}-{cut.to_line:,} were cut"


def test_a_reader_may_begin_at_any_line_also_inside_and_behind_a_cut(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3000, per_entry=7)
    run_id = writer.claim.run_id
    cut = read_run(store, run_id).cut
    assert cut is not None
    for line in (1, 2, 7, 8, 100, cut["from"] - 1, cut["from"], cut["from"] + 5, cut["to"], cut["to"] + 1, 2999, 3000):
        location = reader.locate(store, run_id, line)
        assert location.matched
        assert location.line <= line
        items = read_all(store, run_id, line)
        first = items[0]
        if cut["from"] <= line <= cut["to"]:
            assert isinstance(first, Cut)
            assert (first.from_line, first.to_line) == (line, cut["to"])
        else:
            assert isinstance(first, Entry)
            assert first.from_line <= line < first.next_line
        assert items[-1].next_line == 3001  # type: ignore[union-attr]
    assert reader.locate(store, run_id, 3001).last == EntryId(1, writer.seq)
    assert reader.locate(store, run_id, 3002).beyond
    assert reader.locate(store, run_id, -1).line <= 3000


def test_an_exact_resume_tells_events_at_the_same_line_apart(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 10)
    positions: list[tuple[int, bytes, EntryId]] = []
    for number in range(5):
        entry = writer.add("e", events.encode(events.WARNING, text=str(number)), 1)
        positions.append((11, entry.chain, entry.id))
    writer.flush()
    write_lines(writer, 11, 20)
    for line, chain, id_ in positions:
        location = reader.locate(store, writer.claim.run_id, line, chain)
        assert location.matched
        assert location.last == id_
    assert not reader.locate(store, writer.claim.run_id, 11, b"x" * 32).matched
    assert not reader.locate(store, writer.claim.run_id, 5, writer.chain).matched


def test_an_attempt_follows_an_attempt_in_one_numbering(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 25)
    writer.release("retry 1 of 3", events.encode(events.RETRY, retries=1, max=3, eta_ms=1, reason="x"), t_ms=1)
    assert read_run(store, writer.claim.run_id).state is RunState.QUEUED
    second = open_run(store, writer.claim.run_id, token="token-2")
    assert second.claim.attempt == 2
    with pytest.raises(Fenced):
        LogWriter(store, writer.claim).flush()
    write_lines(second, 26, 40)
    finish(second)
    items = read_all(store, writer.claim.run_id)
    assert text(items) == numbered(1, 40)
    for line in (1, 24, 25, 26, 27, 40):
        location = reader.locate(store, writer.claim.run_id, line)
        first = next(i for i in read_all(store, writer.claim.run_id, line) if isinstance(i, Entry) and i.n)
        assert location.line == first.from_line <= line < first.next_line


def test_a_rollback_inside_the_retained_tail_leaves_no_trace(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 30)
    before = snapshot(store)
    write_lines(writer, 31, 80)
    epoch = writer.epoch
    roll_back(store, before)
    write_lines(writer, 81, 90)
    finish(writer)
    items = read_all(store, writer.claim.run_id)
    assert text(items) == numbered(1, 90)
    assert reader.head(store, writer.claim.run_id).epoch == epoch
    assert view_of(items, epoch).verdict.text == "complete: 90 lines, verified"  # type: ignore[union-attr]


@pytest.mark.parametrize("when", ["claim", "end", "cancel"])
def test_a_rollback_of_claim_end_or_cancel_is_asserted_again(store: Store, when: str) -> None:
    from runtail.runs.cancel import cancel
    from runtail.runs.start import start

    task = {"name": "tests.task", "queue": "celery"}
    published: list[Any] = []
    run, _ = start(store, lambda *message: published.append(message), task=task, kwargs={})
    before = snapshot(store)
    writer = open_run(store, run.id, headers=published[0][4])
    write_lines(writer, 1, 10)
    if when == "cancel":
        before = snapshot(store)
        cancel(store, run.id, who="ana")
        assert writer.flush().cancel is not None
    if when == "end":
        before = snapshot(store)
        finish(writer)
    roll_back(store, before)
    if when == "end":
        writer.reassert()
        writer.reassert()
    else:
        write_lines(writer, 11, 20)
        found = read_run(store, run.id)
        assert (found.state, found.number("attempt")) == (RunState.RUNNING, 1)
        assert (found.json("cancel") or {}).get("who") == ("ana" if when == "cancel" else None)
        finish(writer)
    found = read_run(store, run.id)
    assert found.state is RunState.SUCCEEDED
    assert store.client.smembers(store.keys.running()) == set()
    assert store.client.zcard(store.keys.queued()) == 0
    assert text(read_all(store, run.id)) == numbered(1, 10 if when == "end" else 20)


def test_history_lost_beyond_the_tail_raises_the_epoch_and_is_said(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, retained_bytes=200)
    writer = open_run(store)
    write_lines(writer, 1, 30)
    before = snapshot(store)
    write_lines(writer, 31, 200)
    epoch = writer.epoch
    roll_back(store, before)
    write_lines(writer, 201, 220)
    finish(writer)
    items = read_all(store, writer.claim.run_id)
    head = reader.head(store, writer.claim.run_id)
    assert head.epoch > epoch
    [lost] = [events.decode(i) for i in items if isinstance(i, Entry) and kinds([i]) == ["store-lost"]]
    assert lost["from"] == 31
    assert text(items) == numbered(1, 30) + numbered(lost["to"] + 1, 220)
    assert lost["bytes"] == len(numbered(31, lost["to"]))
    verdict = view_of(items, head.epoch).verdict
    assert verdict is not None
    assert verdict.verified
    assert f"lines 31-{lost['to']:,} were lost" in verdict.text
    store.client.close()


@pytest.mark.parametrize("lines", [20, 2000])
def test_an_emptied_store_gets_the_run_again_under_a_new_epoch(redis_url: str, key_prefix: str, lines: int) -> None:
    store = make_store(redis_url, key_prefix, retained_bytes=1000)
    writer = open_run(store)
    write_lines(writer, 1, lines)
    epoch = writer.epoch
    roll_back(store, {})
    write_lines(writer, lines + 1, lines + 10)
    finish(writer)
    run = read_run(store, writer.claim.run_id)
    assert (run.state, run.text("task")) == (RunState.SUCCEEDED, "tests.task")
    items = read_all(store, writer.claim.run_id)
    assert text(items).endswith(numbered(lines + 1, lines + 10))
    assert run.number("epoch") > epoch
    verdict = view_of(items, run.number("epoch")).verdict
    assert verdict is not None
    assert verdict.verified
    assert verdict.lines == lines + 10
    store.client.close()


def test_a_reader_ahead_of_the_store_raises_the_epoch_once_and_the_writer_follows(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 30)
    before = snapshot(store)
    write_lines(writer, 31, 60)
    ahead = Cursor(writer.epoch, writer.last, writer.line, writer.chain)
    assert reader.raise_epoch(store, writer.claim.run_id, ahead) == writer.epoch
    roll_back(store, before)
    raised = reader.raise_epoch(store, writer.claim.run_id, ahead)
    assert raised > writer.epoch == ahead.epoch
    assert reader.raise_epoch(store, writer.claim.run_id, ahead) == raised
    write_lines(writer, 61, 70)
    assert writer.epoch == raised
    assert text(read_all(store, writer.claim.run_id)) == numbered(1, 70)


def test_the_live_line_and_counters_stand_in_the_record(store: Store) -> None:
    writer = open_run(store)
    live: dict[str, Any] = {"rev": 1, "line": 1, "text": "50 %", "progress": None}
    writer.flush(live=live, counters={"masked": 2, "consumed": 40})
    head = reader.head(store, writer.claim.run_id)
    assert head.live == live
    run = read_run(store, writer.claim.run_id)
    assert (run.number("masked"), run.number("consumed")) == (2, 40)
    finish(writer)
    assert reader.head(store, writer.claim.run_id).live is None
    end = events.decode(read_all(store, writer.claim.run_id)[-1])  # type: ignore[arg-type]
    assert end["masked"] == 2
