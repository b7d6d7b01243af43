"""Both pages in both themes, wide and narrow: accessible, and within the window."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from runtail.protocol import RunState
from runtail.protocol import event as events
from runtail.runs.start import start
from runtail_web.shell import LIST, LOADING, MANIFEST, OTHER, STATIC, loaded_by
from runtail_web.shell import LOG as LOG_ENTRY
from tests.browser.conftest import Site
from tests.browser.looks import overflows, violations
from tests.support.relay import Producer, now_ms
from tests.support.scenery import BUILD, LOG

pytestmark = pytest.mark.browser

SECONDS = 20_000
WIDTHS = {"wide": (1200, 760), "narrow": (360, 740), "narrowest": (320, 600)}


class Scene:
    """Runs in every state, and a log worth looking at."""

    def __init__(self, site: Site) -> None:
        store = site.store
        self.site = site
        store.client.hset(store.keys.tasks(), "etl.load", orjson.dumps(BUILD))
        worker: dict[str, Any] = {"name": "celery@worker-0", "queues": ["celery"], "concurrency": 4, "pool": "prefork"}
        store.client.set(store.keys.worker(worker["name"]), orjson.dumps(worker), ex=3600)
        store.client.zadd(store.keys.workers(), {worker["name"]: now_ms()})
        start(store, lambda *_: None, task=BUILD, kwargs={"day": "2026-11-22"}, who="cron")
        for minutes, seconds, state, why, exit_status in (
            (190, 598, RunState.LOST, "its worker did not answer for 30 s", None),
            (64, 47, RunState.FAILED, "ValueError: 3 rows have no key", 1),
            (21, 5, RunState.CANCELLED, "cancelled by ana", None),
            (8, 252, RunState.SUCCEEDED, "", 0),
        ):
            made = self._made("demo.report", minutes)
            made.write(3)
            made.writer.end(state, why, t_ms=now_ms(), exit_status=exit_status)
            began = now_ms() - minutes * 60_000
            times: dict[Any, Any] = {
                "started_ms": began,
                "first_started_ms": began,
                "finished_ms": began + seconds * 1000,
            }
            store.client.hset(store.keys.run(made.run_id), mapping=times)
        self.running = self._made("build_image", 2)
        for _ in range(4):
            self.running.writer.add("o", LOG.encode(), now_ms())
        warning = events.encode(events.WARNING, text="2 values were masked")
        self.running.writer.add("e", warning, now_ms())
        self.running.writer.flush()

    def _made(self, task: str, minutes: int) -> Producer:
        """A run that began so many minutes ago."""
        store = self.site.store
        made = Producer(store)
        began = now_ms() - minutes * 60_000
        parameters = orjson.dumps({"name": "web", "roles": ["app", "db"]})
        values: dict[Any, Any] = {
            "task": task,
            "who": "ana",
            "kwargs": parameters,
            "created_ms": began,
            "started_ms": began,
            "first_started_ms": began,
        }
        store.client.hset(store.keys.run(made.run_id), mapping=values | {"since_ms": began})
        store.client.zadd(store.keys.runs(), {made.run_id: began})
        return made

    @property
    def list_page(self) -> str:
        """The address of the list."""
        return self.site.web.url

    @property
    def run_page(self) -> str:
        """The address of the running run."""
        return self.site.run_page(self.running.run_id)


@pytest.fixture
def scene(site: Site) -> Scene:
    """A site with something to see."""
    return Scene(site)


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A context in one theme whose pages let axe-core in."""
    with browser.new_context(
        bypass_csp=True,
        color_scheme=request.param,
        reduced_motion="reduce",
        viewport={"width": 1200, "height": 760},
    ) as made:
        yield made


def the_list(page: Page, scene: Scene) -> None:
    """Open the list and wait until it is whole."""
    page.goto(scene.list_page)
    expect(page.locator(".runs tbody tr")).to_have_count(6, timeout=SECONDS)
    expect(page.locator(".connection")).to_contain_text("Connected", timeout=SECONDS)
    expect(page.locator(".fleet")).to_contain_text("no worker listens to builds")


def the_run(page: Page, scene: Scene) -> None:
    """Open the running run and wait until its log is there."""
    page.goto(scene.run_page)
    expect(page.locator("h1 .chip")).to_contain_text("running", timeout=SECONDS)
    expect(page.locator(".row.line").first).to_be_visible(timeout=SECONDS)
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)


def judged(page: Page, what: str) -> None:
    """Nothing for axe-core to find, nothing beyond the window."""
    assert violations(page) == [], what
    assert overflows(page) == [], what


def test_the_pages_are_light() -> None:
    built = orjson.loads(MANIFEST.read_bytes())
    for entry in (LIST, LOG_ENTRY, OTHER):
        _styles, scripts = loaded_by(built, entry)
        size = sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in (LOADING, *scripts))
        print(f"{entry}: {size / 1000:.1f} KB of script gzipped, in {len(scripts) + 1} files")
        assert size <= 110_000


def test_list_and_form(scene: Scene, themed: BrowserContext) -> None:
    page = themed.new_page()
    for name, (width, height) in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        the_list(page, scene)
        judged(page, f"list {name}")
        page.locator(".fleet summary").click()
        page.get_by_role("button", name="Start a run").click()
        page.get_by_label("shards").fill("99")
        page.get_by_role("button", name="Start etl.load").click()
        expect(page.locator(".field.wrong", has_text="shards")).to_contain_text("must be at most 64")
        judged(page, f"form {name}")
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Keyboard shortcuts").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        judged(page, f"keys {name}")


def test_run(scene: Scene, themed: BrowserContext) -> None:
    page = themed.new_page()
    for name, (width, height) in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        the_run(page, scene)
        judged(page, f"run {name}")
        if name != "wide":
            page.get_by_role("button", name="More").click()
        page.locator(".parameters summary").click()
        expect(page.locator(".parameters")).to_contain_text("roles")
        judged(page, f"header {name}")
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_contain_text("every process that it started")
        expect(page.get_by_role("button", name="Keep it running")).to_be_focused()
        judged(page, f"confirmation {name}")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_several_runs_and_the_search(scene: Scene, themed: BrowserContext) -> None:
    page = themed.new_page()
    ids = [run_id.decode() for run_id in scene.site.store.client.zrange(scene.site.store.keys.runs(), 0, 2)]  # type: ignore[union-attr]
    for name, (width, height) in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{scene.site.web.url}/watch?run={scene.running.run_id}&run={ids[0]}&run={ids[1]}")
        expect(page.locator(".pane .chip")).to_have_count(3, timeout=SECONDS)
        expect(page.locator(".pane").first.locator(".row.line").first).to_be_visible(timeout=SECONDS)
        page.get_by_role("button", name="Find, times and more").first.click()
        judged(page, f"watch {name}")
        page.keyboard.press("Control+k")
        expect(page.get_by_role("group", name="Newest runs")).to_be_visible()
        judged(page, f"search {name}")
