"""Denials and other entries that repeat: one a while, with a count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runtail.auth.audit_entry import Entry, Event
from runtail.auth.repeats import MOST_KEYS, MOST_OF_ONE, MOST_OF_UNKNOWN, Repeats

DENIED = Entry(0, "denied", "failed", who_id="user:ann", who="ann", address="10.0.0.1", run="r1", right="run:cancel")


def test_the_same_denial_is_one_entry_a_minute_with_a_count() -> None:
    repeats = Repeats()
    written = [] if repeats.holds_back(DENIED, 0.0) else [DENIED]
    for second in range(1, 600):
        # Ten a second, for ten minutes.
        for _ in range(10):
            if not repeats.holds_back(DENIED, float(second)):
                written.append(DENIED)
        written.extend(repeats.due(float(second)))
    assert len(written) == 10
    written += repeats.due(600.0, all_of_them=True)
    assert sum(entry.count for entry in written) == 1 + 599 * 10


def test_after_a_quiet_minute_it_is_written_at_once_again() -> None:
    repeats = Repeats()
    assert not repeats.holds_back(DENIED, 0.0)
    assert repeats.due(61.0) == []
    assert not repeats.holds_back(DENIED, 62.0)


def test_repetitions_are_told_when_their_minute_is_over_and_not_before() -> None:
    repeats = Repeats()
    assert not repeats.holds_back(DENIED, 0.0)
    assert repeats.holds_back(DENIED, 10.0)
    assert repeats.due(59.0) == []
    # Late: this one belongs to those that are due.
    assert repeats.holds_back(DENIED, 70.0)
    assert [entry.count for entry in repeats.due(71.0)] == [2]
    assert repeats.due(72.0) == []


def test_another_principal_right_or_run_is_another_denial() -> None:
    repeats = Repeats()
    changes: list[dict[str, Any]] = [
        {}, {"who_id": "user:bob"}, {"right": "run:delete"}, {"run": "r2"}, {"who_id": "", "address": "10.0.0.2"},
        {"who_id": "", "address": "10.0.0.3"},
    ]  # fmt: skip
    for change in changes:
        assert not repeats.holds_back(replace(DENIED, **change), 0.0)
    # The address of somebody who is known does not matter, nor does the path.
    assert repeats.holds_back(replace(DENIED, address="10.9.9.9", request="GET /"), 0.0)


def test_thousands_of_different_denials_of_one_client_are_counted_together() -> None:
    repeats = Repeats()
    written = [
        number for number in range(5 * MOST_KEYS) if not repeats.holds_back(replace(DENIED, run=str(number)), 0.0)
    ]
    assert len(written) == MOST_OF_ONE
    (together,) = repeats.due(60.0)
    assert (together.count, together.who_id, together.run) == (5 * MOST_KEYS - MOST_OF_ONE, "user:ann", "")
    assert str(MOST_OF_ONE) in together.why
    # As long as it goes on, the ones that are written are no more.
    assert not repeats.holds_back(replace(DENIED, run="new"), 61.0)


def test_nobody_hides_a_denial_of_somebody_behind_thousands_of_others() -> None:
    repeats = Repeats()
    unknown = replace(DENIED, who_id="", who="")
    for number in range(5 * MOST_KEYS):
        # From some networks, each with many addresses.
        one = replace(unknown, address=f"2001:db8:{number % 50:x}::{number:x}", run=f"r{number}")
        repeats.holds_back(one, 0.0)
        repeats.holds_back(replace(DENIED, who_id="user:mallory", who="mallory", run=f"r{number}"), 0.0)
    assert not repeats.holds_back(DENIED, 1.0)
    counts = {(entry.who_id, entry.address): entry.count for entry in repeats.due(60.0)}
    assert counts[("user:mallory", DENIED.address)] == 5 * MOST_KEYS - MOST_OF_ONE
    assert sum(counts.values()) == 10 * MOST_KEYS - MOST_OF_ONE - MOST_OF_UNKNOWN


def test_thousands_of_different_denials_are_counted_together() -> None:
    repeats = Repeats()
    written = [
        number
        for number in range(5 * MOST_KEYS)
        if not repeats.holds_back(replace(DENIED, who_id=f"user:{number}", run=str(number)), 0.0)
    ]
    assert len(written) == MOST_KEYS
    (together,) = repeats.due(60.0)
    assert (together.count, together.who_id, together.run) == (4 * MOST_KEYS, "", "")
    assert str(MOST_KEYS) in together.why
    assert not repeats.holds_back(replace(DENIED, run="new"), 61.0)


def test_a_read_is_written_once_an_hour() -> None:
    repeats, read = Repeats(), replace(DENIED, event="log-read", outcome="ok", right="log:read")
    assert not repeats.holds_back(read, 0.0)
    assert repeats.holds_back(read, 3599.0)
    assert not repeats.holds_back(read, 3600.0)
    assert not repeats.holds_back(replace(read, run="r2"), 3600.0)
    assert repeats.due(1e9) == []


def test_reads_of_many_runs_are_all_written_without_remembering_all() -> None:
    repeats, read = Repeats(), replace(DENIED, event="log-read", outcome="ok")
    assert not any(repeats.holds_back(replace(read, run=str(number)), 0.0) for number in range(5 * MOST_KEYS))
    # The first ones are forgotten.
    assert not repeats.holds_back(replace(read, run="0"), 0.0)
    assert repeats.holds_back(replace(read, run=str(5 * MOST_KEYS - 1)), 0.0)


@pytest.mark.parametrize("event", ["login", "session-ended"])
def test_what_anybody_can_make_fail_is_one_entry_a_minute_with_a_count(event: Event) -> None:
    repeats, failed = Repeats(), replace(DENIED, event=event, who_id="", who="", run="", right="", why="logout-token")
    assert [repeats.holds_back(failed, 0.1 * number) for number in range(100)] == [False] + [True] * 99
    assert [entry.count for entry in repeats.due(60.0)] == [99]
    # Another name, another reason, another address.
    changes: list[dict[str, Any]] = [{"who": "ann"}, {"why": "credentials"}, {"address": "10.0.0.2"}]
    for change in changes:
        assert not repeats.holds_back(replace(failed, **change), 0.0)


def test_thousands_of_failed_logins_of_one_network_are_counted_together() -> None:
    repeats, failed = Repeats(), replace(DENIED, event="login", who_id="", who="", run="", right="", why="provider")
    sent = [replace(failed, address=f"2001:db8::{number:x}") for number in range(5 * MOST_KEYS)]
    assert sum(not repeats.holds_back(one, 0.0) for one in sent) == MOST_OF_ONE
    assert not repeats.holds_back(replace(failed, address="10.0.0.2"), 0.0)


def test_who_has_a_share_link_cannot_write_an_entry_with_each_request() -> None:
    """By calling itself something else each time."""
    repeats = Repeats()
    opened = replace(DENIED, event="share-opened", outcome="ok", who_id="share:a", who="guest", right="")
    sent = [replace(opened, agent=str(number)) for number in range(5 * MOST_KEYS)]
    assert sum(not repeats.holds_back(one, 0.0) for one in sent) == MOST_OF_ONE
    # However many guests there are, each link's are written.
    for number in range(2 * MOST_KEYS):
        assert not repeats.holds_back(replace(opened, who_id=f"share:{number}"), 1.0)
    assert repeats.holds_back(replace(opened, who_id=f"share:{number}"), 2.0)


def test_other_events_never_repeat() -> None:
    repeats = Repeats()
    for event in ("run-start", "login", "session-ended"):
        assert not any(repeats.holds_back(replace(DENIED, event=event, outcome="ok"), 0.0) for _ in range(10))
