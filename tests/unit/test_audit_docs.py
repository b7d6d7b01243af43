"""docs/audit.md against the code: every event, every member, and the figures."""

from __future__ import annotations

import json
import re
from pathlib import Path

from runtail.auth.audit_entry import EVENTS, MARK, MAX_BYTES, MAX_CHARS, Entry
from runtail.auth.audit_stream import MOST_ENTRIES, MOST_WAITING
from runtail.auth.repeats import MOST_KEYS, QUIET_SECONDS
from runtail.settings import load_settings

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", TEXT, re.MULTILINE))


def test_every_event_has_a_row() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", SECTIONS["Events"], re.MULTILINE))
    assert set(rows) == set(EVENTS)
    words = {60.0: "a minute", 3600.0: "an hour", 86400.0: "a day"}
    for event, seconds in QUIET_SECONDS.items():
        assert (words[seconds] in rows[event]) or event == "audit-read"


def test_every_member_is_described_and_shown() -> None:
    line = re.search(r"```json\n(.+)\n```", SECTIONS["A line"])
    assert line
    shown = json.loads(line[1])
    written = {"log": "audit", **Entry(0, "login", "ok").fields()}
    assert list(shown) == list(written)
    assert line[1].encode().startswith(MARK)
    described = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", SECTIONS["A line"], re.MULTILINE)
    assert re.findall(r"`([a-z_]+)`", " ".join(described)) == list(written)


def test_figures() -> None:
    assert f"`RUNTAIL_AUDIT_DAYS` ({load_settings({}).audit_days:.0f})" in TEXT
    for words in (
        f"the newest {MOST_ENTRIES:,} entries",
        f"{MOST_WAITING:,} of them wait in memory",
        f"After {MOST_KEYS:,} different\ndenials",
        f"{MAX_CHARS}\n  characters or {MAX_BYTES} bytes",
        f"`{MARK.decode()}`",
    ):
        assert words in TEXT, words
