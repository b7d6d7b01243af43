"""The form: every kind of field, errors at their fields, links, memory; and what a run's header can do."""

from __future__ import annotations

import re
import subprocess
from typing import Any, Literal

import orjson
import pytest
from playwright.sync_api import Page, expect

from runtail.catalogue import schema_of
from runtail.runs.record import read_run
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import more, sharing
from tests.support.relay import Producer
from tests.support.scenery import BUILD

pytestmark = pytest.mark.browser

SECONDS = 20_000

LOAD: dict[str, Any] = {**BUILD, "exclusive": False}
LOAD["schema"] = {**LOAD["schema"], "additionalProperties": False}
LOAD["schema"]["properties"] = {
    **LOAD["schema"]["properties"],
    "tables": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]{1,8}$"}, "default": ["orders"]},
}


@pytest.fixture
def load(site: Site) -> dict[str, Any]:
    """A task with fields of every kind."""
    site.store.client.hset(site.store.keys.tasks(), "etl.load", orjson.dumps(LOAD))
    return LOAD


def started(page: Page, site: Site) -> dict[str, Any]:
    """Press the button; return the parameters of the run that it started."""
    page.get_by_role("button", name="Start etl.load").click()
    page.wait_for_url(re.compile("/runs/.+"))
    kwargs: dict[str, Any] = read_run(site.store, page.url.rpartition("/")[2]).json("kwargs")
    return kwargs


def test_every_kind_of_field(site: Site, open_page: OpenPage, complaints: Complaints, load: dict[str, Any]) -> None:
    complaints.expect("422")
    page = open_page(site.web.url)
    page.get_by_role("button", name="Start a run").click()
    expect(page.locator(".form")).to_contain_text("Load one day of a region")
    page.get_by_label("tables").fill("orders\nfar_too_long_a_name")
    page.get_by_role("button", name="Start etl.load").click()
    # What is missing is said before anything is sent; the first such field has the focus.
    expect(page.locator(".field.wrong", has_text="day")).to_contain_text("is required")
    expect(page.get_by_label("day")).to_be_focused()
    page.get_by_label("day").fill("2026-11-22")
    page.get_by_label("shards").fill("many")
    page.get_by_role("button", name="Start etl.load").click()
    expect(page.locator(".field.wrong", has_text="shards")).to_contain_text("is not a whole number")
    expect(page.get_by_label("shards")).to_be_focused()
    # Bounds are said as soon as one leaves the field. Arrow keys keep within them.
    shards = page.get_by_role("spinbutton", name="shards")
    shards.fill("0")
    shards.press("Tab")
    expect(page.locator(".field.wrong", has_text="shards")).to_contain_text("must be at least 1")
    shards.press("ArrowDown")
    expect(shards).to_have_value("1")
    expect(page.locator(".field.wrong", has_text="shards")).to_have_count(0)
    expect(shards).to_have_accessible_description("(1 to 64)")
    shards.fill("8")
    page.get_by_role("button", name="Start etl.load").click()
    # The server's words, at the field they are about.
    expect(page.locator(".field.wrong", has_text="tables")).to_contain_text("item 2: must match the pattern")
    page.locator(".summary").get_by_role("link", name="tables").click()
    expect(page.get_by_label("tables")).to_be_focused()
    page.get_by_label("options").fill("{")
    page.get_by_role("button", name="Start etl.load").click()
    expect(page.locator(".field.wrong", has_text="options")).to_contain_text("takes JSON")
    page.get_by_label("options").fill('{"retries": [1, null]}')
    page.get_by_label("tables").fill("orders\nitems")
    page.get_by_label("day").fill("2026-11-22")
    page.get_by_label("region").select_option("us")
    page.get_by_label("check", exact=True).check()
    page.get_by_label("token").fill("hunter2")
    page.get_by_label("dry_run").check()
    assert started(page, site) == {
        "region": "us",
        "day": "2026-11-22",
        "shards": 8,
        "tables": ["orders", "items"],
        "steps": ["fetch", "check", "load"],
        "note": None,
        "dry_run": True,
        "options": {"retries": [1, None]},
        # The worker got it; whoever looks at the run does not.
        "token": "***",
    }
    # Last values are remembered, the secret is not, anywhere.
    page.goto(site.web.url)
    page.get_by_role("button", name="Start a run").click()
    expect(page.get_by_label("day")).to_have_value("2026-11-22")
    expect(page.get_by_label("region")).to_have_value("us")
    expect(page.get_by_label("token")).to_have_value("")
    assert "hunter2" not in page.evaluate("() => JSON.stringify({...localStorage})")
    page.get_by_role("button", name="Use the defaults").click()
    expect(page.get_by_label("region")).to_have_value("eu")


def release(version: str, regions: list[str], notes: str | None, steps: list[Literal["a", "b"]], dry: bool) -> None:
    """Release it."""


def test_what_is_required_must_be_filled_in(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("422")
    schema = schema_of(release)
    task = {"name": "release", "doc": "Release it.", "schema": schema, "queue": "builds", "serializer": "json"}
    site.store.client.hset(site.store.keys.tasks(), "release", orjson.dumps(task))
    page = open_page(f"{site.web.url}/#start=release")
    button = page.get_by_role("button", name="Start release")
    button.click()
    names = ("version", "regions", "notes", "steps")
    wrong = page.locator(".field.wrong")
    for name in names:
        expect(wrong.filter(has_text=name)).to_contain_text("is required")
    expect(wrong).to_have_count(len(names))
    expect(page.get_by_label("version")).to_be_focused()
    assert page.get_by_label("version").evaluate("(input) => input.required")
    assert site.store.client.zcard(site.store.keys.runs()) == 0
    # White space fills a text in, and no list.
    page.get_by_label("version").fill(" ")
    page.get_by_label("regions").fill(" \n\n ")
    page.get_by_label("none for notes").check()
    page.get_by_label("a", exact=True).check()
    button.click()
    expect(wrong).to_have_count(1)
    page.get_by_label("regions").fill("eu\nus")
    button.click()
    page.wait_for_url(re.compile("/runs/.+"))
    assert read_run(site.store, page.url.rpartition("/")[2]).json("kwargs") == {
        "version": " ",
        "regions": ["eu", "us"],
        "notes": None,
        "steps": ["a"],
        "dry": False,
    }
    # Programs are told the same.
    body = {"task": "release", "kwargs": {"version": "", "regions": [], "notes": "", "steps": [], "dry": False}}
    answer = page.request.post(f"{site.web.url}/api/v1/runs", data=body)
    assert answer.status == 422
    errors = {one["field"]: one["message"] for one in answer.json()["errors"]}
    assert errors == dict.fromkeys(names, "is required and must not be empty")


def test_a_link_fills_the_form_and_starts_nothing(site: Site, open_page: OpenPage, load: dict[str, Any]) -> None:
    page = open_page(f"{site.web.url}/#start=etl.load&shards=4&day=2026-01-31&note=%3Cimg%20src%3Dx%3E&token=stolen")
    expect(page.get_by_label("shards")).to_have_value("4", timeout=SECONDS)
    expect(page.locator(".form")).to_contain_text("Nothing starts until you press the button")
    expect(page.get_by_label("note", exact=True)).to_have_value("<img src=x>")
    expect(page.get_by_label("token")).to_have_value("")
    assert page.locator(".runs tbody tr").count() == 0
    page.get_by_label("token").fill("hunter2")
    page.evaluate("() => document.addEventListener('copy', (event) => event.preventDefault())")
    page.get_by_text("Copy as").click()
    page.get_by_role("button", name="Link to this form").click()
    expect(page.locator(".form [role=status]")).not_to_be_empty()
    kwargs = started(page, site)
    assert kwargs["shards"] == 4
    assert kwargs["note"] == "<img src=x>"


PRESETS: dict[str, Any] = {
    **LOAD,
    "labels": {"team": "builders"},
    "title": "Load {day}",
    "presets": {"nightly": {"shards": 32, "region": "us", "steps": ["check"]}, "quick": {"shards": 1}},
}


def test_a_preset_a_title_and_labels(site: Site, open_page: OpenPage) -> None:
    site.store.client.hset(site.store.keys.tasks(), "etl.load", orjson.dumps(PRESETS))
    page = open_page(f"{site.web.url}/#start=etl.load&day=2026-01-31")
    preset, shards = page.get_by_label("Preset"), page.get_by_label("shards")
    preset.select_option("nightly")
    expect(page.get_by_text("It sets shards, region, steps.")).to_be_visible()
    expect(shards).to_have_value("32")
    marked = page.get_by_text("From the preset nightly.")
    expect(marked).to_have_count(3)
    page.get_by_label("region").select_option("eu")
    expect(marked).to_have_count(2)
    # What another preset does not say goes back, and what people wrote stays.
    preset.select_option("quick")
    expect(shards).to_have_value("1")
    expect(page.get_by_label("fetch", exact=True)).to_be_checked()
    preset.select_option("nightly")
    page.get_by_text("Title and labels").click()
    expect(page.get_by_text("The task sets team=builders.")).to_be_visible()
    page.get_by_label("Title", exact=True).fill("By hand")
    labels = page.get_by_label("Labels", exact=True)
    labels.fill("branch=main\nteam=x")
    page.get_by_role("button", name="Start etl.load").click()
    expect(page.locator(".field.wrong")).to_contain_text("the task declares the label team")
    expect(labels).to_be_focused()
    labels.fill("branch=main")
    kwargs = started(page, site)
    assert (kwargs["shards"], kwargs["region"], kwargs["steps"]) == (32, "us", ["check"])
    run = read_run(site.store, page.url.rpartition("/")[2])
    assert (run.text("title"), run.text("label:branch")) == ("By hand", "main")


def copied(page: Page, way: str, said: str) -> str:
    """Take a way of "Copy as"; return what is in the clipboard."""
    page.get_by_text("Copy as").click()
    page.get_by_role("button", name=way).click()
    expect(page.locator(".form [role=status]")).to_have_text(f"Copied for {said}. Put the secrets in.")
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text


def test_the_form_is_copied_as_commands_that_start_the_same(site: Site, open_page: OpenPage, load: Any) -> None:
    page = open_page(f"{site.web.url}/#start=etl.load&day=2026-01-31&note=it%27s&.title=By+hand&.label=branch%3Dmain")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("token").fill("hunter2")
    curl, ours = copied(page, "curl", "curl"), copied(page, "runtail start", "the command line")
    assert "hunter2" not in curl + ours
    assert ours.endswith("token=@FILE --title 'By hand' --label branch=main")
    # What curl sends starts what the form would start.
    found = subprocess.run(["bash", "-c", curl], capture_output=True, timeout=60, check=True)
    by_curl = read_run(site.store, orjson.loads(found.stdout)["id"])
    assert (by_curl.text("title"), by_curl.text("label:branch")) == ("By hand", "main")
    assert started(page, site) == by_curl.json("kwargs")
    # Escape closes the menu, and the drawer stays.
    page.goto(f"{site.web.url}/#start=etl.load&shards=many")
    page.get_by_text("Copy as").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="curl", exact=True)).to_be_hidden()
    expect(page.get_by_role("dialog", name="Start a run")).to_be_visible()
    # Nothing is copied that the form would refuse.
    page.get_by_text("Copy as").click()
    page.get_by_role("button", name="curl", exact=True).click()
    expect(page.locator(".field.wrong", has_text="day")).to_contain_text("is required")
    expect(page.locator(".form [role=status]")).to_be_empty()


def test_one_form_starts_one_run(site: Site, open_page: OpenPage, complaints: Complaints, load: dict[str, Any]) -> None:
    complaints.expect("net::ERR_FAILED")
    page = open_page(f"{site.web.url}/#start=etl.load&day=2026-01-31")
    keys: list[str] = []

    def lose_the_answer(route: Any) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    page.route(re.compile("/api/v1/runs$"), lose_the_answer)
    page.get_by_role("button", name="Start etl.load").click()
    expect(page.locator(".form .problem")).to_contain_text("The server does not answer", timeout=SECONDS)
    page.unroute(re.compile("/api/v1/runs$"))
    with page.expect_request(lambda request: request.method == "POST") as asked:
        page.get_by_role("button", name="Start etl.load").click()
    assert asked.value.headers["idempotency-key"] == keys[0]
    page.wait_for_url(re.compile("/runs/.+"))
    assert site.store.client.zcard(site.store.keys.runs()) == 1


def test_an_ended_run_is_retried_or_taken_as_a_pattern(site: Site, open_page: OpenPage, load: dict[str, Any]) -> None:
    page = open_page(f"{site.web.url}/#start=etl.load&day=2026-01-31&shards=3")
    started(page, site)
    first = page.url
    expect(page.locator(".parameters")).to_contain_text("shards=3", timeout=SECONDS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_contain_text("It has not started yet")
    page.get_by_role("button", name="Yes, cancel the run").click()
    expect(page.locator("h1 .chip")).to_contain_text("cancelled", timeout=SECONDS)
    more(page)
    page.get_by_role("link", name="Run again with changes…").click()
    expect(page.get_by_label("shards")).to_have_value("3", timeout=SECONDS)
    page.go_back()
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("button", name="Yes, run it again").click()
    page.wait_for_url(lambda url: "/runs/" in url and url != first)
    expect(page.locator(".about")).to_contain_text("Retry of", timeout=SECONDS)
    expect(page.locator(".parameters")).to_contain_text("shards=3")


def test_a_retry_without_its_secrets_opens_the_form_with_the_rest(
    site: Site, open_page: OpenPage, complaints: Complaints, load: dict[str, Any]
) -> None:
    complaints.expect("409")
    page = open_page(f"{site.web.url}/#start=etl.load&day=2026-01-31&shards=3")
    page.get_by_label("token").fill("hunter2")
    # There are no keys here.
    expect(page.get_by_text("Secrets are sent to the worker without encryption")).to_be_visible()
    assert started(page, site)["token"] == "***"
    expect(page.locator(".parameters")).to_contain_text("shards=3", timeout=SECONDS)
    assert "hunter2" not in page.content()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel the run").click()
    expect(page.locator("h1 .chip")).to_contain_text("cancelled", timeout=SECONDS)
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("button", name="Yes, run it again").click()
    expect(page.get_by_label("shards")).to_have_value("3", timeout=SECONDS)
    expect(page.get_by_label("token")).to_have_value("")
    expect(page.get_by_label("token")).to_have_attribute("type", "password")


def test_the_link_is_copied_without_a_clipboard_of_its_own(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(1)
    page = open_page(site.run_page(producer.run_id))
    # As on plain http.
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.evaluate(
        """() => document.addEventListener("copy", (event) => {
            const put = event.clipboardData.setData.bind(event.clipboardData);
            event.clipboardData.setData = (type, text) => { window.copied = text; put(type, text); };
        }, {capture: true})"""
    )
    sharing(page)
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator(".actions .menu [role=status]").first).to_have_text("Copied")
    assert page.evaluate("window.copied") == page.url
    producer.end()
