"""What the command line shows: output, rows, the live line, words, exit statuses, times."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from runtail.cli import exits
from runtail.cli.failure import describe
from runtail.cli.jsonlines import JsonLines
from runtail.cli.runs import row
from runtail.cli.screen import Screen, live_text, since
from runtail.cli.tasks import parameter_words
from runtail.cli.terminal import Terminal as TerminalFilter
from runtail.cli.terminal import wants_colour
from runtail.cli.times import span
from runtail.protocol import EVENT, GENESIS, OUTPUT, Entry, EntryId
from runtail.protocol import event as events
from runtail.words import clean, event_words


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


class Rows(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def output(payload: bytes, from_line: int = 1) -> Entry:
    return Entry.make(EntryId(1, 1), OUTPUT, from_line, 0, payload, GENESIS)


def event(kind: str, from_line: int = 1, **fields: Any) -> Entry:
    return Entry.make(EntryId(1, 2), EVENT, from_line, 0, events.encode(kind, **fields), GENESIS)


def test_a_pipe_gets_the_bytes_and_nothing_else() -> None:
    out, rows = io.BytesIO(), Rows(terminal=False)
    screen = Screen(out, rows, colour=False)
    screen.take(output(b"\x1b[31mred\x1b[0m\r\n\xff\x00"), {}, 1)
    screen.take(event("group", title="Tests\x1b]0;x\x07"), {}, 1)
    screen.live({"text": "unfinished", "line": 3})
    screen.note("connection lost")
    screen.close()
    assert out.getvalue() == b"\x1b[31mred\x1b[0m\r\n\xff\x00"
    assert rows.getvalue() == "── ▸ Tests\n── connection lost\n"


def test_a_terminal_gets_colours_dim_rows_and_the_live_line_in_place() -> None:
    out, rows = Terminal(), Rows(terminal=True)
    screen = Screen(out, rows, colour=True)
    screen.live({"text": "50 %", "line": 1})
    screen.live(None)
    screen.take(output(b"\x1b[31mred\x1b[0m"), {}, 1)
    screen.take(event("group", title="Tests"), {}, 1)
    screen.close()
    # Blanks over what stood there: not every terminal knows a sequence for that.
    assert out.getvalue() == b"\r50 %\r    \r\x1b[31mred\x1b[0m\x1b[0m"
    # The output had not ended its line.
    assert rows.getvalue() == "\n\x1b[2m── ▸ Tests\x1b[0m\n"


def test_no_color_takes_all_colours_from_a_terminal() -> None:
    out, rows = Terminal(), Rows(terminal=True)
    screen = Screen(out, rows, colour=False)
    screen.take(output(b"\x1b[1;31mred\x1b[0m\x1b[2K\n"), {}, 1)
    screen.row("row", "error")
    screen.close()
    assert (out.getvalue(), rows.getvalue()) == (b"red\x1b[2K\n", "── row\n")
    environments: list[dict[str, str]] = [{}, {"NO_COLOR": ""}, {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm"}]
    assert [wants_colour(environment) for environment in environments] == [True, True, False, False, True]


def test_the_live_line_leaves_nothing_behind_and_needs_no_sequence() -> None:
    out, rows = Terminal(), Rows(terminal=True)
    screen = Screen(out, rows, colour=False)
    screen.live({"text": "日本語", "line": 1})
    screen.live({"text": "half", "line": 1})
    screen.row("row")
    screen.close()
    assert out.getvalue().decode() == "\r日本語\rhalf  \r    \r"
    assert b"\x1b" not in out.getvalue()


HOSTILE = {
    "clipboard": "\x1b]52;c;aGk=\x07",
    "clipboard, other end": "\x1b]52;c;aGk=\x1b\\",
    "title": "\x1b]0;owned\x07",
    "device status": "\x1b[6n",
    "device attributes": "\x1b[c\x1b[>c\x1b[=0c\x1bZ",
    "settings": "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\",
    "colours asked": "\x1b]10;?\x07\x1b]4;0;?\x1b\\",
    "cursor": "\x1b[2A\x1b[1;1H\x1b7\x1b8\x1b[s\x1bM",
    "screen": "\x1b[2J\x1b[3J\x1b[?1049h\x1b[r\x1bc",
    "keys": "\x1b[?1h\x1b[>4;2m\x1b[?2004h\x1b[?1000h\x1b=",
    "hidden link": "\x1b]8;;file:///etc/passwd\x07\x1b]8;;javascript:alert(1)\x1b\\",
    "link with more in it": "\x1b]8;;http://a\u0085b\x07",
    "c1": "\x9b6n\x9d0;t\x9c\x90q\x9c",
    "other strings": "\x1b_G\x1b\\\x1b^x\x07\x1bXy\x1b\\",
    "controls": "\x00\x05\x07\x08\x0b\x0c\x0e\x0f\x7f",
    "charset": "\x1b(0\x1b)B\x1b%@\x1b#8",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("size", [1, 2, 5, 1_000])
def test_what_a_terminal_would_obey_does_not_get_there(name: str, size: int) -> None:
    data = f"a{HOSTILE[name]}é\n".encode()
    for colour in (True, False):
        filtered = TerminalFilter(colour=colour)
        shown = b"".join(filtered.feed(data[at : at + size]) for at in range(0, len(data), size)).decode()
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", shown)
        # Strings go with what they hold, but for those that only the eighth bit begins.
        assert shown == "aé\n" or name in ("c1", "link with more in it")


def test_colours_links_to_the_web_and_erasing_stay() -> None:
    data = "\x1b[1;38:5:9mred\x1b[m 50%\r\x1b[K\t\x1b]8;id=1;https://example.com/?a=b\x1b\\link\x1b]8;;\x07\n"
    assert TerminalFilter(colour=True).feed(data.encode()) == data.encode()
    assert TerminalFilter(colour=False).feed(data.encode()) == b"red 50%\r\x1b[K\tlink\n"
    assert TerminalFilter(colour=True).feed(b"\xff\xe9t\xc3") == "\ufffd\ufffdt".encode()
    # What began and does not end is held for a while only.
    endless = TerminalFilter(colour=True)
    assert endless.feed(b"\x1b]52;c;" + b"A" * 5_000) == b"]52;c;" + b"A" * 5_000


def test_raw_lets_everything_through() -> None:
    out, rows = Terminal(), Rows(terminal=True)
    screen = Screen(out, rows, colour=True, raw=True)
    data = "".join(HOSTILE.values()).encode() + b"\xff\n"
    screen.take(output(data), {}, 1)
    screen.flush()
    assert out.getvalue() == data


def test_json_has_nothing_that_a_terminal_obeys() -> None:
    out = io.BytesIO()
    text = "".join(HOSTILE.values())
    JsonLines(out).write({"text": text})
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", out.getvalue())
    assert json.loads(out.getvalue()) == {"text": text}


@pytest.mark.parametrize(
    ("payload", "from_line", "first", "shown"),
    [
        (b"a\nb\nc\n", 1, 1, b"a\nb\nc\n"),
        (b"a\nb\nc\n", 1, 3, b"c\n"),
        (b"a\nb\nc\n", 1, 4, b""),
        (b"a\nb\nc", 5, 7, b"c"),
        (b"a\r\n\n\xff", 5, 6, b"\n\xff"),
        (b"a\n", 5, 1, b"a\n"),
        (b"a\n", 5, 9, b""),
    ],
)
def test_lines_that_were_not_asked_for_are_left_out(payload: bytes, from_line: int, first: int, shown: bytes) -> None:
    assert since(output(payload, from_line), first) == shown


def test_json_has_whole_items_from_the_line_on() -> None:
    out = io.BytesIO()
    sink = JsonLines(out)
    for item in (output(b"a\nb\n"), event("group", 3, title="x"), output(b"c\n", 3)):
        sink.take(item, item.wire(), 3)
    sink.note("connection lost")
    sink.close()
    kinds = [next(iter(json.loads(line))) for line in out.getvalue().splitlines()]
    assert kinds == ["id", "id", "note"]


def test_the_live_line_fits_and_obeys_nothing() -> None:
    assert live_text({"text": "old\rnew \x1b[31mred\x1b[0m\x07"}, 80) == "new red"
    assert live_text({"text": "x" * 100}, 10) == "x" * 10
    assert live_text({"text": "日本語日本語"}, 5) == "日本"
    bar = live_text({"text": "", "progress": {"value": 0.5, "text": "half"}}, 80)
    assert bar == "[##########----------]  50% half"
    assert live_text({"text": ""}, 80) == ""


def test_text_of_others_cannot_move_the_cursor_or_turn_the_line() -> None:
    assert clean("a\x1b[2Jb\x1b]8;;http://x\x07c\u202ed\r\ne\x9b1mf") == "abcd e1mf"


def test_unknown_events_are_shown() -> None:
    assert event_words({"kind": "novel\x1b[2J"}) == ("note", "novel")
    assert event_words({"kind": "redrawn", "from": 7, "to": 7})[1] == "Line 7 was redrawn; what it shows now follows"
    assert event_words({"kind": "redrawn", "from": 7, "to": 1009})[1].startswith("Lines 7-1,009 were redrawn")
    assert event_words({"kind": "end", "state": "failed", "why": "exit 3"}) == ("error", "Failed: exit 3")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"kind": "replaced", "task": "etl.\x1b[2Jload"}, ("note", "Replaced by etl.load")),
        (
            {"kind": "overlap", "count": 1},
            ("warning", "Another task with this id was executed at the same time and not recorded"),
        ),
        (
            {"kind": "overlap", "count": 3},
            ("warning", "3 other tasks with this id were executed at the same time and not recorded"),
        ),
    ],
)
def test_events_of_ids_that_come_twice_have_words(event: dict[str, Any], words: tuple[str, str]) -> None:
    assert event_words(event) == words


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ({"state": "succeeded", "exit_status": None, "signal": None}, 0),
        ({"state": "failed", "exit_status": None, "signal": None}, 1),
        ({"state": "failed", "exit_status": 0, "signal": None}, 1),
        ({"state": "failed", "exit_status": 3, "signal": None}, 3),
        ({"state": "failed", "exit_status": None, "signal": 9}, 137),
        ({"state": "cancelled", "exit_status": None, "signal": 15}, exits.CANCELLED),
        ({"state": "lost"}, exits.LOST),
    ],
)
def test_the_exit_status_is_the_tasks_own(end: dict[str, Any], status: int) -> None:
    assert exits.of_end(end) == status


def test_problems_say_what_to_do() -> None:
    wrong = {"code": "invalid", "title": "Some values are wrong", "errors": [{"field": "lines", "message": "is not 5"}]}
    assert describe(wrong) == "Some values are wrong:\n  lines: is not 5"
    held = describe({"code": "exclusive", "title": "Task is already running", "task": "t", "run": "r-1"})
    assert held.startswith("Task is already running: t runs once")
    assert "runtail follow r-1" in held
    assert describe({"title": "Not available right now", "detail": "Try again in 2 s."}) == (
        "Not available right now. Try again in 2 s."
    )


def test_times_are_short_for_people_and_exact_for_programs() -> None:
    assert [span(s) for s in (0.09, 0.1, 9.94, 59, 61, 3_720, 90_000)] == [
        "<0.1s",
        "0.1s",
        "9.9s",
        "59s",
        "1m1s",
        "1h2m",
        "1d1h",
    ]
    run = {"id": "r", "state": "failed", "task": "t", "created_ms": 0, "first_started_ms": 1_000, "finished_ms": 2_500,
           "who": None, "exit_status": None, "signal": 9}  # fmt: skip
    assert row(run, 5_000, plain=False) == ["r", "failed", "t", "5.0s", "1.5s", "", "signal 9", ""]
    assert row(run, 5_000, plain=True)[3:5] == ["1970-01-01T00:00:00.000+00:00", "1.500"]


def test_parameters_are_shown_with_their_defaults() -> None:
    schema = {"properties": {"a": {}, "b": {"default": 1}, "c": {"default": "x"}, "d": {}}, "required": ["a"]}
    assert parameter_words(schema) == ["a*", "b=1", "c=x", "d"]


VECTORS = json.loads((Path(__file__).parents[1] / "support/bounds_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("rule", "words"), VECTORS["rules"])
def test_parameters_are_shown_with_their_bounds(rule: dict[str, Any], words: str) -> None:
    shown = f"x=8 ({words})" if words else "x=8"
    nullable = {"anyOf": [rule, {"type": "null"}], "default": 8}
    assert parameter_words({"properties": {"x": rule | {"default": 8}}}) == [shown]
    assert parameter_words({"properties": {"x": nullable}}) == [shown]
    assert parameter_words({"properties": {"x": {"anyOf": [rule, rule]}}}) == ["x"]


@pytest.mark.parametrize(
    "rule", [{"minLength": "a"}, {"anyOf": "a"}, {"anyOf": [1]}, {"items": {"minimum": None}}, {"maximum": [1]}]
)
def test_bounds_that_are_none_are_not_shown(rule: dict[str, Any]) -> None:
    assert parameter_words({"properties": {"x": rule}}) == ["x"]
