"""``self.replace()``: the run goes on with the task that takes the first one's place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import chain, chord, group
from celery.result import AsyncResult

from tests.support.waiting import wait_for
from tests.support.worker import Worker

GET_SECONDS = 40


@pytest.fixture(scope="module", params=["prefork", "solo"])
def worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Worker]:
    arguments = [f"--pool={request.param}", "--concurrency=3"]
    environment: dict[str, str | None] = {"TEST_BROKER": redis_url}
    directory = tmp_path_factory.mktemp("replace")
    with Worker(
        directory, redis_url, app="tests.support.same_id_app", arguments=arguments, environment=environment
    ) as made:
        yield made.wait_ready()


def kinds(worker: Worker, run_id: str) -> list[str]:
    """The kinds of a run's events, in order."""
    return [event["kind"] for event in worker.events(run_id)]


def result_of(worker: Worker, run_id: str) -> Any:
    return AsyncResult(run_id, app=worker.client).get(timeout=GET_SECONDS)


@pytest.mark.parametrize(("word", "times"), [("once", 1), ("thrice", 3)])
def test_the_replacement_is_executed_in_the_same_run(worker: Worker, word: str, times: int) -> None:
    run_id = worker.send("i.replaces", word, times)
    assert result_of(worker, run_id) == word
    run = worker.wait_ended(run_id)
    assert (run.state, run.number("attempt")) == ("succeeded", times + 1)
    before = "".join(f"{left} to go\n" for left in range(times, 0, -1))
    assert worker.output(run_id).decode() == f"{before}{word}\n"
    assert kinds(worker, run_id) == [*["start", "replaced"] * times, "start", "end"]
    assert [event["task"] for event in worker.events(run_id, "replaced")] == ["i.replaces"] * (times - 1) + ["i.says"]
    # It is the task that somebody started.
    assert run.text("task") == "i.replaces"
    assert worker.find(f"{run_id}~1") is None


def test_a_replacement_that_comes_before_the_end_of_the_first_waits_for_it(worker: Worker) -> None:
    run_id = worker.send("i.replaces", "late", lingers=1.5)
    assert result_of(worker, run_id) == "late"
    run = worker.wait_ended(run_id)
    assert (run.state, worker.output(run_id)) == ("succeeded", b"1 to go\nlate\n")
    assert kinds(worker, run_id) == ["start", "replaced", "start", "end"]


@pytest.mark.parametrize(
    ("kind", "right", "last", "output"),
    [
        ("chain", "wchained", "i.extends", b"before\nw and chained\n"),
        ("chord", "w0+w1+w2", "i.joins", b"before\njoined w0 w1 w2\n"),
        ("group", ["w0", "w1", "w2"], "celery.accumulate", b"before\n"),
    ],
)
def test_a_task_replaced_with_several_goes_on_with_the_last(
    worker: Worker, kind: str, right: Any, last: str, output: bytes
) -> None:
    run_id = worker.send("i.replaces_with", kind, "w")
    assert result_of(worker, run_id) == right
    run = worker.wait_ended(run_id)
    assert (run.state, worker.output(run_id)) == ("succeeded", output)
    assert [event["task"] for event in worker.events(run_id, "replaced")] == [last]
    assert kinds(worker, run_id) == ["start", "replaced", "start", "end"]


def test_replaced_tasks_in_chains_groups_and_chords(worker: Worker) -> None:
    def signature(name: str, *args: Any) -> Any:
        return worker.client.signature(name, args=args, queue=worker.queue)

    in_chain = chain(signature("i.replaces", "a"), signature("i.extends", "b"))()
    in_group = group(signature("i.replaces", f"g{number}") for number in range(3))()
    in_chord = chord([signature("i.replaces", f"c{number}") for number in range(3)])(signature("i.joins"))
    assert in_chain.get(timeout=GET_SECONDS) == "ab"
    assert in_group.get(timeout=GET_SECONDS) == ["g0", "g1", "g2"]
    assert in_chord.get(timeout=GET_SECONDS) == "c0+c1+c2"
    ended = [worker.wait_ended(result.id) for result in [in_chain, in_chain.parent, *in_group.results, in_chord]]
    assert {str(run.state) for run in ended} == {"succeeded"}
    assert worker.output(in_group.results[1].id) == b"1 to go\ng1\n"


def test_retries_before_and_after_a_replacement_are_attempts_of_the_run(worker: Worker) -> None:
    run_id = worker.send("i.fails_then_replaces")
    assert result_of(worker, run_id) == 2
    assert worker.wait_ended(run_id).number("attempt") == 5
    said = [line for line in worker.output(run_id).splitlines() if line.startswith((b"try", b"flaky"))]
    assert said == [b"try 0", b"try 1", b"flaky 0", b"flaky 1", b"flaky 2"]
    again = ["start", "retry"]
    assert kinds(worker, run_id) == [*again, "start", "replaced", *again, *again, "start", "end"]


def test_a_task_that_takes_no_notice_of_its_replacement_ends_and_the_replacement_is_a_run(worker: Worker) -> None:
    run_id = worker.send("i.goes_on")
    first = wait_for(lambda: worker.find(f"{run_id}~1"), 30, worker.process.evidence)
    assert first is not None
    assert (first.state, worker.output(first.id)) == ("succeeded", b"took no notice\n")
    assert worker.wait_ended(run_id).text("earlier_execution") == first.id
    assert worker.output(run_id) == b"replaced\n"
