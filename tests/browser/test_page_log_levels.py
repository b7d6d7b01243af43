"""Lines that say themselves that they are errors or warnings, and tracebacks."""

from __future__ import annotations

import re

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
    # The traceback is a part of the error above it, which is called by what it ended in as well.
    beside = page.get_by_role("navigation", name="Stands out").locator(".entry")
    expect(beside).to_have_text(
        [re.compile(r"raised unexpected: ValueError\('no'\) · ValueError: no3,001$"), re.compile("Failed: done$")]
    )
    assert len(marks(page, "error")) > 0
    page.locator(".log").press("e")
    # Its end.
    expect(page.locator("[role=status]", has_text="error, line 4,008")).to_have_count(1)


def test_the_head_leads_to_a_traceback(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 300, per_entry=100)
    write(producer, *FAILURE[1:])
    producer.writer.end(RunState.FAILED, "ValueError: no", t_ms=now_ms(), exit_status=1)
    page = opened(site, open_page, producer, "#L1")
    page.get_by_role("link", name="First error: line 301").click()
    expect(page.locator("#L301.current.detected-error")).to_be_in_viewport(timeout=SECONDS)


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
