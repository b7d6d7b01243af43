"""A log as plain pages: every line once, in its place, as text; what cannot be shown is said."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from runtail.protocol import EVENT, OUTPUT, RunState
from runtail.protocol import event as events
from runtail.runs.retention import delete
from runtail.store import Store
from runtail.words import clean
from tests.support.beating import beating
from tests.support.hostile import CORPUS
from tests.support.relay import Producer, make_store, now_ms
from tests.support.services import Service
from tests.support.slow_clients import client_at

#: What Chromium sends.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


class Pages:
    """The web service alone, and its store."""

    def __init__(self, web: Service, store: Store) -> None:
        self.web, self.store = web, store

    def get(self, path: str) -> httpx.Response:
        """GET a page."""
        return httpx.get(f"{self.web.url}/runs/{path}", timeout=30)


@pytest.fixture
def pages(redis_url: str, key_prefix: str, tmp_path: Path) -> Iterator[Pages]:
    with ExitStack() as stack:
        web = stack.enter_context(Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix}))
        store = make_store(redis_url, key_prefix)
        stack.enter_context(beating(store))
        yield Pages(web, store)


def lines_of(answer: httpx.Response) -> dict[int, str]:
    """The lines on a page, by number."""
    found = re.findall(r'<span id="L(\d+)" data-line="\1">(.*?)</span>\n', answer.text, re.DOTALL)
    return {int(number): html.unescape(text) for number, text in found}


def sentences(answer: httpx.Response) -> list[str]:
    """What stands between the lines."""
    return [html.unescape(text) for text in re.findall(r"<em>── (.*?)</em>", answer.text, re.DOTALL)]


def link(answer: httpx.Response, word: str) -> str | None:
    """Where a link leads."""
    found = re.search(rf'<a href="([^"]*)"[^>]*>{word}</a>', answer.text)
    return html.unescape(found[1]) if found else None


def test_pages_join_into_the_whole_log(pages: Pages) -> None:
    producer = Producer(pages.store)
    # Entries that no page's border respects.
    for count in (7, 993, 1, 1500, 499, 333):
        producer.write(count)
        producer.writer.add(EVENT, events.encode(events.WARNING, text=f"after {producer.count}"), now_ms())
    producer.end()
    lines: dict[int, str] = {}
    said: list[str] = []
    query: str | None = ""
    seen = 0
    while query is not None:
        answer = pages.get(f"{producer.run_id}/text{query}")
        assert answer.status_code == 200
        found = lines_of(answer)
        assert list(found) == list(range(seen + 1, min(seen + 1000, producer.count) + 1))
        seen += len(found)
        lines |= found
        said += sentences(answer)
        query = link(answer, "Next")
    assert [text.encode() for text in lines.values()] == producer.expected()
    assert [one for one in said if one.startswith("Warning")] == [
        f"Warning: after {n}" for n in (7, 1000, 1001, 2501, 3000, 3333)
    ]
    assert said[-1] == "Succeeded: done"
    last = pages.get(f"{producer.run_id}/text{link(answer, 'Previous')}")
    assert next(iter(lines_of(last))) == 2001
    assert "lines 3,001-3,333 of 3,333" in answer.text
    assert list(lines_of(pages.get(f"{producer.run_id}/text?from=-3"))) == [3331, 3332, 3333]
    assert list(lines_of(pages.get(f"{producer.run_id}/text?from=998&limit=5"))) == [998, 999, 1000, 1001, 1002]


def test_it_says_what_is_not_there(pages: Pages) -> None:
    producer = Producer(pages.store)
    empty = pages.get(f"{producer.run_id}/text")
    assert "no output yet" in empty.text
    assert link(empty, "New lines") == "?from=1"
    producer.write(3)
    beyond = pages.get(f"{producer.run_id}/text?from=5000")
    assert "line 5,000 does not exist yet; there are 3 so far" in beyond.text
    assert link(beyond, "First lines") == "?from=1"
    for query, field in (("from=x", "from"), ("limit=0", "limit"), ("limit=9999", "limit"), ("page=2", "page")):
        wrong = pages.get(f"{producer.run_id}/text?{query}")
        assert wrong.status_code == 422
        assert wrong.headers["content-type"].startswith("text/html")
        assert f"wrong in: {field}" in html.unescape(wrong.text)
    delete(pages.store, producer.run_id)
    gone = pages.get(f"{producer.run_id}/text")
    assert gone.status_code == 404
    assert "This run was deleted" in gone.text
    unknown = pages.get("nobody/text")
    assert unknown.status_code == 404
    assert "There is no such run" in unknown.text
    assert "older than logs are kept" in unknown.text
    ended = Producer(pages.store)
    ended.end()
    assert "no output" in pages.get(f"{ended.run_id}/text").text


def test_hostile_texts_stay_text(pages: Pages) -> None:
    producer = Producer(pages.store)
    producer.writer.add(OUTPUT, b"".join(one.text.encode() + b"\n" for one in CORPUS), now_ms())
    for one in CORPUS:
        producer.writer.add(EVENT, events.encode(events.WARNING, text=one.text), now_ms())
    producer.writer.end(RunState.FAILED, CORPUS[0].text, t_ms=now_ms(), exit_status=1)
    answer = pages.get(f"{producer.run_id}/text")
    assert lines_of(answer) == {number: one.seen for number, one in enumerate(CORPUS, 1)}
    warnings = [one for one in sentences(answer) if one.startswith("Warning: ")]
    assert warnings == [f"Warning: {clean(one.text)}" for one in CORPUS]
    assert set(re.findall(r"<(\w+)", answer.text)) <= {
        "a", "body", "code", "em", "h1", "head", "header", "html", "link", "main", "meta", "p", "pre", "span", "title",
    }  # fmt: skip
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_a_page_of_very_long_lines_ends_early(pages: Pages) -> None:
    producer = Producer(pages.store)
    for _ in range(100):
        producer.writer.add(OUTPUT, b"x" * 65_535 + b"\n", now_ms())
        producer.writer.flush()
    producer.end()
    answer = pages.get(f"{producer.run_id}/text")
    assert len(answer.content) < 6 * 1024 * 1024
    assert list(lines_of(answer)) == list(range(1, 66))
    assert link(answer, "Next") == "?from=66"
    assert list(lines_of(pages.get(f"{producer.run_id}/text?from=66"))) == list(range(66, 101))


def test_people_get_problems_as_pages_and_programs_as_documents(pages: Pages) -> None:
    for address in ("/nope", "/runs/a/b/c", "/api/nope"):
        page = httpx.get(pages.web.url + address, headers={"Accept": BROWSER})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1>Not Found</h1>" in page.text
        assert "the pages are / and /runs/&lt;id&gt;" in page.text
        assert httpx.get(pages.web.url + address).headers["content-type"] == "application/problem+json"
    # The API's are documents whoever asks.
    answer = httpx.get(f"{pages.web.url}/api/v1/runs/nobody", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"
    refused = httpx.get(pages.web.url, headers={"Host": "evil.test", "Accept": "text/html"})
    assert (refused.status_code, "RUNTAIL_ALLOWED_HOSTS" in refused.text) == (403, True)
    for address, target in (("/runs", "/"), ("/runs/", "/")):
        assert httpx.get(pages.web.url + address).headers["location"] == target
    assert httpx.get(f"{pages.web.url}/api/").status_code == 200


def test_a_deleted_run_is_told_from_one_that_never_was(pages: Pages) -> None:
    producer = Producer(pages.store)
    producer.write(1)
    delete(pages.store, producer.run_id)
    for path in ("", "/log", "/log.txt", "/outline", "/log/search?q=x"):
        body = httpx.get(f"{pages.web.url}/api/v1/runs/{producer.run_id}{path}").json()
        assert (body["status"], body["code"], body["title"]) == (404, "deleted-run", "This run was deleted"), path
    again = httpx.delete(f"{pages.web.url}/api/v1/runs/{producer.run_id}").json()
    assert again["title"] == "This run was deleted"
    assert httpx.get(f"{pages.web.url}/api/v1/runs/nobody").json()["title"] == "There is no such run"


def test_a_page_costs_little_whatever_a_log_holds(pages: Pages) -> None:
    producer = Producer(pages.store)
    # Each erasure goes through the whole line.
    costly = (b"x" * 200 + b"\x1b[1K\x1b[C") * 250 + b"x" * 2_000 + b"\n"
    for _ in range(120):
        producer.writer.add(OUTPUT, costly, now_ms())
        producer.writer.flush()
    producer.count = 120
    producer.end()
    process = psutil.Process(pages.web.process.pid).children()[0]
    seen = 0
    query: str | None = ""
    while query is not None:
        before = process.cpu_times().user
        answer = pages.get(f"{producer.run_id}/text{query}")
        assert answer.status_code == 200
        found = lines_of(answer)
        assert list(found) == list(range(seen + 1, seen + len(found) + 1))
        seen += len(found)
        # Half a second for drawing, and what the rest of the service does meanwhile.
        assert process.cpu_times().user - before < 2
        query = link(answer, "Next")
    assert seen == 120


def test_only_some_pages_are_made_at_once(pages: Pages) -> None:
    producer = Producer(pages.store)
    costly = (b"x" * 200 + b"\x1b[1K\x1b[C") * 250 + b"x" * 2_000 + b"\n"
    for _ in range(60):
        producer.writer.add(OUTPUT, costly, now_ms())
        producer.writer.flush()
    producer.end()
    url = f"{pages.web.url}/runs/{producer.run_id}/text"
    with ExitStack() as stack:
        # No more than one client may have at once.
        clients = [stack.enter_context(client_at(pages.web, f"127.0.0.{number}")) for number in range(2, 6)]
        pool = stack.enter_context(ThreadPoolExecutor(16))
        asked = [pool.submit(client.get, url, timeout=60) for client in clients * 4]
        # Others are served meanwhile.
        assert httpx.get(f"{pages.web.url}/api/v1/config", timeout=20).status_code == 200
        answers = [one.result() for one in asked]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() == {200, 503}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert int(busy.headers["retry-after"]) > 0
    assert "Too many clients are reading a log as a page" in busy.text
