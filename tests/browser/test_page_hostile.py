"""Whatever a task prints is text: nothing of it becomes an element, runs, opens or leads anywhere.

Each place shows benign texts first; the elements and attributes that these need are all that hostile ones may have.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import expect

from runtail.protocol import EVENT, OUTPUT, RunState
from runtail.protocol import event as events
from runtail.words import clean
from runtail_web.plain import plain_text
from tests.browser.conftest import Complaints
from tests.browser.watched import SECONDS, Watched, batches, made, no_more_than, noted
from tests.support.hostile import CORPUS, NAMES, Hostile
from tests.support.relay import Producer, now_ms
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

#: What a row shows of a line, in UTF-16 units.
SHOWN_CHARACTERS = 4_096


def cut(text: str) -> str:
    """What is drawn of a text."""
    return text.encode("utf-16-le")[: 2 * SHOWN_CHARACTERS].decode("utf-16-le")


def differing(found: list[Any], wanted: list[Any]) -> list[Any]:
    """The first lines that are not as they should be."""
    return [pair for pair in itertools.zip_longest(found, wanted) if pair[0] != pair[1]][:5]


def test_the_corpus_is_large() -> None:
    assert len({one.text for one in CORPUS}) == len(CORPUS) >= 500
    assert len(NAMES) >= 400


def test_hostile_output_is_shown_as_text(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        producer = Producer(watched.site.store)
        for some in batches(texts, 20):
            producer.writer.add(OUTPUT, b"".join(one.text.encode() + b"\n" for one in some), now_ms())
            producer.writer.flush()
        producer.end()
        page = watched.open_run(producer.run_id)
        expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
        wanted = [[number, cut(one.seen)] for number, one in enumerate(texts, 1)]
        wait_for(lambda: watched.walk()["lines"] == wanted, 60, lambda: differing(watched.walk()["lines"], wanted))
        # Found, it is marked, and stays text.
        page.keyboard.press("/")
        page.get_by_label("Find in the log").fill("l")
        expect(page.locator(".found")).to_contain_text("searched all lines", timeout=SECONDS)
        wait_for(lambda: watched.walk()["lines"] == wanted, 60, lambda: differing(watched.walk()["lines"], wanted))
        # Shown whole.
        more = page.locator(".row .more")
        while more.count() > 0:
            shown = more.count()
            more.first.click()
            expect(more).not_to_have_count(shown)
        watched.look()

    no_more_than(watched, show, CORPUS)


def test_split_sequences_and_broken_bytes(watched: Watched) -> None:
    producer = Producer(watched.site.store)
    link = b"\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07<img src=x onerror=alert(1)>"
    # As pieces of one line that was too long, broken wherever it may be; and each in the middle of a character.
    pieces = [(link[:at], link[at:]) for at in range(1, len(link))]
    producer.writer.add(OUTPUT, b"".join(piece + b"\n" for pair in pieces for piece in pair), now_ms())
    producer.writer.add(
        OUTPUT, b"\xff<script>\xc3\n\xf0\x9f<svg onload=alert(1)>\n\xed\xa0\xbd\n\xc0\xbcb\xc0\xbe\n", now_ms()
    )
    producer.writer.flush()
    producer.end()
    page = watched.open_run(producer.run_id)
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    wait_for(lambda: len(watched.walk()["lines"]) == 2 * len(pieces) + 4, 20)
    found = watched.walk()
    assert dict(found["lines"])[2 * len(pieces) + 1] == "\ufffd<script>\ufffd"
    assert not {"img", "svg onload", "script src"} & set(found["kinds"]) - {"script src"}
    assert page.locator(".row .text svg").count() == 0
    assert page.locator(".log [href^=javascript]").count() == 0


#: Every kind of event that carries somebody's words, and in which member.
SAID = (
    (events.WARNING, "text"), (events.ERROR, "text"), (events.GROUP, "title"), (events.RETRY, "reason"),
    (events.CANCEL_REQUESTED, "why"), (events.CANCEL_REQUESTED, "who"), (events.CANCEL, "who"),
    (events.INTERRUPTED, "reason"), (events.START, "why"), (events.START, "worker"), (events.STORE_LOST, "reason"),
)  # fmt: skip


def test_events(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        producer = Producer(watched.site.store)
        producer.write(3)
        for number, one in enumerate(texts):
            # Every text as a warning and as one of the others; the few benign ones as all of them.
            others = SAID if len(texts) < len(SAID) else (SAID[number % len(SAID)],)
            for kind, member in ((events.WARNING, "text"), *others):
                told: dict[str, Any] = {"from": 1, "to": 1, "retries": 1, "max": 3, member: one.text}
                producer.writer.add(EVENT, events.encode(kind, **told), now_ms())
            producer.writer.flush()
            producer.write(1)
        # More lines than fit on the screen, so that a reader at the end is in this group.
        producer.writer.add(EVENT, events.encode(events.GROUP, title="The last group"), now_ms())
        producer.writer.flush()
        producer.write(100)
        producer.writer.end(RunState.FAILED, texts[-1].text, t_ms=now_ms(), exit_status=1)
        page = watched.open_run(producer.run_id)
        expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
        page.locator(".log").press("End")
        expect(page.locator("[aria-label=Sections] [aria-current]")).to_contain_text("The last group", timeout=SECONDS)
        # Words of an event are read as a line is.
        wanted = {f"Warning: {plain_text(one.text)}" for one in texts}
        wait_for(
            lambda: wanted <= set(watched.walk()["notes"]),
            30,
            lambda: sorted(wanted - set(watched.walk()["notes"]))[:5],
        )

    no_more_than(watched, show, CORPUS)


def test_the_live_line(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        producer = Producer(watched.site.store)
        producer.write(1)
        page = watched.open_run(producer.run_id)
        expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
        for number, some in enumerate(batches(texts, 10)):
            text = f"{number} " + "".join(f"{one.text}\x1b[0m\x1b]8;;\x07 " for one in some if "\r" not in one.text)
            progress = {"value": 0.5, "text": f"{number} " + " ".join(one.text for one in some)[:4_000]}
            producer.writer.flush(live={"rev": number + 1, "line": 2, "text": text, "progress": progress})
            row = page.locator(".row.live")
            expect(row.locator("progress")).to_have_attribute("aria-label", re.compile(f"^{number} "), timeout=SECONDS)
            assert noted(str(progress["text"])) in (row.text_content() or "")
            watched.look()
        producer.end()

    no_more_than(watched, show, CORPUS)


def test_the_plain_text_view(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        producer = made(watched, dict.fromkeys(("task", "why"), " · ".join(one.text[:200] for one in texts)), {})
        for one in texts:
            producer.writer.add(EVENT, events.encode(events.WARNING, text=one.text), now_ms())
            producer.writer.add(OUTPUT, one.text.encode() + b"\n", now_ms())
        producer.writer.flush()
        page = watched.open(f"/runs/{producer.run_id}/text")
        assert page.locator("pre span").all_text_contents() == [one.seen for one in texts]
        notes = [one for one in page.locator("pre em").all_text_contents() if "Warning" in one]
        assert notes == [f"── Warning: {clean(one.text)}" for one in texts]
        watched.look()
        watched.kinds.add("script")
        producer.end()

    no_more_than(watched, show, CORPUS)


def test_what_is_looked_for(watched: Watched, complaints: Complaints) -> None:
    complaints.expect("400")
    producer = Producer(watched.site.store)
    texts = [one.text for one in NAMES if 1 < len(one.text) < 200][::4]
    producer.writer.add(OUTPUT, b"".join(text.encode() + b"\n" for text in texts), now_ms())
    producer.writer.flush()
    producer.end()
    page = watched.open_run(producer.run_id)
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    page.keyboard.press("/")
    field = page.get_by_label("Find in the log")
    field.fill("a")
    expect(page.locator(".found")).to_contain_text("searched all lines", timeout=SECONDS)
    # Also what is not on the screen yet: some of them are links to the web.
    watched.walk()
    allowed = watched.taken()
    for regex in (False, True):
        page.get_by_label(".*").set_checked(regex)
        for text in texts:
            field.fill(text)
            field.press("Enter")
            expect(page.locator(".found")).not_to_have_text("", timeout=SECONDS)
        watched.look()
    assert watched.taken() - allowed == set()
