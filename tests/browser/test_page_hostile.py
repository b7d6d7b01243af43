"""Whatever a task prints or is called, it is text: nothing of it becomes an element, runs, opens or leads anywhere.

Each place shows benign texts first; the elements and attributes that these need are all that hostile ones may have.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from runtail.protocol import EVENT, OUTPUT, RunState
from runtail.protocol import event as events
from runtail.words import clean
from tests.browser.conftest import Complaints, Site
from tests.browser.hostile import CORPUS, NAMES, Hostile, seen_as_name
from tests.support.relay import Producer, now_ms
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

SECONDS = 20_000
#: What a row shows of a line, in UTF-16 units.
SHOWN_CHARACTERS = 4_096

BENIGN = [
    Hostile(text, seen)
    for text, seen in {
        "plain": "plain",
        "\x1b[1;2;3;4;7;9;31;44mall\x1b[0m": "all",
        "\x1b[8mconcealed\x1b[0m": "concealed",
        "\x1b]8;;https://ok.test/\x07link\x1b]8;;\x07": "link",
        "\x1b[32m\x1b]8;;https://ok.test/\x07coloured link\x1b]8;;\x07\x1b[0m": "coloured link",
        "see https://ok.test/ there": "see https://ok.test/ there",
        "l" * 5_000: "l" * 5_000,
    }.items()
]

#: The kinds of elements and attributes in the document, and what must not be there at all.
_CENSUS = """() => {
    const address = /^(href|src|action|formaction|data|xlink:href)$/;
    const ours = /^(https?:[/][/]|[/](?![/])|[?]|#)/;
    const kinds = new Set(), bad = [];
    for (const one of document.querySelectorAll("*")) {
        kinds.add(one.localName);
        for (const { name, value } of one.attributes) {
            kinds.add(`${one.localName} ${name}`);
            if (name.startsWith("on") || (address.test(name) && !ours.test(value)))
                bad.push(`${one.localName} ${name}=${value}`);
        }
    }
    if ("owned" in window) bad.push("a script ran");
    return { kinds: [...kinds], bad };
}"""

#: Through the whole log, a screen at a time.
_WALK = """async () => {
    const log = document.querySelector(".log");
    if (log.clientHeight < 300) throw new Error(`the log has ${log.clientHeight} px`);
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const lines = new Map(), notes = new Set(), kinds = new Set();
    for (let top = 0; ; top += log.clientHeight) {
        log.scrollTop = top;
        await drawn();
        for (const row of log.querySelectorAll(".row:not(.pinned):not(.hole)")) {
            const text = row.querySelector(".text").textContent;
            if (row.classList.contains("line")) lines.set(Number(row.querySelector(".number").textContent), text);
            else notes.add(text);
        }
        for (const one of document.querySelectorAll("*"))
            for (const name of ["", ...one.getAttributeNames()]) kinds.add(`${one.localName} ${name}`.trim());
        if (top >= log.scrollHeight - log.clientHeight) break;
    }
    return { lines: [...lines].sort(([a], [b]) => a - b), notes: [...notes], kinds: [...kinds] };
}"""


class Watched:
    """A page that notices what a text has brought about."""

    def __init__(self, context: BrowserContext, complaints: Complaints, site: Site) -> None:
        self.site = site
        self.page = context.new_page()
        self.happened: list[str] = []
        self.kinds: set[str] = set()
        self._ours = (site.web.url, site.relay.url, site.relay.url.replace("http", "ws"), "about:blank")
        complaints.watch(self.page)
        context.on("page", lambda page: self.happened.append(f"window {page.url}"))
        self.page.on("dialog", self._dialog)
        self.page.on("download", lambda download: self.happened.append(f"download {download.url}"))
        self.page.on("request", lambda request: self._address("request", request.url))
        self.page.on("frameattached", lambda frame: self.happened.append(f"frame {frame.url}"))

    def _dialog(self, dialog: Any) -> None:
        self.happened.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _address(self, what: str, address: str) -> None:
        if not address.startswith(self._ours):
            self.happened.append(f"{what} {address}")

    def open(self, path: str) -> Page:
        """Open one of our pages."""
        self.page.goto(self.site.web.url + path)
        return self.page

    def open_run(self, run_id: str) -> Page:
        """Open a run's page and wait until all of it is drawn: its parts come by different ways, in any order."""
        self.open(f"/runs/{run_id}")
        for part in (".about .facts time", ".log .row", "canvas.strip[width]"):
            expect(self.page.locator(part).first).to_be_attached(timeout=SECONDS)
        return self.page

    def look(self) -> None:
        """Note which elements and attributes there are now."""
        found = self.page.evaluate(_CENSUS)
        assert found["bad"] == []
        self.kinds |= set(found["kinds"])

    def walk(self) -> dict[str, Any]:
        """Go through a log and note what is in it."""
        found: dict[str, Any] = self.page.evaluate(_WALK)
        self.kinds |= set(found["kinds"])
        self.look()
        return found

    def taken(self) -> set[str]:
        """What was noted, and nothing happened meanwhile."""
        assert self.happened == []
        kinds, self.kinds = self.kinds, set()
        return kinds


@pytest.fixture
def watched(context: BrowserContext, complaints: Complaints, site: Site) -> Iterator[Watched]:
    """A page on the site; the policy is on."""
    made = Watched(context, complaints, site)
    yield made
    assert made.happened == []


def no_more_than(watched: Watched, show: Callable[[Sequence[Hostile]], None], texts: Sequence[Hostile]) -> None:
    """Show benign texts, then these; both need the same kinds of elements and attributes."""
    show(BENIGN)
    allowed = watched.taken()
    assert "script" in allowed, "the census saw the page"
    show(texts)
    assert watched.taken() - allowed == set()


def cut(text: str) -> str:
    """What is drawn of a text."""
    return text.encode("utf-16-le")[: 2 * SHOWN_CHARACTERS].decode("utf-16-le")


def batches(texts: Sequence[Hostile], size: int) -> Iterator[list[Hostile]]:
    """Some at a time."""
    items = iter(texts)
    while some := list(itertools.islice(items, size)):
        yield some


def test_the_corpus_is_large() -> None:
    assert len({one.text for one in CORPUS}) == len(CORPUS) >= 200


def test_output(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        producer = Producer(watched.site.store)
        for some in batches(texts, 20):
            producer.writer.add(OUTPUT, b"".join(one.text.encode() + b"\n" for one in some), now_ms())
            producer.writer.flush()
        producer.end()
        page = watched.open_run(producer.run_id)
        expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
        wanted = [[number, cut(one.seen)] for number, one in enumerate(texts, 1)]
        wait_for(lambda: watched.walk()["lines"] == wanted, 20, lambda: differing(watched.walk()["lines"], wanted))
        # Found, it is marked, and stays text.
        page.keyboard.press("/")
        page.get_by_label("Find in the log").fill("l")
        expect(page.locator(".found")).to_contain_text("searched all lines", timeout=SECONDS)
        wait_for(lambda: watched.walk()["lines"] == wanted, 20, lambda: differing(watched.walk()["lines"], wanted))
        # Shown whole.
        more = page.locator(".more")
        while more.count() > 0:
            shown = more.count()
            more.first.click()
            expect(more).not_to_have_count(shown)
        watched.look()

    no_more_than(watched, show, CORPUS)


def differing(found: list[Any], wanted: list[Any]) -> list[Any]:
    """The first lines that are not as they should be."""
    return [pair for pair in itertools.zip_longest(found, wanted) if pair[0] != pair[1]][:5]


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
    assert not {"img", "svg", "script src"} & set(found["kinds"]) - {"script src"}
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
            # Every text as a warning and as one of the others.
            for kind, member in ((events.WARNING, "text"), SAID[number % len(SAID)]):
                told: dict[str, Any] = {"from": 1, "to": 1, "retries": 1, "max": 3, member: one.text}
                producer.writer.add(EVENT, events.encode(kind, **told), now_ms())
            producer.writer.flush()
            producer.write(1)
        producer.writer.end(RunState.FAILED, texts[-1].text, t_ms=now_ms(), exit_status=1)
        page = watched.open_run(producer.run_id)
        expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
        wanted = {f"Warning: {noted(one.text)}" for one in texts}
        wait_for(
            lambda: wanted <= set(watched.walk()["notes"]),
            30,
            lambda: sorted(wanted - set(watched.walk()["notes"]))[:5],
        )

    no_more_than(watched, show, CORPUS)


def noted(text: str) -> str:
    """How an event's words are shown: as a name's, and a tab or a line's end is no whitespace of the page."""
    return seen_as_name(text).replace("\n", "\u240a")


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


def made(watched: Watched, fields: dict[str, str], kwargs: dict[str, Any]) -> Producer:
    """A run with these words in its record."""
    producer = Producer(watched.site.store)
    values: dict[Any, Any] = {**fields, "kwargs": orjson.dumps(kwargs)}
    watched.site.store.client.hset(watched.site.store.keys.run(producer.run_id), mapping=values)
    return producer


def test_the_list_and_its_older_pages(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        for producer, one in [
            (made(watched, {"task": one.text, "who": one.text, "why": one.text}, {}), one) for one in texts
        ]:
            producer.writer.end(RunState.FAILED, one.text, t_ms=now_ms(), exit_status=1)
        page = watched.open("/")
        count = len(texts)
        expect(page.locator(".runs tbody tr")).not_to_have_count(0, timeout=SECONDS)
        while page.locator(".runs tbody tr").count() < count:
            before = page.locator(".runs tbody tr").count()
            page.get_by_role("button", name="Older runs").click()
            expect(page.locator(".runs tbody tr")).not_to_have_count(before, timeout=SECONDS)
        for place in (".task", ".why", ".who"):
            shown = page.locator(f".runs tbody {place}").all_text_contents()
            assert {seen_as_name(one.text) for one in texts} <= set(shown)
        watched.look()

    no_more_than(watched, show, NAMES)


def test_parameters_and_the_rest_of_the_header(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        words = " · ".join(one.text[:200] for one in texts)
        fields = dict.fromkeys(("task", "who", "why", "worker", "queue", "retry_of"), words)
        producer = made(watched, fields, {one.text: one.text for one in texts})
        producer.write(1)
        page = watched.open_run(producer.run_id)
        expect(page.locator(".about .task")).to_have_text(seen_as_name(words), timeout=SECONDS, use_inner_text=False)
        page.locator(".parameters summary").click()
        for place in (".parameters dt", ".parameters dd"):
            assert sorted(page.locator(place).all_text_contents()) == sorted(seen_as_name(one.text) for one in texts)
        assert page.locator(".about .why").text_content() == seen_as_name(words)
        assert seen_as_name(words) in page.locator(".about .facts").text_content()  # type: ignore[operator]
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        watched.look()
        producer.end()

    no_more_than(watched, show, NAMES)


def test_the_form_and_the_fleet(watched: Watched) -> None:
    store = watched.site.store

    def publish(name: str, words: str, properties: dict[str, Any]) -> None:
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        task = {
            "name": name,
            "doc": words,
            "schema": schema,
            "queue": words[:500],
            "serializer": "json",
            "exclusive": False,
        }
        store.client.hset(store.keys.tasks(), name, orjson.dumps({**task, "restart": False, "max_attempts": 1}))

    def show(texts: Sequence[Hostile]) -> None:
        store.client.delete(store.keys.tasks(), store.keys.runs(), store.keys.queued())
        words = "\n".join(one.text for one in texts)
        properties: dict[str, Any] = {}
        for one in texts:
            types: list[dict[str, Any]] = [
                {"type": "string"},
                {"enum": [one.text, f"{one.text} 2"]},
                {"type": "array", "items": {"enum": [one.text]}},
            ]
            kind = types[len(properties) % 3]
            default = [one.text] if kind.get("type") == "array" else one.text
            properties[one.text] = {**kind, "title": one.text, "description": one.text, "default": default}
        publish(" a first", words, properties)
        for one in texts:
            publish(one.text, one.text, {})
        worker = {"name": words[:1000], "queues": [one.text for one in texts], "concurrency": 1, "pool": words[:100]}
        store.client.set(store.keys.worker("w"), orjson.dumps(worker), ex=3600)
        store.client.zadd(store.keys.workers(), {"w": now_ms()})
        page = watched.open("/")
        expect(page.locator(".connection")).to_contain_text("Connected")
        expect(page.locator("main")).to_contain_text("No runs yet")
        page.get_by_text("Start any task").click(timeout=SECONDS)
        page.get_by_label("Task", exact=True).select_option(" a first")
        expect(page.locator(".field")).to_have_count(len(texts) + 1)
        assert page.locator(".form .doc").text_content() == seen_as_name(words)
        helps = page.locator("form .field .about-field small").all_text_contents()
        assert sorted(text.strip() for text in helps) == sorted(seen_as_name(one.text) for one in texts)
        values = page.locator("form .field input[type=text]").evaluate_all("(all) => all.map((one) => one.value)")
        assert sorted(values) == sorted(one.text for one in texts[::3])
        page.locator(".fleet summary").click()
        watched.look()
        # Started with everything as it stands, it arrives as it stands.
        page.locator("button.primary[type=submit]").click()
        page.wait_for_url(re.compile("/runs/.+"))
        run_id = page.url.rpartition("/")[2]
        kwargs = orjson.loads(store.client.hget(store.keys.run(run_id), "kwargs") or b"")
        assert kwargs == {name: rule["default"] for name, rule in properties.items()}

    # What a line of a field cannot hold, and what a request cannot, is left out.
    no_more_than(watched, show, [one for one in NAMES if one.text.strip() == one.text and len(one.text) < 1_000])


def test_problems(watched: Watched, complaints: Complaints) -> None:
    complaints.expect("400")
    complaints.expect("404")
    answers: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        route.fulfill(status=400, content_type="application/problem+json", body=orjson.dumps(answers[-1]))

    def show(texts: Sequence[Hostile]) -> None:
        watched.page.route(re.compile("/api/v1/runs($|[?])"), answer)
        for number, some in enumerate(batches(texts, 10)):
            words = f"{number}: " + " · ".join(one.text for one in some)
            errors = [{"field": one.text, "message": one.text} for one in some]
            answers.append(
                {"title": words, "detail": f"detail {words}", "code": words, "errors": errors, "run_page": some[0].text}
            )
            if number == 0:
                watched.open("/")
                expect(watched.page.locator("main")).to_contain_text("No task is published", timeout=SECONDS)
                expect(watched.page.locator(".connection")).to_contain_text("Connected")
            else:
                watched.page.get_by_role("button", name="Try again").click()
            problem = watched.page.locator(".problem")
            expect(problem).to_contain_text(f"detail {number}: ", timeout=SECONDS)
            assert seen_as_name(words) in (problem.text_content() or "")
            watched.look()
        watched.page.unroute(re.compile("/api/v1/runs($|[?])"))
        # The server's own, about a run that has such a name.
        for one in (one for one in texts[::12] if "/" not in one.text and 0 < len(one.text) < 500):
            watched.open(f"/runs/{quote(one.text, safe='')}")
            expect(watched.page.locator("h1.unseen + .problem")).to_be_visible(timeout=SECONDS)
            expect(watched.page.locator("canvas.strip[width]")).to_be_attached(timeout=SECONDS)
            expect(watched.page.locator(".connection")).not_to_contain_text("onnect")
            watched.look()

    no_more_than(watched, show, NAMES)


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
    watched.look()
    allowed = watched.taken()
    for regex in (False, True):
        page.get_by_label(".*").set_checked(regex)
        for text in texts:
            field.fill(text)
            field.press("Enter")
            expect(page.locator(".found")).not_to_have_text("", timeout=SECONDS)
        watched.look()
    assert watched.taken() - allowed == set()
