"""Cuts and jumps seen by readers: every way in which one was once misled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from runtail.log import reader
from runtail.log.writer import LogWriter
from runtail.protocol import Cursor, Cut, Entry, View
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, roll_back, snapshot, write_lines


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    """A store under the test's prefix, with a small quota and little retained."""
    made = make_store(redis_url, key_prefix, quota_bytes=6000, head_bytes=1500, retained_bytes=100)
    yield made
    made.client.close()


def begin(store: Store, run_id: str) -> tuple[Cursor, View]:
    """A subscriber at the beginning."""
    cursor, view = Cursor(reader.head(store, run_id).epoch), View()
    view.begin(cursor.epoch, 1, bytes(32))
    return cursor, view


def follow(store: Store, run_id: str, cursor: Cursor, view: View, *, most: int = 1000) -> None:
    """Show a subscriber what there is, at most so many reads."""
    for _ in range(most):
        _, items = reader.read(store, cursor, run_id, count=4)
        if not items:
            return
        view.feed([item.wire() for item in items], epoch=cursor.epoch)


def test_a_reader_that_saw_a_part_of_what_was_cut_later_raises_no_alarm(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 400)
    cursor, view = begin(store, writer.claim.run_id)
    follow(store, writer.claim.run_id, cursor, view)
    write_lines(writer, 401, 1500)
    follow(store, writer.claim.run_id, cursor, view)
    write_lines(writer, 1501, 3000)
    finish(writer)
    follow(store, writer.claim.run_id, cursor, view)
    verdict = view.verdict
    assert verdict is not None
    assert verdict.verified, verdict.text
    assert len(view.cuts) == 3


def test_a_new_shipper_knows_what_was_cut_before_it(store: Store) -> None:
    write_lines(open_run(store, "r"), 1, 1000)
    successor = open_run(store, "r")
    finish(successor)
    items = list(reader.entries(store, "r"))
    end = events.decode(items[-1])  # type: ignore[arg-type]
    assert end["cut"] == read_run(store, "r").cut is not None


def test_an_end_behind_lost_history_repeats_the_cut(store: Store) -> None:
    writer = open_run(store, "r")
    write_lines(writer, 1, 1000)
    before = snapshot(store)
    write_lines(writer, 1001, 1100)
    roll_back(store, before)
    finish(writer)
    items = list(reader.entries(store, "r"))
    end = events.decode(items[-1])  # type: ignore[arg-type]
    assert end["cut"] == read_run(store, "r").cut is not None


def test_a_cut_that_takes_a_store_lost_event_counts_what_it_spoke_of(store: Store) -> None:
    writer = open_run(store, "r")
    write_lines(writer, 1, 200)
    before = snapshot(store)
    write_lines(writer, 201, 300)
    roll_back(store, before)
    write_lines(writer, 301, 2000)
    finish(writer)
    cursor, view = begin(store, "r")
    follow(store, "r", cursor, view)
    assert view.verdict is not None
    assert view.verdict.verified, view.verdict.text
    [cut] = view.cuts
    whole = sum(len(f"line {number}\n") for number in range(cut.from_line, cut.to_line + 1))
    assert cut.size_bytes == whole


def test_lost_lines_at_the_edge_of_a_cut_are_part_of_it(store: Store) -> None:
    writer = open_run(store, "r")
    while not read_run(store, "r").text("head_last"):
        write_lines(writer, writer.line, writer.line)
    first_lost = writer.line
    before = snapshot(store)
    write_lines(writer, first_lost, first_lost + 40)
    roll_back(store, before)
    write_lines(writer, writer.line, 1500)
    cut = read_run(store, "r").cut
    assert cut is not None
    assert cut["from"] == first_lost


def test_a_position_inside_a_cut_is_resumed_where_it_stands(store: Store) -> None:
    writer = open_run(store, "r")
    positions = []
    for number in range(1, 160):
        write_lines(writer, number, number)
        positions.append((writer.line, writer.chain))
        if number % 10 == 0:
            writer.add("e", events.encode(events.WARNING, text="careful"), 1)
            writer.flush()
            positions.append((writer.line, writer.chain))
    assert read_run(store, "r").cut is not None
    for line, chain in positions:
        found = reader.locate(store, "r", line, chain)
        assert found.matched
        assert (found.line, found.chain) == (line, chain), "a view refuses another position than its own"
        cursor, view = found.cursor, View()
        view.begin(cursor.epoch, line, chain)
        follow(store, "r", cursor, view)
        assert (cursor.line, cursor.chain) == (writer.line, writer.chain)


def test_a_position_behind_lost_history_is_resumed(store: Store) -> None:
    writer = open_run(store, "r")
    write_lines(writer, 1, 10)
    before = snapshot(store)
    write_lines(writer, 11, 50)
    writer.retained.clear()
    roll_back(store, before)
    writer.flush()
    after_loss = (writer.line, writer.chain)
    writer.add("e", events.encode(events.WARNING, text="careful"), 1)
    writer.flush()
    after_event = (writer.line, writer.chain)
    write_lines(writer, 51, 60)
    for line, chain in (after_loss, after_event):
        found = reader.locate(store, "r", line, chain)
        assert found.matched
        assert (found.line, found.chain) == (line, chain)


def test_what_was_read_before_a_jump_is_not_dropped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = open_run(store, "r")
    write_lines(writer, 1, 1000)
    pull, calls = reader.pull, 0

    def head_is_older(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        (head, entries), *rest = pull(*args, **more)
        # The quota cut between the two reads of one round trip.
        return [(replace(head, cut=None), entries) if calls == 1 and head else (head, entries), *rest]

    monkeypatch.setattr(reader, "pull", head_is_older)
    cursor = Cursor(writer.epoch)
    _, items = reader.read(store, cursor, "r", count=64)
    assert isinstance(items[0], Entry)
    assert items[0].from_line == 1
    assert any(isinstance(item, Cut) for item in items)


def test_a_store_lost_event_never_turns_line_numbers_back(store: Store) -> None:
    claimed = claim(store, Delivery("r", "t", "w"), owner="o", token="t")
    assert isinstance(claimed, Claimed)
    writer = LogWriter(store, claimed.claim)
    [entry] = write_lines(writer, 1, 10)
    cursor = Cursor(writer.epoch)
    cursor.advance([entry])
    payload = events.encode(events.STORE_LOST, **{"from": 11, "to": 4, "bytes": 0, "reason": "x"})
    wrong = Entry.make(entry.id._replace(seq=2), "e", 5, 1, payload, entry.chain)
    with pytest.raises(Exception, match="line 11"):
        cursor.advance([wrong])
