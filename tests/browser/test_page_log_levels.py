"""Lines that say themselves that they are errors or warnings, and tracebacks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from runtail.protocol import RunState
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, marks, numbered, opened, top, write
from tests.support.relay import Producer, now_ms
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

FAILURE = (
    "[2026-11-30 12:00:01,123: ERROR/ForkPoolWorker-1] Task etl.load raised unexpected: ValueError('no')",
    "Traceback (most recent call last):",
    '  File "/srv/.venv/lib/python3.12/site-packages/celery/app/trace.py", line 453, in trace_task',
    "    R = retval = fun(*args, **kwargs)",
    '  File "/srv/app/tasks.py", line 12, in load',
    "    raise ValueError('no')",
    "ValueError: no",
)


def failed(site: Site, state: RunState) -> Producer:
    """A run whose line 3,001 is an error by its words only."""
    producer = Producer(site.store)
    numbered(producer, 3_000, per_entry=500)
    write(producer, *FAILURE)
    numbered(producer, 1_000, per_entry=500)
    producer.writer.end(state, "done", t_ms=now_ms(), exit_status=0 if state is RunState.SUCCEEDED else 1)
    return producer


def test_a_failed_run_opens_at_the_first_line_that_says_it_is_an_error(site: Site, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    page.add_init_script("performance.now = () => 0")
    page.goto(site.run_page(failed(site, RunState.FAILED).run_id))
    expect(page.locator("#L3001.current.detected-error")).to_be_in_viewport(timeout=SECONDS)
    # Your own frames stand out.
    dim = page.locator(".row.library .number")
    expect(dim).to_have_text(["3003", "3004"])
    # A traceback is called by what it ended in.
    expect(page.get_by_role("complementary").get_by_text("ValueError: no", exact=True)).to_be_visible()
    assert len(marks(page, "error")) > 0
    page.locator(".log").press("e")
    expect(page.locator("#L3002.current")).to_be_in_viewport()


def test_a_run_that_succeeded_opens_at_its_end_whatever_its_lines_say(site: Site, open_page: OpenPage) -> None:
    page = opened(site, open_page, failed(site, RunState.SUCCEEDED))
    wait_for(lambda: len(marks(page, "error")) > 0, 20)
    wait_for(lambda: top(page) > 3_900, 20, lambda: top(page))


def test_lines_that_come_are_tinted(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "0 errors", "WARNING late")
    page = opened(site, open_page, producer)
    expect(page.locator("#L2.detected-warning")).to_be_visible()
    write(producer, "12:00:01 [error] broken")
    expect(page.locator("#L3.detected-error")).to_be_visible(timeout=SECONDS)
    expect(page.locator("#L1")).to_have_attribute("class", "row line")
