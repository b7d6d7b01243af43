"""Little jumps while the pages load: the layout shift that Chromium counts, and Lighthouse shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from runtail.protocol import RunState
from tests.support.examples import Examples
from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: What Lighthouse calls good is 0.1.
MOST = 0.05
SIZES = {"wide": (1350, 940), "narrow": (412, 823)}

#: Sums up the shifts, and notes what moved from where to where.
OBSERVE = """
window.shifted = { sum: 0, what: [] };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    shifted.sum += entry.value;
    for (const { node, previousRect: a, currentRect: b } of entry.sources) {
      const name = node?.parentElement?.className + " > " + (node?.className || node?.nodeName);
      shifted.what.push(`${entry.value.toFixed(3)} ${name}: ${a.x},${a.y},${a.width} to ${b.x},${b.y},${b.width}`);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    """The examples."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "redis").mkdir()
    with RedisServer(folder / "redis") as server, Examples(folder, server.url) as stack:
        yield stack.fill()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page that counts its shifts."""
    width, height = SIZES[request.param]
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        context.add_init_script(OBSERVE)
        yield context.new_page()


def judge(page: Page) -> None:
    """All of it is there, and little of it has moved."""
    page.evaluate("() => document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
    shifted = page.evaluate("() => window.shifted")
    print(f"layout shift: {shifted['sum']:.3f}", *shifted["what"], sep="\n  ")
    assert shifted["sum"] < MOST, "\n".join(shifted["what"])


def test_the_list(stack: Examples, page: Page) -> None:
    page.goto(stack.web.url)
    expect(page.locator(".runs")).to_contain_text("no worker listens to queue gpu")
    expect(page.locator(".fleet")).to_be_visible()
    expect(page.locator(".connection")).to_contain_text("Connected")
    judge(page)


@pytest.mark.parametrize(("task", "state"), [("images.build", RunState.RUNNING), ("etl.load_orders", RunState.FAILED)])
def test_a_run(stack: Examples, page: Page, task: str, state: RunState) -> None:
    run = next(run for run in stack.listed() if run.text("task") == task and run.state is state)
    page.goto(f"{stack.web.url}/runs/{run.id}")
    expect(page.locator("h1")).to_contain_text(task)
    expect(page.locator(".row.line").first).to_be_visible()
    expect(page.locator(".connection")).to_contain_text("Live" if state is RunState.RUNNING else "Ended")
    judge(page)
