"""The page of a run: live, whole, verified, resumed; its text never becomes markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import RunState
from runtail.protocol import event as events
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import more, still
from tests.support.relay import Producer, now_ms
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

SECONDS = 20_000


#: Walks through the log a page at a time and back to its end: only rows on the screen are in the DOM.
_WALK = """async () => {
    const log = document.querySelector(".log");
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const lines = new Map();
    for (let top = 0; ; top += log.clientHeight) {
        log.scrollTop = top;
        await drawn();
        for (const row of log.querySelectorAll(".row.line:not(.pinned):not(.hole)"))
            lines.set(Number(row.querySelector(".number").textContent), row.querySelector(".text").textContent);
        if (top >= log.scrollHeight - log.clientHeight) break;
    }
    return [...lines].sort(([a], [b]) => a - b);
}"""


def shown(page: Page) -> list[tuple[int, str]]:
    """Return the lines of the log as somebody sees them who scrolls through it: number and text."""
    return [(number, text) for number, text in page.evaluate(_WALK)]


def expect_lines(page: Page, producer: Producer, first: int = 1) -> None:
    """Wait until the page shows all lines from *first* on, in order, once."""
    # A link to the page may just have been clicked.
    expect(page.locator(".log")).to_be_visible(timeout=SECONDS)
    expected = [(number, producer.line(number).decode()) for number in range(first, producer.count + 1)]
    wait_for(lambda: shown(page) == expected, 20, lambda: (shown(page)[-5:], expected[-5:]))


def test_a_run_is_shown_live_and_verified_at_its_end(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(20)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.locator("h1 .chip")).to_contain_text("running")
    producer.write(30)
    expect_lines(page, producer)
    producer.end()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 50 lines, verified$"), timeout=SECONDS)
    expect(page.locator("h1 .chip")).to_contain_text("succeeded", timeout=SECONDS)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.reload()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 50 lines, verified$"), timeout=SECONDS)
    expect_lines(page, producer)


def test_the_live_line_is_shown_and_replaced(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(1)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    live = {"rev": 1, "line": 2, "text": "42 %", "progress": {"value": 0.42, "text": "layers"}}
    producer.writer.flush(live=live)
    row = page.locator(".row.live")
    expect(row).to_contain_text("layers")
    expect(row).to_contain_text("42 %")
    producer.write(1)
    expect_lines(page, producer)
    # The text is stored now; the progress holds until the next one.
    expect(row).not_to_contain_text("42 %")
    expect(row).to_contain_text("layers")
    producer.end()
    expect(row).to_have_count(0)


def test_output_stays_text(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&lt;b&gt;"
    producer.writer.add("o", f"{evil}\n\x1b[31mred\x1b[0m\n".encode(), now_ms())
    producer.writer.add("e", events.encode(events.WARNING, text=evil), now_ms())
    producer.writer.flush()
    page = open_page(site.run_page(producer.run_id))
    wait_for(lambda: shown(page) == [(1, evil), (2, "red")], 20, lambda: shown(page))
    expect(page.locator(".row.event.warning")).to_have_text(re.compile(re.escape(f"Warning: {evil}")))
    assert page.locator(".log script, .log img").count() == 0
    assert page.title() != "owned"


def test_the_policy_stops_what_gets_in_all_the_same(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    for text in ("policy ", "Content Security Policy", "TrustedScript"):
        complaints.expect(text)
    page = open_page(site.web.url)
    page.evaluate(
        """() => {
            const image = document.createElement("img");
            image.src = "http://evil.test/pixel.png";
            document.body.append(image);
            const script = document.createElement("script");
            try { script.textContent = "document.title = 'owned'"; } catch { return; }
            document.body.append(script);
        }"""
    )

    def complained(*words: str) -> bool:
        # Asking the page lets what it has to say arrive.
        assert page.title() != "owned"
        return any(word in one for one in complaints.found for word in words)

    wait_for(lambda: complained("policy img-src http://evil.test"), 20, lambda: complaints.found)
    wait_for(lambda: complained("trusted-types", "script-src"), 20, lambda: complaints.found)


def test_events_and_cuts_are_rows_of_their_own(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(3)
    producer.mark("compile")
    producer.write(2)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    rows = page.locator(".rows .row").evaluate_all("(rows) => rows.map((row) => row.className)")
    kinds = ["event" if "event" in row else "line" for row in rows]
    assert kinds[-6:] == ["line", "line", "line", "event", "line", "line"]
    expect(page.locator(".row.event").last).to_contain_text("compile")


def test_it_resumes_where_it_was_after_the_relay_was_killed(
    site: Site, open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect("WebSocket connection to")
    complaints.expect("net::ERR_")
    producer = Producer(site.store)
    producer.write(50)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    site.relay.process.kill()
    chip = page.locator(".connection")
    expect(chip).to_contain_text("Connection lost", timeout=SECONDS)
    expect(chip).to_contain_text("The lines up to 50 are still here.")
    assert len(shown(page)) == 50
    producer.write(40)
    site.relay.restart()
    site.relay.wait_until_ready()
    expect(chip).to_contain_text("Live", timeout=SECONDS)
    expect_lines(page, producer)
    producer.write(10)
    producer.end()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 100 lines, verified$"), timeout=SECONDS)
    expect_lines(page, producer)


def test_without_websockets_it_reads_over_http(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("WebSocket connection to")
    complaints.expect("net::ERR_")
    site.relay.process.kill()
    producer = Producer(site.store)
    producer.write(30)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    expect(page.locator(".connection")).to_contain_text("Reading over HTTP")
    producer.write(30)
    expect_lines(page, producer)
    site.relay.restart()
    site.relay.wait_until_ready()
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    producer.write(30)
    producer.end()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 90 lines, verified$"), timeout=SECONDS)
    expect_lines(page, producer)


def test_a_long_log_opens_at_its_end_and_loads_what_is_looked_at(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    for _ in range(50):
        producer.write(100)
    producer.end()
    page = open_page(site.run_page(producer.run_id))
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("complete: 5,000 lines, verified from line 3,001", timeout=SECONDS)
    expect(page.locator("#L5000")).to_be_in_viewport()
    page.locator(".log").press("Home")
    expect(page.locator("#L1 .text")).to_have_text("line 1 of the log", timeout=SECONDS)
    page.get_by_role("button", name="Verify all").click()
    expect(verdict).to_have_text(re.compile("complete: 5,000 lines, verified$"), timeout=SECONDS)
    expect(page.get_by_role("button", name="Verify all")).to_have_count(0)


def test_scrolling_up_to_the_checked_part_checks_more(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    for _ in range(30):
        producer.write(100)
    producer.end()
    page = open_page(site.run_page(producer.run_id))
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("verified from line 1,001", timeout=SECONDS)
    page.goto(f"{page.url}#L990")
    expect(page.locator("#L990 .text")).to_have_text("line 990 of the log", timeout=SECONDS)
    expect(verdict).to_contain_text("verified from line 501", timeout=SECONDS)


def test_the_page_holds_a_bounded_number_of_rows(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(10)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    for _ in range(80):
        producer.write(100)
    producer.end()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 8,010 lines, verified$"), timeout=SECONDS)
    expect(page.locator("#L8010")).to_be_in_viewport(timeout=SECONDS)
    assert page.locator(".row").count() < 100


def test_the_text_stands_still_while_somebody_reads(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(300)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    page.locator(".log").hover()
    page.mouse.wheel(0, -2000)
    follow = page.locator("button.follow")
    expect(follow).to_be_visible()
    still(page)
    top = page.locator(".log").evaluate("(log) => log.scrollTop")
    producer.write(200)
    expect(follow).to_contain_text("200 new lines", timeout=SECONDS)
    assert page.locator(".log").evaluate("(log) => log.scrollTop") == top
    follow.click()
    expect(follow).to_have_count(0)
    expect(page.locator("#L500")).to_be_in_viewport()


def flip(site: Site, producer: Producer, seq: int, change: Callable[[bytes], bytes]) -> None:
    """Change the payload of a stored entry behind everybody's back."""
    client, key = site.store.client, site.store.keys.log(producer.run_id)
    entries: Any = client.xrange(key)
    client.delete(key)
    for id_, fields in entries:
        if id_ == f"1-{seq}".encode():
            fields[b"d"] = change(fields[b"d"])
        client.xadd(key, fields, id=id_)


def test_a_flipped_byte_is_noticed_and_never_repaired_in_silence(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(10)
    producer.write(10)
    producer.write(10)
    producer.end()
    flip(site, producer, 2, lambda payload: payload.replace(b"line 13 ", b"line 31 "))
    page = open_page(site.run_page(producer.run_id))
    verdict = page.locator(".verdict.bad")
    expect(verdict).to_contain_text("does not match its chain: entry 1-2, expected digest", timeout=SECONDS)
    # What came before it is shown, the changed entry and what follows is not.
    wait_for(lambda: [number for number, _ in shown(page)] == list(range(1, 11)), 20, lambda: shown(page))
    assert page.locator(".verdict.ok").count() == 0
    text = httpx.get(f"{site.web.url}/api/v1/runs/{producer.run_id}/log.txt").text
    assert "line 31 of the log" in text, "the download is what is stored"


def test_a_log_that_is_another_one_is_said_and_shown_anew(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(10)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    # As after a restore from a backup: the run is there, with another epoch and another text.
    site.store.client.hincrby(site.store.keys.run(producer.run_id), "epoch", 1)
    site.store.client.publish(site.store.keys.notifications(producer.run_id), "1")
    expect(page.locator(".problem")).to_contain_text("The log was replaced", timeout=SECONDS)
    expect_lines(page, producer)


def test_an_unknown_run_is_said(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404")
    page = open_page(site.run_page("nobody"))
    expect(page.get_by_role("alert")).to_contain_text("There is no such run")
    expect(page.get_by_role("alert")).not_to_contain_text("/api/")
    expect(page.locator(".connection")).to_have_count(0)
    assert page.title() == "There is no such run · Runtail"
    page.get_by_role("link", name="All runs").click()
    expect(page).to_have_url(f"{site.web.url}/")


def test_a_running_run_is_cancelled_after_a_question(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(3)
    page = open_page(site.run_page(producer.run_id))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Keep it running").click()
    assert producer.writer.flush().cancel is None
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel the run").click()
    expect(page.locator(".about .tools").first).to_contain_text("Cancelling…")
    expect(page.locator("h1 .chip")).to_have_text("cancelling", timeout=SECONDS)
    listed = open_page(site.web.url).locator("tr", has_text=producer.run_id)
    expect(listed.locator(".chip")).to_have_text("cancelling", timeout=SECONDS)
    request = producer.writer.flush().cancel
    assert request is not None
    producer.writer.end(RunState.CANCELLED, "cancelled", t_ms=now_ms(), signal=15)
    expect(page.locator("h1 .chip")).to_contain_text("cancelled", timeout=SECONDS)
    expect(page.locator(".about")).to_contain_text("ended by signal 15")


def test_the_download_is_the_stored_log(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(25)
    producer.end()
    page = open_page(site.run_page(producer.run_id))
    more(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == f"{producer.run_id}.log"
    assert download.value.path().read_bytes() == b"".join(line + b"\n" for line in producer.expected())


def test_it_moves_to_another_relay_when_one_drains(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("WebSocket")
    complaints.expect("net::ERR_")
    producer = Producer(site.store)
    producer.start(100)
    page = open_page(site.run_page(producer.run_id))
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    site.relay.process.terminate(30)
    site.relay.restart()
    site.relay.wait_until_ready()
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    producer.stop()
    lines = f"{producer.count:,}"
    expect(page.locator(".verdict")).to_have_text(re.compile(f"complete: {lines} lines, verified$"), timeout=SECONDS)
    expect_lines(page, producer)


def test_a_retried_run_tells_the_whole_time_and_that_of_its_attempt(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(1)
    producer.end()
    began = now_ms() - 500_000
    times: dict[Any, Any] = {
        "first_started_ms": began,
        "started_ms": began + 73_000,
        "finished_ms": began + 73_050,
        "attempt": 3,
    }
    site.store.client.hset(site.store.keys.run(producer.run_id), mapping=times)
    page = open_page(site.run_page(producer.run_id))
    about = page.locator(".about")
    expect(about).to_contain_text("took 1 min 13 s in 3 attempts", timeout=SECONDS)
    expect(about.locator("div", has_text="Attempt").last).to_have_text("Attempt3 (took < 0.1 s)")
    moment = page.get_by_role("navigation", name="What happened").locator(".entry", has_text="Attempt 1 started")
    started = moment.locator("time").get_attribute("datetime")
    assert started == datetime.fromtimestamp(began / 1000, UTC).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )
    page.goto(site.web.url)
    expect(page.locator(".runs tbody tr")).to_contain_text("1:13", timeout=SECONDS)
