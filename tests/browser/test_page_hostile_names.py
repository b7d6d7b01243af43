"""Whatever a task, its parameters or its errors are called, it is text: in the list, the header, the form, problems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from playwright.sync_api import Route, expect

from runtail.protocol import RunState
from tests.browser.conftest import Complaints
from tests.browser.watched import SECONDS, Watched, batches, made, no_more_than
from tests.support.hostile import NAMES, Hostile, seen_as_name
from tests.support.relay import now_ms

pytestmark = pytest.mark.browser


def test_the_list_and_its_older_pages(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        for producer, one in [
            (made(watched, {"task": one.text, "who": one.text, "why": one.text}, {}), one) for one in texts
        ]:
            producer.writer.end(RunState.FAILED, one.text, t_ms=now_ms(), exit_status=1)
        page = watched.open("/")
        count = len(texts)
        expect(page.locator(".runs tbody tr")).not_to_have_count(0, timeout=SECONDS)
        while page.locator(".runs tbody tr").count() < count:
            before = page.locator(".runs tbody tr").count()
            page.get_by_role("button", name="Older runs").click()
            expect(page.locator(".runs tbody tr")).not_to_have_count(before, timeout=SECONDS)
        for place in (".task", ".why", ".who"):
            shown = page.locator(f".runs tbody {place}").all_text_contents()
            assert {seen_as_name(one.text) for one in texts} <= set(shown)
        watched.look()

    no_more_than(watched, show, NAMES)


def test_parameters_and_the_rest_of_the_header(watched: Watched) -> None:
    def show(texts: Sequence[Hostile]) -> None:
        words = " · ".join(one.text[:200] for one in texts)
        fields = dict.fromkeys(("task", "who", "why", "worker", "queue", "retry_of"), words)
        producer = made(watched, fields, {one.text: one.text for one in texts})
        producer.write(1)
        page = watched.open_run(producer.run_id)
        expect(page.locator(".about .task")).to_have_text(seen_as_name(words), timeout=SECONDS, use_inner_text=False)
        page.locator(".parameters summary").click()
        for place in (".parameters dt", ".parameters dd"):
            assert sorted(page.locator(place).all_text_contents()) == sorted(seen_as_name(one.text) for one in texts)
        assert page.locator(".about .why").text_content() == seen_as_name(words)
        assert seen_as_name(words) in page.locator(".about .facts").text_content()  # type: ignore[operator]
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        watched.look()
        producer.end()

    no_more_than(watched, show, NAMES)


def test_the_form_and_the_fleet(watched: Watched) -> None:
    store = watched.site.store

    def publish(name: str, words: str, properties: dict[str, Any]) -> None:
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        task = {
            "name": name,
            "doc": words,
            "schema": schema,
            "queue": words[:500],
            "serializer": "json",
            "exclusive": False,
        }
        store.client.hset(store.keys.tasks(), name, orjson.dumps({**task, "restart": False, "max_attempts": 1}))

    def show(texts: Sequence[Hostile]) -> None:
        store.client.delete(store.keys.tasks(), store.keys.runs(), store.keys.queued())
        words = "\n".join(one.text for one in texts)
        properties: dict[str, Any] = {}
        for one in texts:
            types: list[dict[str, Any]] = [
                {"type": "string"},
                {"enum": [one.text, f"{one.text} 2"]},
                {"type": "array", "items": {"enum": [one.text]}},
            ]
            kind = types[len(properties) % 3]
            default = [one.text] if kind.get("type") == "array" else one.text
            properties[one.text] = {**kind, "title": one.text, "description": one.text, "default": default}
        publish(" a first", words, properties)
        for one in texts:
            publish(one.text, one.text, {})
        worker = {"name": words[:1000], "queues": [one.text for one in texts], "concurrency": 1, "pool": words[:100]}
        store.client.set(store.keys.worker("w"), orjson.dumps(worker), ex=3600)
        store.client.zadd(store.keys.workers(), {"w": now_ms()})
        page = watched.open("/")
        expect(page.locator(".connection")).to_contain_text("Connected")
        expect(page.locator("main")).to_contain_text("No runs yet")
        page.locator(".fleet summary").click()
        page.get_by_role("button", name="Start a run").click(timeout=SECONDS)
        page.get_by_label("Task", exact=True).click()
        expect(page.get_by_role("option")).to_have_count(min(50, len(texts) + 1))
        page.keyboard.type("a first")
        page.keyboard.press("Enter")
        # Beside those of the task and of the run's name.
        expect(page.locator(".field:not(.naming .field)")).to_have_count(len(texts) + 1)
        assert page.locator(".form .doc").text_content() == seen_as_name(words)
        helps = page.locator("form .field:not(.naming .field) .about-field small").all_text_contents()
        assert sorted(text.strip() for text in helps) == sorted(seen_as_name(one.text) for one in texts)
        values = page.locator("form .field:not(.naming .field) input[type=text]").evaluate_all(
            "(all) => all.map((one) => one.value)"
        )
        assert sorted(values) == sorted(one.text for one in texts[::3])
        watched.look()
        # Started with everything as it stands, it arrives as it stands.
        page.locator("button.primary[type=submit]").click()
        page.wait_for_url(re.compile("/runs/.+"))
        run_id = page.url.rpartition("/")[2]
        kwargs = orjson.loads(store.client.hget(store.keys.run(run_id), "kwargs") or b"")
        assert kwargs == {name: rule["default"] for name, rule in properties.items()}

    # What a line of a field cannot hold, and what a request cannot, is left out.
    no_more_than(watched, show, [one for one in NAMES if one.text.strip() == one.text and len(one.text) < 1_000])


def test_problems(watched: Watched, complaints: Complaints) -> None:
    complaints.expect("400")
    complaints.expect("404")
    answers: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        route.fulfill(status=400, content_type="application/problem+json", body=orjson.dumps(answers[-1]))

    def show(texts: Sequence[Hostile]) -> None:
        watched.page.route(re.compile("/api/v1/runs($|[?])"), answer)
        for number, some in enumerate(batches(texts, 10)):
            words = f"{number}: " + " · ".join(one.text for one in some)
            errors = [{"field": one.text, "message": one.text} for one in some]
            answers.append(
                {"title": words, "detail": f"detail {words}", "code": words, "errors": errors, "run_page": some[0].text}
            )
            if number == 0:
                watched.open("/")
                expect(watched.page.locator("main")).to_contain_text("No task is published", timeout=SECONDS)
                expect(watched.page.locator(".connection")).to_contain_text("Connected")
            else:
                watched.page.get_by_role("button", name="Try again").click()
            problem = watched.page.locator(".problem")
            expect(problem).to_contain_text(f"detail {number}: ", timeout=SECONDS)
            assert seen_as_name(words) in (problem.text_content() or "")
            watched.look()
        watched.page.unroute(re.compile("/api/v1/runs($|[?])"))
        # The server's own, about a run that has such a name.
        for one in (one for one in texts[::12] if "/" not in one.text and 0 < len(one.text) < 500):
            watched.open(f"/runs/{quote(one.text, safe='')}")
            expect(watched.page.locator(".missing")).to_be_visible(timeout=SECONDS)
            expect(watched.page.locator(".connection")).to_have_count(0)
            watched.look()

    no_more_than(watched, show, NAMES)
