"""Runs line by line, by the beginnings of their ids, and in a browser: what is pure of it."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from runtail.cli.failure import Failure, Refused
from runtail.cli.lines import Lines
from runtail.cli.naming import newest, page_url, whole_id
from runtail.cli.open import has_browser
from runtail.cli.several import Named, prefixes
from runtail.cli.sink import Outcome
from runtail.cli.terminal import one_line
from runtail.cli.web import Web
from runtail.protocol import EVENT, GENESIS, OUTPUT, Entry, EntryId
from runtail.protocol import event as events


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def lines_of(output: io.BytesIO, rows: io.StringIO, **options: Any) -> Lines:
    return Lines(output, rows, threading.RLock(), **{"colour": True, **options})


def take(lines: Lines, *payloads: bytes, first: int = 1) -> None:
    """Give it output, and the end of the run."""
    line = 1
    for payload in payloads:
        lines.take(Entry.make(EntryId(1, 1), OUTPUT, line, 0, payload, GENESIS), {}, first)
        line += payload.count(b"\n")
    lines.verdict(Outcome(verified=True, text="complete", end=None, from_line=1, lines=line), 0)
    lines.close()


def test_a_pipe_gets_the_bytes_of_whole_lines() -> None:
    out, rows = io.BytesIO(), io.StringIO()
    take(lines_of(out, rows, prefix="a │ ", prefix_style="36"), b"\x1b[31mo", b"ne\xff\r\ntwo\n\nth", b"ree")
    assert out.getvalue() == b"".join(
        b"a \xe2\x94\x82 " + line for line in (b"\x1b[31mone\xff\r\n", b"two\n", b"\n", b"three\n")
    )
    assert rows.getvalue() == "a │ ── complete\n"


def test_a_pipe_of_one_run_gets_an_unfinished_line_as_it_is() -> None:
    out, rows = io.BytesIO(), io.StringIO()
    take(lines_of(out, rows, wanted=re.compile("e$")), b"one\ntwo\nthree\nfiv", b"e")
    assert out.getvalue() == b"one\nthree\nfive"
    assert rows.getvalue() == "── 1 of 4 lines left out by --grep\n── complete\n"


def test_colours_do_not_count_for_a_pattern_and_earlier_lines_are_not_looked_at() -> None:
    out, rows = io.BytesIO(), io.StringIO()
    take(
        lines_of(out, rows, wanted=re.compile("^error: [0-9]+$")), b"error: 0\n\x1b[31merror\x1b[0m: 1\r\nok\n", first=2
    )
    assert out.getvalue() == b"\x1b[31merror\x1b[0m: 1\r\n"
    assert rows.getvalue().startswith("── 1 of 2 lines left out")


def test_a_terminal_gets_the_prefix_in_its_colour_and_nothing_that_leaves_the_line() -> None:
    out, rows = Terminal(), io.StringIO()
    take(lines_of(out, rows, prefix="a ", prefix_style="36"), b"10 %\r99 %\r\n\x1b[2K\x1b[31mred\x1b[2A\x1b]0;x\x07\n")
    assert out.getvalue() == b"\x1b[36ma \x1b[0m99 %\n\x1b[36ma \x1b[0m\x1b[31mred\x1b[0m\n"
    assert one_line(b"\x1b[31mred", colour=False) == "red"


def test_events_are_rows() -> None:
    out, rows = io.BytesIO(), io.StringIO()
    lines = lines_of(out, rows, prefix="a ")
    payload = events.encode("group", title="Tests\x1b]0;x\x07")
    lines.take(Entry.make(EntryId(1, 2), EVENT, 1, 0, payload, GENESIS), {}, 1)
    lines.live({"text": "half", "line": 1})
    assert (out.getvalue(), rows.getvalue()) == (b"", "a ── ▸ Tests\n")


def test_prefixes_tell_runs_apart_and_are_equally_wide() -> None:
    runs = [
        Named("nightly-2026-01", "etl.load"),
        Named("nightly-2026-02", "etl.load"),
        Named("x", "日本" * 20),
        Named("y"),
    ]
    shown = prefixes(runs)
    assert shown[0].startswith("etl.load nightly-2026-01 ")
    assert shown[1].startswith("etl.load nightly-2026-02 ")
    assert shown[3].startswith("y ")
    assert len(set(shown)) == 4
    from rich.cells import cell_len

    assert len({cell_len(prefix) for prefix in shown}) == 1


class Service:
    """Answers as the API does: the list in pages of two, and runs by their whole ids."""

    def __init__(self, ids: Sequence[str], who: Sequence[str] = ()) -> None:
        self.runs: list[dict[str, Any]] = [
            {"id": run_id, "state": "running", "task": "t", "created_ms": 0, "who": who[at] if who else "ann"}
            for at, run_id in enumerate(ids)
        ]

    def get(self, path: str, **query: Any) -> Mapping[str, Any]:
        if path == "/session":
            return {"name": "ann"}
        if path != "/runs":
            if path.removeprefix("/runs/").replace("~", "%7E") not in [
                run["id"].replace("~", "%7E") for run in self.runs
            ]:
                raise Refused(404, {"title": "There is no such run", "code": "unknown-run"})
            return {}
        begin = int(query["cursor"] or 0)
        page = self.runs[begin : begin + 2]
        wanted = [
            run for run in page if run["id"].startswith(query.get("id", "")) and query.get("who", "") in run["who"]
        ]
        return {"runs": wanted, "next": str(begin + 2) if begin + 2 < len(self.runs) else None}


def found(named: str, *ids: str) -> str:
    return whole_id(cast(Web, Service(ids)), named)


def test_a_beginning_names_the_newest_execution_and_a_number_an_earlier_one() -> None:
    ids = ("other", "sync-42", "sync-42~2", "sync-42~1", "else-1")
    assert found("sync", *ids) == "sync-42"
    assert found("sync~1", *ids) == "sync-42~1"
    assert found("sync-42~2", *ids) == "sync-42~2"
    # A whole id means its own run, whatever else begins so.
    assert found("sync-42", "sync-421", *ids) == "sync-42"
    # The newest was deleted.
    assert found("gone", "gone-1~3") == "gone-1~3"
    # A short id is found as well, if it is whole.
    assert found("x1", "x1", "x12345") == "x1"


def test_what_names_no_run_or_several_is_refused() -> None:
    with pytest.raises(Failure, match=r"The ids of 2 runs begin with 'sync'\."):
        found("sync", "sync-1", "a", "b", "sync-2")
    with pytest.raises(Failure, match=r"There is no such run\. No id begins with 'none'"):
        found("none", "sync-1")
    with pytest.raises(Refused):
        found("syn", "sync-1")
    # As many characters as Celery's own ids have are a whole one: nobody is asked.
    whole = "c" * 36
    assert found(whole) == whole


def test_the_newest_of_mine_is_not_that_of_somebody_with_a_longer_name() -> None:
    web = cast(Web, Service(["a", "b", "c"], ["annabel", "bob", "ann"]))
    assert newest(web, None) == "c"
    with pytest.raises(Failure, match=r"There is no run that you \(ann\) started"):
        newest(cast(Web, Service(["a"], ["bob"])), None)


def test_the_address_of_a_page() -> None:
    assert page_url("https://example.org/base", "a b?#~1") == "https://example.org/base/runs/a%20b%3F%23~1"


@pytest.mark.parametrize(
    ("platform", "environ", "there"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("linux", {"DISPLAY": ":10", "SSH_CONNECTION": "1"}, False),
        ("linux", {"BROWSER": "code --open", "SSH_CONNECTION": "1"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "1"}, False),
        ("win32", {}, True),
    ],
)
def test_where_a_browser_is(platform: str, environ: dict[str, str], there: bool) -> None:
    assert has_browser(platform, environ) == there
