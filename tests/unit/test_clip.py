"""A range cut out of a log: its lines to the byte, and of what is outside nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import orjson
from hypothesis import given
from hypothesis import strategies as st

from runtail.protocol import EVENT, GENESIS, OUTPUT, Clip, Cut, Entry, EntryId, link
from runtail.protocol import event as events
from runtail_socket.delivery.frames import Chunk, Shape, after

LINE = st.binary(max_size=6).map(lambda text: text.replace(b"\n", b"\r"))
#: By entry: its lines, whether the last one has its end, and whether an event comes before the entry.
LOGS = st.lists(st.tuples(st.lists(LINE, min_size=1, max_size=5), st.booleans(), st.booleans()), max_size=6)
CLIPS = st.tuples(st.integers(1, 30), st.none() | st.integers(0, 12)).map(
    lambda drawn: Clip(drawn[0], None if drawn[1] is None else drawn[0] + drawn[1])
)


def log(drawn: Iterable[tuple[list[bytes], bool, bool]]) -> tuple[list[Entry], dict[int, bytes]]:
    """Return entries, and the bytes of each line with its end."""
    entries: list[Entry] = []
    lines: dict[int, bytes] = {}
    line, chain, seq = 1, GENESIS, itertools.count(1)

    def add(type_: str, payload: bytes, *, continues: bool = False) -> None:
        nonlocal line, chain
        entry_type = EVENT if type_ == EVENT else OUTPUT
        entry = Entry.make(EntryId(1, next(seq)), entry_type, line, 9, payload, chain, continues=continues)
        line, chain = entry.next_line, entry.chain
        entries.append(entry)

    for texts, ended, with_event in drawn:
        if with_event:
            add(EVENT, events.encode(events.START, worker="hidden", attempt=1))
        parts = [text + b"\n" for text in texts]
        if not ended and texts[-1]:
            parts[-1] = texts[-1]
        for number, part in enumerate(parts, line):
            lines[number] = part
        add(OUTPUT, b"".join(parts), continues=not ended)
    return entries, lines


@given(LOGS, CLIPS)
def test_what_is_left_are_the_lines_of_the_range_and_no_other_byte(
    drawn: list[tuple[list[bytes], bool, bool]], clip: Clip
) -> None:
    entries, lines = log(drawn)
    left = [item for item in clip.items(entries) if isinstance(item, Entry)]
    wanted = {number: text for number, text in lines.items() if number in clip}
    assert b"".join(entry.payload for entry in left) == b"".join(wanted.values())
    assert [number for entry in left for number in range(entry.from_line, entry.next_line)] == list(wanted)
    for entry in left:
        assert entry.type == OUTPUT
        assert entry.payload == b"".join(lines[number] for number in range(entry.from_line, entry.next_line))
        assert "chain" not in entry.wire()
        # A line does not go on outside.
        assert not entry.continues or entry.next_line in clip


@given(LOGS, CLIPS, CLIPS)
def test_a_part_of_a_part_is_in_both(drawn: list[tuple[list[bytes], bool, bool]], one: Clip, other: Clip) -> None:
    entries, lines = log(drawn)
    twice = other.items(one.items(entries))
    wanted = [text for number, text in lines.items() if number in one and number in other]
    assert b"".join(item.payload for item in twice if isinstance(item, Entry)) == b"".join(wanted)


@given(st.integers(1, 20), st.integers(0, 20), CLIPS)
def test_of_a_cut_only_the_lines_inside_are_told(first: int, more: int, clip: Clip) -> None:
    found = clip.item(Cut(first, first + more, 4711, 77, b"\xab" * 32, EntryId(1, 9)))
    wanted = [line for line in range(first, first + more + 1) if line in clip]
    if not wanted:
        assert found is None
        return
    assert isinstance(found, Cut)
    assert found.wire()["cut"] == {"from": wanted[0], "to": wanted[-1], "bytes": 0, "entries": 0, "last": "1-9"}


@given(LOGS, CLIPS)
def test_the_frame_of_a_part_has_the_part_and_the_frames_of_others_are_whole(
    drawn: list[tuple[list[bytes], bool, bool]], clip: Clip
) -> None:
    entries, _ = log(drawn)
    if not entries:
        return
    chunk = Chunk("r", list(entries), [orjson.dumps(one.wire()) for one in entries], after(7, entries[-1]))
    part, whole = chunk.frame(clip), chunk.frame(Shape.ENTRIES)
    assert whole is not None
    left = clip.items(entries)
    assert chunk.bytes_in(clip) == sum(len(item.payload) for item in left if isinstance(item, Entry))
    assert chunk.bytes_in(Shape.ENTRIES) == sum(len(entry.payload) for entry in entries)
    if not left:
        assert part is None
        return
    assert part is not None
    # The length in the header of a frame can be the byte of "[".
    _, data = orjson.loads(part[part.index(b'["') :])
    assert data == {"v": 1, "run": "r", "epoch": 7, "entries": [item.wire() for item in left]}
    _, data = orjson.loads(whole[whole.index(b'["') :])
    assert data["entries"] == [entry.wire() for entry in entries]


def test_digests_would_let_a_guest_try_out_hidden_lines() -> None:
    """Why a part has none at all: the digest of a shared entry proves a guess at what was not shared."""
    hidden = Entry.make(EntryId(1, 1), OUTPUT, 1, 9, b"the code is 4711\n", GENESIS)
    shared = Entry.make(EntryId(1, 2), OUTPUT, 2, 9, b"you may see this\n", hidden.chain)

    def fits(guess: int) -> bool:
        before = link(GENESIS, OUTPUT, b"the code is %04d\n" % guess)
        return link(before, OUTPUT, shared.payload) == shared.chain

    assert [guess for guess in range(10_000) if fits(guess)] == [4711]
    (part,) = Clip(2, 2).items([hidden, shared])
    assert part.chain == b""


def test_ranges() -> None:
    clip = Clip(5, 20)
    assert (4 in clip, 5 in clip, 20 in clip, 21 in clip) == (False, True, True, False)
    assert (clip.lines(12), clip.lines(50)) == (12, 20)
    assert clip.since(1) == clip
    assert clip.since(9) == Clip(9, 20)
    assert clip.from_end(3, 50) == Clip(18, 20)
    assert clip.from_end(3, 6) == Clip(5, 20)
    assert clip.from_end(100, 50) == clip
    assert Clip(5).from_end(3, 50) == Clip(48)
    assert (Clip(5).holds_live({"line": 5}), Clip(6).holds_live({"line": 5}), clip.holds_live({"line": 6})) == (
        True, False, False,
    )  # fmt: skip
