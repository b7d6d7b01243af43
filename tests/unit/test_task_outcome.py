"""What Celery's result means for the run."""

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chain, chord
from celery.app.trace import TraceInfo, trace_ok_t
from celery.exceptions import Ignore, Reject, Retry
from hypothesis import given
from hypothesis import strategies as st

from runtail.masking.mask import Masker
from runtail.worker.celery_main.celery_state import read_status
from runtail.worker.channel import MAX_REASON_CHARS
from runtail.worker.shipper.finish import short
from runtail.worker.task.delivery import successor
from runtail.worker.task.outcome import outcome_of, outcome_of_exception, outcome_of_exit, replaced

TASK = SimpleNamespace(max_retries=3)


def result(state: str, value: BaseException) -> Any:
    return trace_ok_t(None, TraceInfo(state, value), 0.0, None)


def test_success() -> None:
    assert outcome_of(trace_ok_t(1, None, 0.1, "1"), TASK, {})["state"] == "succeeded"


def test_failure_says_why_in_bounded_words() -> None:
    ended = outcome_of(result("FAILURE", ValueError("bad\n" + "x" * 10_000)), TASK, {})
    assert ended["state"] == "failed"
    assert short(ended["why"], Masker()) == "ValueError: bad"
    sent = outcome_of_exception(ValueError("y" * 10_000))["why"]
    assert len(sent) < MAX_REASON_CHARS + 20
    assert short(sent, Masker()) == "ValueError: " + "y" * 488 + "…"


@given(st.integers(0, 30), st.integers(0, 2_100), st.booleans())
def test_no_part_of_a_secret_is_left_where_a_reason_is_cut(times: int, before: int, masks_make_room: bool) -> None:
    secret = "Tr0ub4dor-and-3-horses"
    text = ("x" * before + secret * 80) if masks_make_room else "x" * before + secret * times + "y" * 3_000
    sent = outcome_of_exception(ValueError(text))["why"]
    shown = short(sent, Masker([secret.encode()]))
    assert set(shown.removeprefix("ValueError: ")) <= set("xy*…")
    retry = outcome_of(result("RETRY", Retry("m", OSError(text), when=60)), TASK, {})["retry"]["reason"]
    assert set(short(retry, Masker([secret.encode()])).removeprefix("OSError: ")) <= set("xy*…")


def test_exception_without_text_and_with_a_broken_one() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert outcome_of_exception(KeyError())["why"] == "KeyError"
    assert outcome_of_exception(Broken())["why"] == "Broken: <Broken>"


def test_a_retry_says_when_and_why() -> None:
    before = time.time() * 1000
    ended = outcome_of(result("RETRY", Retry("m", OSError("gone"), when=60)), TASK, {"retries": 1})
    assert ended["why"] == "retry 2 of 3: OSError: gone"
    eta_ms = ended["retry"].pop("eta_ms")
    assert ended["retry"] == {"retries": 2, "max": 3, "reason": "OSError: gone"}
    assert before + 59_000 < eta_ms < before + 70_000


def test_rejected_and_ignored() -> None:
    again = outcome_of(result("REJECTED", Reject("later", requeue=True)), TASK, {})
    assert (again["state"], again["requeue"]) == ("rejected", True)
    assert outcome_of(result("IGNORED", Ignore()), TASK, {})["state"] == "ignored"


@pytest.mark.parametrize(
    ("code", "state", "status"),
    [(None, "succeeded", 0), (0, "succeeded", 0), (3, "failed", 3), (-1, "failed", 255), ("why", "failed", 1)],
)
def test_an_exit_ends_by_its_status(code: Any, state: str, status: int) -> None:
    ended = outcome_of_exit(code)
    assert (ended["state"], ended["exit_status"]) == (state, status)


@pytest.mark.parametrize(
    ("text", "signal", "status", "why"),
    [
        ("Worker exited prematurely: signal 9 (SIGKILL) Job: 5.", 9, None, "killed by signal 9 (SIGKILL)"),
        ("Worker exited prematurely: exitcode 3 Job: 4.", None, 3, "the process exited with status 3"),
        ("Worker exited prematurely: exitcode -241.", 15, None, "killed by signal 15"),
        ("something else", None, None, "the task's process is gone: something else"),
    ],
)
def test_words_of_a_lost_worker(text: str, signal: int | None, status: int | None, why: str) -> None:
    found = read_status(text)
    assert (found.signal, found.exit_status, found.why) == (signal, status, why)


@pytest.mark.parametrize(("state", "error"), [("IGNORED", Ignore()), ("REJECTED", Reject("x", requeue=False))])
def test_a_replaced_task_is_not_over(state: str, error: BaseException) -> None:
    ended = replaced(outcome_of(result(state, error), TASK, {}), "etl.load")
    assert (ended["state"], ended["replaced_by"]) == ("replaced", "etl.load")


@pytest.mark.parametrize(
    ("state", "error"), [("FAILURE", ValueError("x")), ("REJECTED", Reject("x", requeue=True)), ("RETRY", Retry("x"))]
)
def test_a_replaced_task_that_went_on_ends_as_it_did(state: str, error: BaseException) -> None:
    ended = outcome_of(result(state, error), TASK, {})
    assert replaced(ended, "etl.load") == ended


def test_the_successor_of_a_task_is_who_gets_its_id() -> None:
    with Celery("successor", set_as_current=False) as app:
        one, two, three = (app.signature(name) for name in ("one", "two", "three"))
        assert successor(one) == "one"
        assert successor(chain(one, two, app=app)) == "two"
        assert successor(chord([one, two], three, app=app)) == "three"
        nested = chain(one, chord([two], chain(two, three, app=app), app=app), app=app)
        assert successor(nested) == successor(json.loads(json.dumps(nested))) == "three"
