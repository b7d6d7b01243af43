"""The list: filters in the address, older pages, the keyboard, workers and queues, the theme."""

from __future__ import annotations

import re

import orjson
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.test_page_runs import TAIL
from tests.support.relay import Producer, now_ms

pytestmark = pytest.mark.browser

SECONDS = 20_000


def made(site: Site, task: str, *, ended: bool = True, minutes: int = 0) -> str:
    """A run of a task, begun so many minutes ago."""
    producer = Producer(site.store)
    keys = site.store.keys
    began = now_ms() - minutes * 60_000
    site.store.client.hset(keys.run(producer.run_id), mapping={"task": task, "created_ms": began})
    site.store.client.zadd(keys.runs(), {producer.run_id: began})
    if ended:
        producer.end()
    return producer.run_id


def rows(page: Page) -> list[str]:
    """The tasks in the list, from the top."""
    return page.locator(".runs .task").all_text_contents()


def box(page: Page) -> Locator:
    """The filter for everything that has a name."""
    return page.get_by_label("Filter by task, label, person, id or time")


def state(page: Page, name: str) -> Locator:
    """The button of a state, or of all."""
    return page.get_by_label("Filter by state").get_by_role("button", name=re.compile(f"^{name}"))


def test_what_is_being_typed_stays_when_the_list_changes(site: Site, open_page: OpenPage) -> None:
    made(site, "a.done")
    page = open_page(site.web.url)
    expect(page.locator(".runs tbody tr")).to_have_count(1, timeout=SECONDS)
    field = box(page)
    field.press_sequentially("b.ne")
    made(site, "b.new", ended=False)
    expect(page.locator(".runs tbody tr")).to_have_count(2, timeout=SECONDS)
    expect(field).to_have_value("b.ne")
    field.press_sequentially("w")
    field.press("Enter")
    expect(page.locator(".runs tbody tr")).to_have_count(1, timeout=SECONDS)
    assert rows(page) == ["b.new"]


@pytest.mark.parametrize(("width", "place"), [(1200, ".who"), (360, ".brief")])
def test_the_address_of_somebody_anonymous_is_shown_whole(
    site: Site, open_page: OpenPage, width: int, place: str
) -> None:
    """Only the address tells one from another; its end was cut."""
    people = ["anonymous (127.0.0.1)", "anonymous (10.200.113.254)", "anonymous (2001:db8:85a3:8d3:1319:8a2e:370:7348)"]
    for who in people:
        site.store.client.hset(site.store.keys.run(made(site, "a.task")), "who", who)
    page = open_page(site.web.url)
    page.set_viewport_size({"width": width, "height": 800})
    for who in people:
        shown = page.locator(f".runs {place}", has_text=who)
        expect(shown).to_be_visible(timeout=SECONDS)
        assert shown.evaluate(
            """(one) => {
                const range = document.createRange();
                range.selectNodeContents(one);
                const [text, box] = [range.getBoundingClientRect(), one.getBoundingClientRect()];
                const right = Math.min(box.right, document.documentElement.clientWidth);
                return text.right <= right + 1 && text.bottom <= box.bottom + 1;
            }"""
        ), who


def test_filters_live_in_the_address(site: Site, open_page: OpenPage) -> None:
    made(site, "a.done")
    made(site, "b.old", minutes=300)
    made(site, "c.runs", ended=False)
    page = open_page(site.web.url)
    expect(page.locator(".runs tbody tr")).to_have_count(3, timeout=SECONDS)
    state(page, "Succeeded").click()
    expect(page).to_have_url(re.compile(r"/\?state=succeeded$"))
    expect(page.locator(".runs tbody tr")).to_have_count(2)
    page.get_by_label("Filter by time").select_option("1h")
    expect(page.locator(".runs tbody tr")).to_have_count(1)
    assert rows(page) == ["a.done"]
    # A run that begins and does not match is not shown; the address is all that a reload needs.
    made(site, "d.runs", ended=False)
    page.reload()
    expect(page.locator(".runs tbody tr")).to_have_count(1)
    expect(state(page, "Succeeded")).to_have_attribute("aria-pressed", "true")
    box(page).fill("nothing.like.it")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("No run matches")
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.locator(".runs tbody tr")).to_have_count(4)
    expect(page).to_have_url(f"{site.web.url}/")
    # Times may be written as well; the choice beside the box then shows them.
    time = page.get_by_label("Filter by time", exact=True)
    box(page).fill("last h")
    page.keyboard.press("Enter")
    expect(time).to_have_value("1h")
    expect(page.locator(".runs tbody tr")).to_have_count(3)
    box(page).fill("since 2020-01-02")
    page.get_by_role("option", name="Since 2 Jan 2020").click()
    expect(time.locator("option:checked")).to_have_text("Since 2 Jan 2020")
    time.select_option("Between…")
    expect(page.get_by_label("From", exact=True)).to_have_value("2020-01-02T00:00")
    expect(page.locator(".runs tbody tr")).to_have_count(4)


def test_one_box_filters_by_task_person_and_label_and_opens_runs(site: Site, open_page: OpenPage) -> None:
    first, second = made(site, "etl.load"), made(site, "etl.check")
    store = site.store
    store.client.hset(store.keys.run(first), mapping={"who": "ana", "label:branch": "main"})
    store.client.hset(store.keys.run(second), mapping={"who": "bob", "labels": orjson.dumps({"team": "data"})})
    page = open_page(site.web.url)
    expect(page.locator(".runs tbody tr")).to_have_count(2, timeout=SECONDS)
    offered = page.get_by_role("option")

    def only(task: str) -> None:
        expect(page.locator(".runs tbody tr")).to_have_count(1)
        assert rows(page) == [task]

    # So many are in each state.
    expect(state(page, "Succeeded")).to_have_text("Succeeded 2")
    # Parts are enough, and the best is first.
    box(page).press_sequentially("LOAD")
    expect(offered.first).to_have_text("etl.loadtask")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?task=etl.load$"))
    only("etl.load")
    # It stands in the box; Backspace takes it away.
    expect(page.get_by_role("button", name="Remove the filter: task etl.load")).to_be_visible()
    page.keyboard.press("Backspace")
    expect(page.locator(".runs tbody tr")).to_have_count(2)
    box(page).press_sequentially("bo")
    offered.filter(has_text="bobstarted by").click()
    expect(page).to_have_url(re.compile(r"/\?who=bob$"))
    only("etl.check")
    expect(state(page, "All")).to_have_text("All 1")
    page.get_by_role("button", name="Remove the filter: by bob").click()
    box(page).fill("L.CH")
    offered.filter(has_text="tasks whose names have it").click()
    expect(page).to_have_url(re.compile(r"/\?task=\*L\.CH\*$"))
    only("etl.check")
    page.get_by_role("button", name=re.compile("^Remove the filter")).click()
    # What is offered comes from the runs in the list.
    expect(page.locator(".runs tbody tr")).to_have_count(2)
    box(page).fill("main")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?label=branch%3Amain$"))
    only("etl.load")
    page.get_by_role("button", name="Clear filters", exact=True).click()
    box(page).fill(second)
    page.keyboard.press("Enter")
    page.wait_for_url(site.run_page(second))


def test_the_key_back_to_the_runs_keeps_their_filters(site: Site, open_page: OpenPage) -> None:
    made(site, "a.newer")
    first = made(site, "b.older", minutes=5)
    page = open_page(f"{site.web.url}/?task=b.*")
    expect(page.locator(".runs tbody tr")).to_have_count(1, timeout=SECONDS)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(site.run_page(first))
    expect(page.locator("h1 .chip")).to_be_visible(timeout=SECONDS)
    page.keyboard.press("h")
    page.wait_for_url(re.compile(r"/\?task=b"))
    expect(page.locator("tr", has_text=first).get_by_role("link")).to_be_focused(timeout=SECONDS)


def test_the_whole_row_leads_to_the_run_and_back_to_the_same_place(site: Site, open_page: OpenPage) -> None:
    for minutes in range(70):
        made(site, f"t.{minutes:02}", minutes=minutes)
    page = open_page(site.web.url)
    page.get_by_role("button", name="Older runs").click(timeout=SECONDS)
    expect(page.locator(".runs tbody tr")).to_have_count(70)
    row = page.locator("tr", has_text="t.60")
    # Beside every word of it.
    row.scroll_into_view_if_needed()
    there = row.locator(".age").bounding_box()
    assert there is not None
    page.mouse.click(there["x"] + there["width"] / 2, there["y"] + there["height"] / 2)
    page.wait_for_url(re.compile("/runs/.+"))
    page.go_back()
    expect(page.locator(".runs tbody tr")).to_have_count(70, timeout=SECONDS)
    expect(row).to_be_in_viewport()
    expect(row.get_by_role("link")).to_be_focused()


def test_an_unknown_filter_is_ignored_and_named(site: Site, open_page: OpenPage) -> None:
    made(site, "a.done")
    page = open_page(f"{site.web.url}/?state=nonsense&since=yesterday&who=&task=a.done&page=2")
    expect(page.locator("main [role=status]", has_text="unknown filter")).to_have_text(
        "Ignored an unknown filter: state=nonsense, since=yesterday, page=2", timeout=SECONDS
    )
    expect(page.locator(".runs tbody tr")).to_have_count(1)
    state(page, "Succeeded").click()
    expect(page).to_have_url(re.compile(r"/\?state=succeeded&task=a.done$"))
    expect(page.locator("main")).not_to_contain_text("unknown filter")
    # Longer ago than there was a clock is any time.
    page.goto(f"{site.web.url}/?since=99999d")
    expect(page.locator(".runs tbody tr")).to_have_count(1, timeout=SECONDS)
    expect(page.locator("main")).not_to_contain_text("cannot filter")


def test_a_server_that_cannot_filter_is_helped_out(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("422")
    made(site, "a.done")
    made(site, "c.runs", ended=False)
    page = open_page("about:blank")
    refusal = {"title": "Some values are wrong", "errors": [{"field": "state", "message": "Extra inputs"}]}
    page.route(
        re.compile("/api/v1/runs[?].*state="),
        lambda route: route.fulfill(status=422, content_type="application/json", body=orjson.dumps(refusal)),
    )
    page.goto(f"{site.web.url}/?state=succeeded")
    expect(page.locator("main")).to_contain_text("This server cannot filter", timeout=SECONDS)
    expect(page.locator(".runs tbody tr")).to_have_count(1)
    assert rows(page) == ["a.done"]


def test_older_runs_stay_when_the_list_is_refetched(site: Site, open_page: OpenPage) -> None:
    ids = [made(site, f"t.{minutes:02}", minutes=minutes) for minutes in range(60)]
    page = open_page(site.web.url)
    expect(page.locator(".runs tbody tr")).to_have_count(50, timeout=SECONDS)
    # One that is not loaded is found by the beginning of its id.
    box(page).fill(ids[-1][:9])
    expect(page.get_by_role("option", name=f"{ids[-1]} open this run")).to_be_visible()
    box(page).fill("")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Older runs").click()
    expect(page.locator(".runs tbody tr")).to_have_count(60)
    with page.expect_response(re.compile("/api/v1/runs$"), timeout=SECONDS):
        pass
    expect(page.locator(".runs tbody tr")).to_have_count(60)
    assert rows(page) == [f"t.{minutes:02}" for minutes in range(60)]
    expect(page.get_by_role("button", name="Older runs")).to_have_count(0)


def test_older_runs_come_although_the_list_is_refetched_meanwhile(site: Site, open_page: OpenPage) -> None:
    for minutes in range(60):
        made(site, f"t.{minutes:02}", minutes=minutes)
    page = open_page(site.web.url)
    expect(page.locator(".runs tbody tr")).to_have_count(50, timeout=SECONDS)
    held: list[Route] = []
    page.route(re.compile("/api/v1/runs[?].*cursor="), lambda route: held.append(route))
    page.get_by_role("button", name="Older runs").click()
    expect(page.get_by_role("button", name="Older runs")).to_be_disabled()
    with page.expect_response(re.compile("/api/v1/runs$"), timeout=SECONDS):
        made(site, "t.new")
    expect(page.locator(".runs tbody tr").first).to_contain_text("t.new", timeout=SECONDS)
    assert len(held) == 1
    held[0].continue_()
    expect(page.locator(".runs tbody tr")).to_have_count(61, timeout=SECONDS)
    assert rows(page) == ["t.new", *(f"t.{minutes:02}" for minutes in range(60))]


def test_the_keyboard_is_enough(site: Site, open_page: OpenPage) -> None:
    first, second = made(site, "b.older", minutes=5), made(site, "a.newer")
    page = open_page(site.web.url)
    expect(page.locator(".runs tbody tr")).to_have_count(2, timeout=SECONDS)
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    # In a field a letter is a letter.
    page.keyboard.type("j")
    expect(box(page)).to_have_value("j")
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("tr", has_text=second).get_by_role("link")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr", has_text=first).get_by_role("link")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Open the run")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("k")
    expect(page.locator("tr", has_text=second).get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(site.run_page(second))


def test_queues_nobody_listens_to_are_named(site: Site, open_page: OpenPage) -> None:
    store = site.store
    store.client.hset(store.keys.tasks(), "demo.tail", orjson.dumps(TAIL))
    page = open_page(site.web.url)
    # Before the first run, what to do comes first.
    expect(page.locator(".welcome ~ .foot .fleet")).to_contain_text("No worker is running", timeout=SECONDS)
    expect(page.locator(".fleet")).to_contain_text("kubectl get pods")
    expect(page.locator(".fleet")).to_contain_text("no worker listens to nobody-listens")
    worker = {"name": "celery@here", "queues": ["celery"], "concurrency": 2}
    store.client.set(store.keys.worker("celery@here"), orjson.dumps(worker), ex=600)
    store.client.zadd(store.keys.workers(), {"celery@here": now_ms()})
    expect(page.locator(".fleet")).to_contain_text("1 worker", timeout=SECONDS)
    page.locator(".fleet summary").click()
    expect(page.locator(".fleet li").first).to_contain_text("celery@here celery · 2 runs at a time")
    expect(page.locator(".fleet li").last).to_contain_text("the queue of demo.tail")


def test_the_theme_is_chosen_and_remembered(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.web.url)

    def paper() -> str:
        return str(page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor"))

    page.emulate_media(color_scheme="light")
    light = paper()
    page.emulate_media(color_scheme="dark")
    dark = paper()
    assert light != dark
    page.get_by_role("button", name="Theme: system").click()
    assert paper() == light
    page.reload()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible(timeout=SECONDS)
    assert paper() == light
    page.get_by_role("button", name="Theme: light").click()
    page.emulate_media(color_scheme="light")
    assert paper() == dark


def test_a_wrong_clock_is_named_and_does_not_bend_ages(site: Site, open_page: OpenPage) -> None:
    made(site, "a.done", minutes=10)
    page = open_page("about:blank")
    page.clock.install(time=(now_ms() + 2 * 3_600_000) / 1000)
    page.goto(site.web.url)
    expect(page.locator("main")).to_contain_text("ahead of the server's", timeout=SECONDS)
    expect(page.locator(".runs time")).to_have_text(re.compile("^(9|10|11) min$"))
