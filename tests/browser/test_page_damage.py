"""D9: what is damaged between store and browser is flagged on the screen, every time."""

from __future__ import annotations

import base64
import random
import re
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.browser.conftest import Complaints, Site
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

CASES = 100
#: Pages that are open at once: a page's load is mostly waiting.
TOGETHER = 5
#: Lines that were stored before the page looked; what comes later comes live.
BACKLOG = 5
FLUSHES = 6
LINES_PER_FLUSH = 3
LIVE_LINES = FLUSHES * LINES_PER_FLUSH
MESSAGE = '42/tail,["tail-message",'

Entry = dict[str, Any]
#: Changes the entry at an index of a list of entries.
Damage = Callable[[random.Random, list[Entry], int, int], None]


def payload(entry: Entry) -> bytes:
    """An entry's bytes."""
    return entry["text"].encode() if "text" in entry else base64.b64decode(entry["b64"])


def put(entry: Entry, data: bytes) -> None:
    """Replace an entry's bytes, as the relay would send them."""
    entry.pop("text", None)
    entry["b64"] = base64.b64encode(data).decode()


def flip_a_byte(seeded: random.Random, entries: list[Entry], at: int, _line: int) -> None:
    data = bytearray(payload(entries[at]))
    data[seeded.randrange(len(data))] ^= 1 << seeded.randrange(8)
    put(entries[at], bytes(data))


def drop_a_line(_seeded: random.Random, entries: list[Entry], at: int, line: int) -> None:
    lines = payload(entries[at]).splitlines(keepends=True)
    del lines[line - entries[at]["from"]]
    put(entries[at], b"".join(lines))
    entries[at]["n"] -= 1


def double_a_line(_seeded: random.Random, entries: list[Entry], at: int, line: int) -> None:
    lines = payload(entries[at]).splitlines(keepends=True)
    index = line - entries[at]["from"]
    put(entries[at], b"".join([*lines[: index + 1], *lines[index:]]))
    entries[at]["n"] += 1


def drop_an_entry(_seeded: random.Random, entries: list[Entry], at: int, _line: int) -> None:
    del entries[at]


def double_an_entry(_seeded: random.Random, entries: list[Entry], at: int, _line: int) -> None:
    entries.insert(at, entries[at])


#: The line whose entry is damaged, how, and by which random numbers.
Plan = tuple[int, Damage, random.Random]
DAMAGES: tuple[Damage, ...] = (flip_a_byte, drop_a_line, double_a_line, drop_an_entry, double_an_entry)


class Mangler:
    """Between relay and pages: damages the entry with one line of each run that it is told about."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.done: list[str] = []

    def route(self, page_side: WebSocketRoute) -> None:
        """Take over one connection."""
        relay_side = page_side.connect_to_server()
        relay_side.on_message(lambda message: page_side.send(self.pass_on(message)))

    def pass_on(self, message: str | bytes) -> str | bytes:
        """A message of the relay as the page gets it."""
        if not isinstance(message, str) or not message.startswith(MESSAGE):
            return message
        body = orjson.loads(message[len(MESSAGE) : -1])
        if body["run"] not in self.plans:
            return message
        line, damage, seeded = self.plans[body["run"]]
        for at, entry in enumerate(body["entries"]):
            if entry.get("n") and entry["from"] <= line < entry["from"] + entry["n"]:
                damage(seeded, body["entries"], at, line)
                del self.plans[body["run"]]
                self.done.append(body["run"])
                return MESSAGE + orjson.dumps(body).decode() + "]"
        return message


def verdicts(site: Site, pages: list[Page], mangler: Mangler, plans: list[Plan | None]) -> list[str]:
    """Show one run per page, all at once, write their lines live, return what the pages say (no plan: no damage)."""
    producers = []
    for page, plan in zip(pages, plans, strict=True):
        producer = Producer(site.store)
        producer.write(BACKLOG)
        if plan is not None:
            mangler.plans[producer.run_id] = plan
        page.goto(site.run_page(producer.run_id), wait_until="commit")
        producers.append(producer)

    for page in pages:
        expect(page.locator(".connection")).to_contain_text("Live", timeout=30_000)
    for _ in range(FLUSHES):
        for producer in producers:
            producer.write(LINES_PER_FLUSH)
    for producer in producers:
        producer.end()
    said = []
    for page in pages:
        verdict = page.locator(".verdict")
        expect(verdict).to_have_text(re.compile("verified|does not match"), timeout=20_000)
        said.append(verdict.inner_text())
    return said


@pytest.mark.timeout(600)
def test_every_damage_is_flagged_on_the_screen(site: Site, context: BrowserContext, complaints: Complaints) -> None:
    mangler = Mangler()
    context.route_web_socket(re.compile("/socket.io/"), mangler.route)
    pages = [context.new_page() for _ in range(TOGETHER)]
    for page in pages:
        complaints.watch(page)
    began = time.monotonic()
    plans: list[Plan | None] = [
        (
            random.Random(seed).randint(BACKLOG + 1, BACKLOG + LIVE_LINES),
            DAMAGES[seed % len(DAMAGES)],
            random.Random(seed),
        )
        for seed in range(CASES)
    ]
    said = []
    for first in range(0, CASES, TOGETHER):
        said += verdicts(site, pages, mangler, plans[first : first + TOGETHER])
    seconds = time.monotonic() - began
    flagged = sum("does not match" in one and "complete" not in one for one in said)
    print(f"\n{flagged} of {CASES} flagged in {seconds:.0f} s")
    assert len(mangler.done) == CASES
    assert flagged == CASES, [(seed, one) for seed, one in enumerate(said) if "does not match" not in one]
    # The same way without damage: no alarm.
    whole = verdicts(site, pages, mangler, [None] * TOGETHER)
    assert all(f"complete: {BACKLOG + LIVE_LINES} lines, verified" in one for one in whole), whole
