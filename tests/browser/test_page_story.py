"""What the page of a run tells beside its log: its tab, what it gave back, what happened, what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from runtail.protocol import RunState
from runtail.protocol import event as events
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, more, opened, sharing, write
from tests.browser.looks import overflows, violations
from tests.support.relay import Producer, now_ms

pytestmark = pytest.mark.browser

LONG = "section-of-a-long-name-" * 13


def sections(producer: Producer, lasting: dict[str, float], at_ms: int) -> int:
    """Store sections of one line each; return when the last one ends.

    :param lasting: how long each section takes, in seconds.
    """
    for title, seconds in lasting.items():
        producer.writer.add("e", events.encode(events.GROUP, title=title), at_ms)
        producer.writer.add("o", b"a line\n", at_ms)
        at_ms += round(seconds * 1000)
        producer.writer.add("e", events.encode(events.ENDGROUP), at_ms)
        producer.count += 1
    producer.writer.flush()
    return at_ms


@pytest.fixture
def failed(site: Site) -> Producer:
    """A run that failed at its second attempt, after one that succeeded: with a result, sections and an error."""
    began = now_ms() - 600_000
    good = Producer(site.store)
    sections(good, {"Fetch": 1.5, "Lint": 3.0, "Build": 4.9}, began)
    good.end()
    made = Producer(site.store)

    def tell(kind: str, **fields: object) -> None:
        made.writer.add("e", events.encode(kind, **fields), at_ms)

    at_ms = began
    tell(events.START, attempt=1, worker="builds-7c9f")
    at_ms = sections(made, {"Fetch": 0.4}, at_ms) + 2_000
    tell(events.RETRY, retries=1, max=3, reason="no disk")
    at_ms += 5_000
    tell(events.START, attempt=2, worker="builds-7c9f")
    at_ms = sections(made, {"Build": 9.0, LONG: 0.2}, at_ms)
    write(made, "::error::checksum does not match")
    tell(events.ERROR, text="checksum does not match", line=made.count)
    made.writer.end(RunState.FAILED, "exit status 2", t_ms=at_ms + 500, exit_status=2)
    result = {"value": {"image": "web-1", "sizes": [1, 2]}, "cut": True}
    changes = {"attempt": 2, "result": orjson.dumps(result).decode()}
    site.store.client.hset(site.store.keys.run(made.run_id), mapping=changes)  # type: ignore[arg-type]
    return made


def icon(page: Page) -> str:
    """The name of the file with the tab's icon."""
    return str(page.locator("link[rel=icon]").get_attribute("href")).rpartition("/")[2]


def test_the_tab_tells_state_and_per_cent(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(1)
    page = open_page(site.run_page(producer.run_id))
    expect(page).to_have_title("Running · tests.write · Runtail", timeout=SECONDS)
    producer.writer.flush(live={"rev": 1, "line": 2, "text": "writing \x1b[32m━━━━━╺━━\x1b[0m 68 %  312 MB/s"})
    expect(page).to_have_title("68 % · tests.write · Runtail", timeout=SECONDS)
    assert icon(page) == "state-running.svg"
    producer.end()
    expect(page).to_have_title("Succeeded · tests.write · Runtail", timeout=SECONDS)
    assert icon(page) == "state-succeeded.svg"
    answer = page.request.get(f"{site.web.url}/static/{icon(page)}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")


def test_attempts_and_events_lead_to_their_places(site: Site, open_page: OpenPage, failed: Producer) -> None:
    page = opened(site, open_page, failed, "#L1")
    attempts = page.get_by_role("navigation", name="Attempts").locator(".entry")
    expect(attempts).to_have_text([re.compile(r"1 retried.*2\.4 s"), re.compile(r"2 failed.*9\.7 s")])
    happened = page.get_by_role("navigation", name="What happened").locator(".entry")
    expect(happened).to_contain_text(
        [
            "Created",
            "Attempt 1 started on builds",
            "Retry 1 of 3: no disk",
            "Attempt 2 started",
            "Failed: exit status 2",
        ]
    )
    attempts.last.click()
    expect(page).to_have_url(re.compile("#L1$"))
    expect(page.get_by_text("Attempt 2 started on builds-7c9f").first).to_be_in_viewport()
    page.get_by_role("link", name="First error: line 4").click()
    expect(page.locator("#L4.error.current")).to_be_in_viewport()


def test_the_result_is_shown_and_copied(site: Site, open_page: OpenPage, failed: Producer) -> None:
    page = opened(site, open_page, failed)
    result = page.get_by_role("region", name="Result")
    expect(result.locator("pre")).to_have_text('{\n  "image": "web-1",\n  "sizes": [\n    1,\n    2\n  ]\n}')
    expect(result).to_contain_text("Only its beginning was kept.")
    button = result.get_by_role("button")
    before = button.bounding_box()
    button.click()
    expect(button).to_have_text(re.compile("Copied|Copying failed"))
    assert button.bounding_box() == before


def test_sections_stand_beside_those_of_the_last_good_run(site: Site, open_page: OpenPage, failed: Producer) -> None:
    page = opened(site, open_page, failed, "#L1")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    entries = page.get_by_role("navigation", name="Sections").locator(".entry")
    expect(entries).to_have_count(3)
    button = page.get_by_role("button", name="Compare with the last good run")
    for _ in range(2):
        button.click()
        expect(entries).to_contain_text(["Fetch", "Lint", "Build", "section-of-a-long-name"])
        expect(entries).to_have_text([
            re.compile(r"0\.4 s.*was 1\.5 s"), re.compile(r"missing.*was 3\.0 s"), re.compile(r"9\.0 s.*was 4\.9 s"),
            re.compile(r"0\.2 s.*new"),
        ])  # fmt: skip
        button.click()
        expect(entries).to_have_count(3)
    assert len([url for url in asked if url.endswith("/outline") and failed.run_id not in url]) == 1


def test_what_is_usual_stands_beside_the_duration(site: Site, open_page: OpenPage) -> None:
    for seconds in (130, 131):
        producer = Producer(site.store)
        producer.end()
        began = now_ms() - 900_000
        times = {"first_started_ms": began, "finished_ms": began + seconds * 1000}
        site.store.client.hset(site.store.keys.run(producer.run_id), mapping=times)  # type: ignore[arg-type]
    producer = Producer(site.store)
    page = open_page(site.run_page(producer.run_id))
    expect(page.locator("h1 .since")).to_contain_text("usually 2 min 11 s", timeout=SECONDS)


def test_menus_copy_and_shut(site: Site, open_page: OpenPage, failed: Producer) -> None:
    page = opened(site, open_page, failed)
    # As on plain http.
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.evaluate(
        """() => document.addEventListener("copy", (event) => {
            const put = event.clipboardData.setData.bind(event.clipboardData);
            event.clipboardData.setData = (type, text) => { window.copied = text; put(type, text); };
        }, {capture: true})"""
    )
    sharing(page)
    for name, text in {
        "Copy the id": failed.run_id,
        "Copy the command to follow it": f"runtail follow {failed.run_id}",
        "Copy a curl command for the log": f"curl '{site.web.url}/api/v1/runs/{failed.run_id}/log.txt'",
    }.items():
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("button", name="Copied").last).to_be_visible()
        assert page.evaluate("window.copied") == text
    page.keyboard.press("Escape")
    expect(page.locator(".about .menu:visible")).to_have_count(0)
    expect(page.locator(".about summary", has_text="Share")).to_be_focused()
    more(page)
    expect(page.locator(".about .menu:visible")).to_have_count(1)
    page.locator("h1").click()
    expect(page.locator(".about .menu:visible")).to_have_count(0)


def test_a_run_is_deleted_after_a_question(
    site: Site, open_page: OpenPage, failed: Producer, complaints: Complaints
) -> None:
    complaints.expect("404")
    page = opened(site, open_page, failed)
    more(page)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert site.store.client.exists(site.store.keys.run(failed.run_id))
    more(page)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Yes, delete it").click()
    expect(page).to_have_url(f"{site.web.url}/", timeout=SECONDS)
    expect(page.locator(".runs tbody tr")).to_have_count(1, timeout=SECONDS)
    page.goto(site.run_page(failed.run_id))
    expect(page.get_by_role("alert")).to_contain_text("This run was deleted")


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A context in one theme whose pages let axe-core in."""
    with browser.new_context(bypass_csp=True, color_scheme=request.param, reduced_motion="reduce") as made:
        yield made


def test_all_of_it_can_be_read(site: Site, themed: BrowserContext, failed: Producer) -> None:
    page = themed.new_page()
    page.goto(site.run_page(failed.run_id))
    page.get_by_role("button", name="Compare with the last good run").click()
    expect(page.get_by_text("was 4.9 s")).to_be_visible(timeout=SECONDS)
    for width in (1440, 768, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert violations(page) == [], width
        for menu in (sharing, more):
            menu(page)
            # A menu lies on what is below it, which is smaller then.
            assert [one for one in violations(page) if not one.startswith("target-size")] == [], width
            assert overflows(page) == [], width
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("dialog")).to_contain_text("A new run starts with the same parameters")
    assert violations(page) == []
    page.goto(site.run_page("nobody"))
    expect(page.get_by_role("link", name="All runs")).to_be_visible()
    assert violations(page) == []
