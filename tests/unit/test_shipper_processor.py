"""Raw bytes to entries, and going on from a saved state."""

import base64
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtail.worker.inband import sequence
from runtail.worker.shipper.output.processor import Event, Output, Processor

NONCE = "0123456789abcdef"
SECRET = b"hunter2-s3cret"
EARLIER = sequence(NONCE, {"op": "earlier-run", "run": "r", "key": "a", "to": 12, "data": "b3RoZXIgMQpvdGhlciAyCg=="})
PIECE = st.sampled_from(
    [
        b"line\n",
        b"half",
        b"\r",
        b"\n",
        b"50%\r60%",
        b"\x1b[31m",
        b"\b\b",
        b"\x1b[2D",
        SECRET,
        SECRET[:7],
        b"\xff\x00\xed\xa0\x80\n",
        b"x" * 30,
        b"::group::T " + SECRET + b"\n",
        sequence(NONCE, {"op": "group", "title": "s3 hunter2-s3cret"}),
        sequence(NONCE, {"op": "warning", "text": "w" * 99 + " hunter2", "cut": True}),
        sequence(NONCE, {"op": "progress", "value": 0.5, "text": "t"}),
        sequence(NONCE, {"op": "label", "key": "note", "value": "s3 hunter2-s3cret"}),
        sequence(NONCE, {"op": "label", "key": "no key", "value": "v"}),
        sequence(NONCE, {"op": "own-line"}),
        EARLIER,
        sequence(NONCE, {"op": "earlier-run", "run": "r", "key": "b", "to": 4, "data": "aHVudGVyMi1zM2NyZXQK"}),
    ]
)
DATA = st.lists(PIECE, max_size=12).map(b"".join)


def new() -> Processor:
    return Processor(NONCE, [SECRET], max_line_bytes=20, max_markers=3)


def told(items: list[Output | Event]) -> tuple[bytes, list[Any]]:
    """The output, and the events between it (those inside a line come when it ends)."""
    output = b"".join(i.chunk.payload for i in items if isinstance(i, Output))
    events: list[Any] = []
    for item in items:
        if isinstance(item, Event):
            events.append(item.fields)
        else:
            events += [event for _, event in item.events]
    return output, events


# Behind a line that was cut, what an earlier run left is whole at once with the line after it.
@example(b"half" + b"x" * 30 + EARLIER + b"line\nline\n", [1])
@given(DATA, st.lists(st.integers(1, 50), min_size=1))
def test_a_successor_goes_on_exactly_where_the_state_was_saved(data: bytes, sizes: list[int]) -> None:
    """Every block is fed to a new processor that got nothing but the saved state."""
    whole = new()
    expected = told(whole.feed(data) + whole.finish())
    items: list[Output | Event] = []
    state: bytes | None = None
    at = turn = 0
    while at < len(data):
        processor = new()
        if state is not None:
            processor.restore(state)
        assert processor.consumed == at
        size = sizes[turn % len(sizes)]
        items += processor.feed(data[at : at + size])
        state = processor.save()
        at, turn = at + size, turn + 1
    last = new()
    if state is not None:
        last.restore(state)
    items += last.finish()
    assert told(items) == expected
    assert last.counters() == whole.counters()
    assert SECRET not in expected[0]
    assert SECRET.decode() not in str(expected[1])


def test_a_gap_is_told_where_it_is_and_hides_halves_of_secrets() -> None:
    processor = new()
    items = processor.feed(b"one\nhalf hunter2")
    processor.skip(b"-s3cret lost\nlost\n")
    processor.skip(b"more\n")
    items += processor.feed(b"after hunter2-s3cret\n")
    output, events = told(items)
    assert output == b"one\nhalf after ***\n"
    # The seven held bytes of a possible secret went with what was dropped.
    assert events == [{"kind": "overflow", "bytes": 30, "lines": 3}]


def test_a_gap_at_the_end_is_told_too() -> None:
    processor = new()
    processor.skip(b"lost\n")
    assert told(processor.finish())[1] == [{"kind": "overflow", "bytes": 5, "lines": 1}]


def test_a_saved_gap_is_still_told() -> None:
    processor = new()
    processor.feed(b"begin ")
    processor.skip(b"lost\n")
    other = new()
    other.restore(processor.save())
    assert told(other.feed(b"x\n")) == (b"begin x\n", [{"kind": "overflow", "bytes": 5, "lines": 1}])


def test_marker_lines_know_their_line() -> None:
    items = Processor(NONCE).feed(b"a\n::group::T\nb\n::endgroup::\n")
    assert isinstance(items[0], Output)
    assert items[0].events == ((1, {"kind": "group", "title": "T"}), (3, {"kind": "endgroup"}))


def test_markers_above_the_limit_are_counted() -> None:
    processor = new()
    processor.feed(b"::group::T\n" * 5)
    assert {"kind": "markers-capped", "count": 2} in told(processor.finish())[1]


@pytest.mark.parametrize("kept", range(1, len(SECRET)))
def test_a_text_is_masked_before_it_is_cut_and_half_a_secret_at_its_end_is_left_out(kept: int) -> None:
    processor = new()
    # So much of the secret was left by whoever cut the title; masking the rest would make room for it.
    title = "x" * 30 + SECRET.decode() * 90 + SECRET.decode()[:kept]
    [event] = told(processor.feed(sequence(NONCE, {"op": "group", "title": title, "cut": True})))[1]
    assert event == {"kind": "group", "title": "x" * 30 + "***" * 90}


def test_the_live_line_is_masked() -> None:
    processor = new()
    processor.feed(b"login hunter2-s3cret at hunt")
    assert processor.live(4096) == ["login *** at "]
    # So little of what may be a secret is shown that a bar keeps its sign for per cent.
    processor.feed(b"\n 50 %")
    assert processor.live(4096) == [" 50 %"]
    processor.feed(b"68")
    assert processor.live(4096) == [" 50 "]
    # Also where the line is drawn.
    processor.feed(b"\n 10\r 50 %")
    assert processor.live(4096) == [" 50 %"]


def test_random_splits_of_a_long_run_agree() -> None:
    random.seed(3)
    pool = [b"word ", b"\n", b"\r", SECRET, b"::group::g\n", b"x" * 50]
    data = b"".join(random.choices(pool, k=2000))
    one, many = new(), new()
    expected = told(one.feed(data) + one.finish())
    items: list[Output | Event] = []
    at = 0
    while at < len(data):
        size = random.randint(1, 500)
        items += many.feed(data[at : at + size])
        at += size
    assert told(items + many.finish()) == expected


def test_what_the_keeper_dropped_is_told_once() -> None:
    processor = new()
    processor.feed(b"before\n")
    processor.drop_outside(100)
    other = new()
    other.restore(processor.save())
    other.drop_outside(100)
    assert told(other.feed(b"x\n")) == (b"x\n", [{"kind": "overflow", "bytes": 100, "lines": 0}])
    assert other.overflow_bytes == 100


def test_bytes_that_cannot_be_read_any_more() -> None:
    processor = new()
    processor.feed(b"hunter2")
    processor.skip_lost(50)
    output, events = told(processor.feed(b"-s3cret after it\n"))
    assert output == b"-s3cret after it\n"
    assert events == [{"kind": "overflow", "bytes": 57, "lines": 0}]
    assert processor.consumed == 7 + 50 + 17


def earlier(data: bytes, to: int, key: str = "k1", run: str = "run-1") -> bytes:
    """Output of a process that another run left behind, as the reader puts it into this one's stream."""
    operation = {"op": "earlier-run", "run": run, "key": key, "to": to, "data": base64.b64encode(data).decode()}
    return sequence(NONCE, operation)


def test_whole_lines_of_an_earlier_run_stand_between_lines_and_are_told_once() -> None:
    processor = Processor(NONCE, [SECRET])
    data = b"own 1\now" + earlier(b"other 1\nother 2\n", 16) + b"n 2\n" + earlier(b"other 3\n", 24)
    output, events = told(processor.feed(data) + processor.finish())
    assert output == b"own 1\nother 1\nother 2\nown 2\nother 3\n"
    assert events == [{"kind": "earlier-run", "run": "run-1"}]


def test_each_earlier_execution_is_told_also_of_the_same_run() -> None:
    processor = new()
    data = earlier(b"a\n", 2) + earlier(b"b\n", 2, "k2") + earlier(b"c\n", 4, "k2") + earlier(b"d\n", 2, "k3", "run-2")
    output, events = told(processor.feed(data) + processor.finish())
    assert output == b"a\nb\nc\nd\n"
    assert [event["run"] for event in events] == ["run-1", "run-1", "run-2"]


def test_what_came_before_a_shipper_died_does_not_come_again() -> None:
    processor = new()
    data = earlier(b"a\n", 2) + earlier(b"a\n", 2) + earlier(b"b\n", 4) + earlier(b"a\nb\n", 4)
    assert told(processor.feed(data) + processor.finish())[0] == b"a\nb\n"


def test_it_waits_for_the_end_of_a_line_that_comes_in_pieces() -> None:
    processor = new()  # pieces of 20 bytes
    items = processor.feed(b"x" * 50 + earlier(b"other\n", 6) + b"y" * 5 + b"\nnext\n")
    chunks = [item.chunk for item in items if isinstance(item, Output)]
    assert [chunk.continues for chunk in chunks] == [True, True, False, False, False]
    assert told(items)[0] == b"x" * 50 + b"y" * 5 + b"\nother\nnext\n"
    ended = new()
    assert told(ended.feed(b"x" * 40 + earlier(b"other\n", 6)) + ended.finish())[0] == b"x" * 40 + b"other\n"


def test_it_is_masked_and_overwritten_like_a_run_of_its_own() -> None:
    processor = Processor(NONCE, [SECRET])
    held = SECRET[:5]
    output, events = told(
        processor.feed(held + earlier(b"10%\r" + SECRET + b"\n::error::x\n", 40) + b"\n") + processor.finish()
    )
    assert output == b"***\n::error::x\n" + held + b"\n"
    assert [event["kind"] for event in events] == ["earlier-run", "masked"]
    assert processor.counters()["rewritten_bytes"] == 4


def test_dropped_with_the_output_around_it_it_is_counted() -> None:
    processor = new()
    processor.skip(b"own\n" + earlier(b"other 1\nother 2\n", 16))
    output, events = told(processor.feed(earlier(b"other 2\n", 16) + earlier(b"other 3\n", 24)) + processor.finish())
    assert output == b"other 3\n"
    assert events[0] == {"kind": "overflow", "bytes": 4 + 16, "lines": 3}


ANYTHING: st.SearchStrategy[Any] = st.sampled_from([None, 0, -1, 10**30, "", "b3RoZXI=", "no base64", [], {}, 1.5])


@given(st.dictionaries(st.sampled_from(["run", "key", "to", "data"]), ANYTHING))
def test_a_sequence_that_a_task_made_up_does_no_harm(fields: dict[str, Any]) -> None:
    processor = new()
    output, _ = told(processor.feed(sequence(NONCE, {"op": "earlier-run", **fields}) + b"own\n") + processor.finish())
    assert output.endswith(b"own\n")


DRAWN = st.sampled_from(
    [b"one\n", b"two\n", b"\x1b[1A", b"\x1b[2A\r", b"\x1b[K", b"bar", b"\r", b"\n", b"\x1b[?25l", b"x" * 25]
)


@given(st.lists(DRAWN | st.just(b""), max_size=20), st.integers(1, 60))
def test_nothing_that_is_redrawn_takes_lines_of_an_earlier_run_with_it(pieces: list[bytes], size: int) -> None:
    """An empty piece stands for two lines from elsewhere."""
    processor, data = new(), b""
    foreign: list[bytes] = []
    for piece in pieces:
        if not piece:
            foreign += [b"other %d" % len(foreign), b"other %d" % (len(foreign) + 1)]
            piece = earlier(b"\n".join(foreign[-2:]) + b"\n", 8 * len(foreign))
        data += piece
    items: list[Output | Event] = []
    for at in range(0, len(data), size):
        items += processor.feed(data[at : at + size])
    shown: list[bytes] = []
    for item in items + processor.finish():
        if isinstance(item, Event):
            assert not any(line.startswith(b"other") for line in shown[len(shown) - item.lines_before :])
            continue
        # (Pieces of a long line are lines of their own here, as they are numbered.)
        shown += item.chunk.payload.removesuffix(b"\n").split(b"\n")
    assert [line for line in shown if line.startswith(b"other")] == foreign


def test_rows_that_are_drawn_again_stay_where_they_were_before_lines_of_an_earlier_run() -> None:
    processor = Processor(NONCE)
    data = b"one 10%\ntwo 10%\n\x1b[2Aone 20%\ntwo 20%\n" + earlier(b"other\n", 6) + b"\x1b[2Aone 30%\ntwo 30%\n"
    output, _ = told(processor.feed(data) + processor.finish())
    assert output.splitlines()[-3:] == [b"other", b"one 30%", b"two 30%"]


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (b"", b""),
        (b"line\n", b"line\n"),
        (b"line\r\n", b"line\r\n"),
        (b"half", b"half\n"),
        (b"half\r", b"half\r\n"),
        (SECRET[:6], SECRET[:6] + b"\n"),
        (b"x" * 95, b"x" * 95 + b"\n"),
        (b"x" * 60, b"x" * 60 + b"\n"),
        (b"\r 10%\r 20%", b" 20%\n"),
        (b"\x1b[31m", b"\x1b[31m"),
        (b"20%\r\x1b[K", b""),
        # Bars that are drawn again: below all of them.
        (b"outer 0%\ninner 0%\r\x1b[Aouter 1\r", b"outer 1%\ninner 0%\n"),
        (b"one\ntwo\nthree\n\x1b[3AONE", b"ONE\ntwo\nthree\n"),
        (b"one\ntwo\n\x1b[2AONE\n\n", b"ONE\ntwo\n"),
        (b"half \x1b[3", b"half \x1b[3\n"),
    ],
)
def test_a_line_of_its_own_begins_below_what_is_shown(before: bytes, shown: bytes) -> None:
    data = before + sequence(NONCE, {"op": "own-line"}) + b"Traceback\n"
    for size in (1, 7, len(data)):
        processor = Processor(NONCE, [SECRET], max_line_bytes=30)
        items = [item for at in range(0, len(data), size) for item in processor.feed(data[at : at + size])]
        items += processor.finish()
        output = b"".join(item.chunk.payload for item in items if isinstance(item, Output))
        # Rows that were stored before they were redrawn stand before them as well.
        assert output.endswith(shown + b"Traceback\n"), (size, output)
        assert output.count(b"Traceback") == 1, (size, output)
        if size == len(data):
            assert output == shown + b"Traceback\n"
