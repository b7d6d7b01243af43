"""What is not as it should be has words on the page, and a way on."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import OUTPUT
from runtail.runs.retention import delete
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.test_page_run import expect_lines
from tests.support.beating import beating
from tests.support.processes import StartProcess
from tests.support.relay import Producer, Relay, make_store, now_ms
from tests.support.services import Service

pytestmark = pytest.mark.browser

SECONDS = 20_000


def test_a_deleted_run_is_told_from_one_that_never_was(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404")
    producer = Producer(site.store)
    producer.write(3)
    producer.end()
    delete(site.store, producer.run_id)
    page = open_page(site.run_page(producer.run_id))
    expect(page.get_by_role("alert")).to_contain_text("This run was deleted", timeout=SECONDS)
    expect(page.get_by_role("alert")).to_contain_text("Somebody deleted it, or it made room for newer runs.")
    page.goto(site.run_page("nobody"))
    expect(page.get_by_role("alert")).to_contain_text("Check the id.", timeout=SECONDS)


def test_a_run_that_is_deleted_while_it_is_watched(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404")
    producer = Producer(site.store)
    producer.write(20)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    delete(site.store, producer.run_id)
    expect(page.get_by_role("alert")).to_contain_text("This run was deleted", timeout=SECONDS)
    # What was deleted is shown no longer: it may have been a secret.
    expect(page.locator(".row.line")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


@contextmanager
def refusing(
    start_process: StartProcess, redis_url: str, key_prefix: str, directory: Path, relay_url: str = ""
) -> Iterator[Service]:
    """A web service whose relay does not know it, or is something else."""
    with ExitStack() as stack:
        stack.enter_context(beating(make_store(redis_url, key_prefix)))
        web = Service("web", directory, {"broker_url": redis_url, "key_prefix": key_prefix})
        if not relay_url:
            relay = Relay(start_process, redis_url, key_prefix, allowed_origins="http://other.test")
            relay.wait_until_ready()
            relay_url = relay.url
        web.configure(socket_url=relay_url)
        stack.enter_context(web)
        yield web


def reads_over_http(page: Page, producer: Producer) -> None:
    """The log comes all the same, and the page says how."""
    expect_lines(page, producer)
    expect(page.locator(".connection")).to_contain_text("Reading over HTTP meanwhile")
    producer.write(10)
    expect_lines(page, producer)
    producer.end()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 40 lines, verified$"), timeout=SECONDS)


def test_a_relay_that_does_not_let_the_page_in(
    redis_url: str,
    key_prefix: str,
    tmp_path: Path,
    start_process: StartProcess,
    open_page: OpenPage,
    complaints: Complaints,
) -> None:
    complaints.expect("WebSocket connection to")
    producer = Producer(make_store(redis_url, key_prefix))
    producer.write(30)
    with refusing(start_process, redis_url, key_prefix, tmp_path) as web:
        page = open_page(f"{web.url}/runs/{producer.run_id}")
        expect(page.locator(".connection")).to_contain_text("Reading over HTTP", timeout=SECONDS)
        reads_over_http(page, producer)


def test_websockets_that_are_swallowed(
    redis_url: str,
    key_prefix: str,
    tmp_path: Path,
    start_process: StartProcess,
    open_page: OpenPage,
    complaints: Complaints,
) -> None:
    complaints.expect("WebSocket connection to")
    producer = Producer(make_store(redis_url, key_prefix))
    producer.write(30)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with refusing(start_process, redis_url, key_prefix, tmp_path, address) as web:
            page = open_page(f"{web.url}/runs/{producer.run_id}")
            expect(page.locator(".connection")).to_contain_text("over HTTP", timeout=60_000)
            reads_over_http(page, producer)


def test_a_relay_that_hangs_is_left(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    """Its connection stands, so that only the record tells that there is more."""
    complaints.expect("WebSocket connection to")
    producer = Producer(site.store)
    producer.write(5)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    expect(page.locator(".connection")).to_contain_text("Live")
    site.relay.process.signal(signal.SIGSTOP)
    try:
        producer.write(5)
        expect(page.locator(".connection")).to_contain_text("Connection lost", timeout=30_000)
        expect(page.locator(".connection")).to_contain_text("Reading over HTTP", timeout=60_000)
        expect_lines(page, producer)
    finally:
        site.relay.process.signal(signal.SIGCONT)
    expect(page.locator(".connection")).to_contain_text("Live", timeout=60_000)
    producer.write(5)
    expect_lines(page, producer)


def test_a_web_service_that_restarts(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("net::ERR_")
    # An answer may have been under way when it was killed.
    complaints.expect("net::ERR_CONTENT_LENGTH_MISMATCH")
    producer = Producer(site.store)
    producer.write(5)
    page = open_page(site.run_page(producer.run_id))
    expect_lines(page, producer)
    expect(page.locator("h1 .chip")).to_contain_text("running")
    site.web.process.kill()
    # The log goes on, for the relay is there.
    producer.write(5)
    expect_lines(page, producer)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel the run").click()
    expect(page.get_by_role("dialog")).to_contain_text("The server does not answer", timeout=SECONDS)
    assert producer.writer.flush().cancel is None
    site.web.start()
    page.get_by_role("button", name="Yes, cancel the run").click()
    expect(page.locator(".about")).to_contain_text("Cancelling…", timeout=SECONDS)
    expect(page.locator(".actions .problem")).to_have_count(0)
    producer.end()
    expect(page.locator("h1 .chip")).to_contain_text("succeeded", timeout=SECONDS)


def test_the_list_recovers_by_itself(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("net::ERR_")
    # An answer may have been under way when it was killed.
    complaints.expect("net::ERR_CONTENT_LENGTH_MISMATCH")
    producer = Producer(site.store)
    page = open_page(site.web.url)
    expect(page.locator("tr", has_text=producer.run_id)).to_be_visible(timeout=SECONDS)
    site.web.process.kill()
    expect(page.locator(".problem")).to_contain_text("The server does not answer. Is it running?", timeout=SECONDS)
    site.web.start()
    expect(page.locator(".problem")).to_have_count(0, timeout=SECONDS)
    expect(page.locator("tr", has_text=producer.run_id)).to_be_visible()


@pytest.mark.parametrize(("hours", "words"), [(2, "ahead of"), (-2, "behind")])
def test_a_wrong_clock_on_the_runs_page(site: Site, open_page: OpenPage, hours: int, words: str) -> None:
    producer = Producer(site.store)
    producer.write(3)
    page = open_page("about:blank")
    page.clock.install(time=(now_ms() + hours * 3_600_000) / 1000)
    page.goto(site.run_page(producer.run_id))
    said = re.compile(f"Your computer's clock is (2 h|1 h 59 min) {words} the server's")
    expect(page.locator(".about")).to_contain_text(said, timeout=SECONDS)
    expect(page.locator(".about .since")).to_have_text(re.compile(r"^for \d+ s$"))
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)


def test_a_line_of_64_kib_and_one_in_pieces(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    long = "begin " + "x" * (65_535 - 10) + " end"
    producer.writer.add(OUTPUT, f"before\n{long}\n".encode(), now_ms())
    producer.writer.add(OUTPUT, b"y" * 65_536, now_ms(), continues=True)
    producer.writer.add(OUTPUT, b"y" * 10 + b" last piece\nafter\n", now_ms())
    producer.writer.flush()
    producer.end()
    page = open_page(site.run_page(producer.run_id))
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 5 lines, verified$"), timeout=SECONDS)
    row = page.locator("#L2")
    assert row.locator(".text").text_content() == long[:4_096]
    row.get_by_role("button", name="… show 61,439 more characters").click()
    expect(row.locator(".text")).to_have_text(long, use_inner_text=False)
    expect(row.get_by_role("button")).to_have_count(0)
    expect(page.locator("#L3")).to_have_class(re.compile("continues"))
    expect(page.locator("#L4 .text")).to_contain_text("last piece")
    expect(page.locator("#L5 .text")).to_have_text("after")
    page.keyboard.press("End")
    expect(page.locator("#L5")).to_be_in_viewport(timeout=SECONDS)
    page.keyboard.press("Home")
    expect(page.locator("#L1")).to_be_in_viewport(timeout=SECONDS)


def test_an_invalid_expression_is_answered_with_the_place(
    site: Site, open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect("400")
    producer = Producer(site.store)
    producer.write(50)
    producer.end()
    page = open_page(site.run_page(producer.run_id))
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    page.keyboard.press("/")
    field = page.get_by_label("Find in the log")
    page.get_by_label(".*").check()
    field.fill("line [0-9")
    expect(page.locator(".found")).to_contain_text("missing ]: [0-9, at character 6", timeout=SECONDS)
    expect(field).to_have_attribute("aria-invalid", "true")
    # Browsers do not know this one; the server does.
    field.fill("(?i)LINE 4[12]")
    expect(page.locator(".found")).to_contain_text("of 2 · searched all lines", timeout=SECONDS)
    expect(field).to_have_attribute("aria-invalid", "false")
