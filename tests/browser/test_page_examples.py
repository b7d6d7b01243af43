"""The first page of ``runtail dev``: one button fills the list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.examples import Examples
from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SECONDS = 20_000


@pytest.fixture
def stack(tmp_path: Path, own_redis_server: RedisServer) -> Iterator[Examples]:
    """What ``runtail dev`` starts."""
    with Examples(tmp_path, own_redis_server.url) as stack:
        yield stack


def test_the_first_page_fills_the_list(stack: Examples, open_page: OpenPage) -> None:
    page = open_page(stack.web.url)
    expect(page.locator(".welcome")).to_contain_text("No runs yet.", timeout=SECONDS)
    stack.wait_ended(stack.start("demo.flood", {"lines": 1}))
    # The first run takes the welcome away, not the offer.
    expect(page.locator(".runs tbody tr")).to_have_count(1, timeout=SECONDS)
    page.get_by_role("button", name="Fill with examples").dblclick()
    for task in ("images.build", "etl.load_orders", "ml.train"):
        expect(page.locator(".runs tbody tr", has_text=task).first).to_be_visible(timeout=SECONDS)
    expect(page.locator(".runs tbody tr", has_text="no worker listens to queue gpu")).to_be_visible(timeout=SECONDS)
    expect(page.locator(".welcome")).to_have_count(0)
    expect(page.locator(".runs tbody tr", has_text="Fill with examples")).to_have_count(1)
    expect(page.get_by_role("button", name="Fill with examples")).to_have_count(0)
