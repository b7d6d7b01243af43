"""One run through keeper and shipper: output, end, death, refusal, late output."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtail.metric_table import METRICS
from runtail.worker.inband import sequence
from tests.support.capture_rig import NONCE, Rig
from tests.support.http_get import http_get
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for

#: What kombu knows a message by, however often it is delivered.
PUBLICATION = "7f3a5c1e-8d0b-4f6e-9a27-1b6f0c2d4e58"


@pytest.fixture
def rig(tmp_path: Path, redis_url: str, key_prefix: str) -> Iterator[Rig]:
    with Rig(tmp_path, redis_url, key_prefix) as rig:
        yield rig


@pytest.fixture
def rig_with_port(tmp_path: Path, redis_url: str, key_prefix: str) -> Iterator[tuple[Rig, int]]:
    """With an admin port."""
    port = free_port()
    with Rig(tmp_path, redis_url, key_prefix, worker_admin_port=port) as rig:
        yield rig, port


def test_a_run_from_start_to_end(rig: Rig) -> None:
    task = rig.run("for n in range(1000): print('line', n)")
    run = task.wait_ended()
    assert (str(run.state), run.text("why")) == ("succeeded", "")
    assert task.output() == b"".join(b"line %d\n" % n for n in range(1000))
    kinds = [event["kind"] for event in task.events()]
    assert (kinds[0], kinds[-1]) == ("start", "end")
    *_, end = task.events()
    assert (end["lines"], end["bytes"]) == (1000, len(task.output()))
    report = task.report()
    assert report["done"]
    assert report["answer"] == {"op": "go", "run": task.run_id, "attempt": 1}


def test_any_bytes_are_kept(rig: Rig) -> None:
    data = bytes(range(256)) + b"\xed\xa0\x80 lone surrogate\n" + b"\0" * 10 + b"\xff\xfe no newline"
    data = data.replace(b"\r", b"").replace(b"\b", b"")
    task = rig.run(f"import os; os.write(1, {data!r})")
    task.wait_ended()
    assert task.output() == data


def test_fifty_threads_keep_their_lines_whole(rig: Rig) -> None:
    task = rig.run(
        "import os, threading\n"
        "def work(t):\n"
        "    for n in range(100): os.write(1, b'%d-%d\\n' % (t, n))\n"
        "threads = [threading.Thread(target=work, args=(t,)) for t in range(50)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]"
    )
    task.wait_ended()
    lines = task.output().splitlines()
    assert sorted(lines) == sorted(b"%d-%d" % (t, n) for t in range(50) for n in range(100))


def test_a_killed_task_loses_nothing_and_ends_with_its_signal(rig: Rig) -> None:
    task = rig.run("import os\nfor n in range(20000): os.write(1, b'%06d\\n' % n)\nos.kill(os.getpid(), 9)")
    wait_for(lambda: not task.process.is_running(), 20)
    run = task.wait_ended()
    assert str(run.state) == "failed"
    assert run.maybe("signal") in (9, None)
    assert task.output() == b"".join(b"%06d\n" % n for n in range(20000))


def test_the_worker_knows_why_a_task_died(rig: Rig) -> None:
    task = rig.run("import os; print('x', flush=True); os.kill(os.getpid(), 9)")
    wait_for(lambda: not task.process.is_running(), 20)
    rig.tell({"v": 1, "op": "died", "pid": task.process.pid, "run": None, "why": "", "signal": 9,
              "exit_status": None})  # fmt: skip
    run = task.wait_ended(deadline_seconds=5)
    assert (run.text("why"), run.maybe("signal")) == ("signal 9 (SIGKILL)", 9)


def test_the_first_reason_is_the_cause(rig: Rig) -> None:
    task = rig.run("import os, time; print('x', flush=True); time.sleep(60)")
    task.wait_state("running")
    died = {"v": 1, "op": "died", "pid": task.process.pid, "run": None, "exit_status": None}
    rig.tell({**died, "why": "hard time limit of 1 s exceeded", "signal": None})
    task.process.kill()
    rig.tell({**died, "why": "killed by signal 9 (SIGKILL)", "signal": 9})
    run = task.wait_ended(deadline_seconds=5)
    assert run.text("why") == "hard time limit of 1 s exceeded; signal 9 (SIGKILL)"


def test_a_task_that_will_be_redelivered_goes_back_to_the_queue(rig: Rig) -> None:
    task = rig.run("import os; print('x', flush=True); os._exit(3)", redelivers=True, requeues=True)
    run = task.wait_state("queued")
    assert run.text("why") == "redelivery expected"
    assert [e["kind"] for e in task.events()] == ["start", "interrupted"]
    again = rig.run("print('y')", task.run_id)
    again.wait_ended()
    assert again.output() == b"x\ny\n"
    assert again.report()["answer"]["attempt"] == 2


@pytest.mark.parametrize(
    ("outcome", "state", "why", "kind"),
    [
        ({"state": "failed", "why": "ValueError: no"}, "failed", "ValueError: no", None),
        ({"state": "failed", "why": "x", "exit_status": 7}, "failed", "x", None),
        ({"state": "ignored", "why": ""}, "succeeded", "the task ignored its result", None),
        ({"state": "rejected", "why": "rejected"}, "failed", "rejected", None),
        ({"state": "rejected", "why": "rejected", "requeue": True}, "queued", "rejected, requeued", "interrupted"),
        ({"state": "interrupted", "why": "shutdown"}, "lost", "shutdown", "interrupted"),
    ],
)  # fmt: skip
def test_outcomes(rig: Rig, outcome: dict[str, object], state: str, why: str, kind: str | None) -> None:
    task = rig.run(f"print('out'); outcome = {outcome!r}")
    run = task.wait_state(state)
    assert run.text("why") == why
    assert run.maybe("exit_status") == outcome.get("exit_status")
    assert (kind in [e["kind"] for e in task.events()]) == (kind is not None)


def test_an_interrupted_task_that_may_restart_is_queued(rig: Rig) -> None:
    task = rig.run("outcome = {'state': 'interrupted', 'why': 'shutdown'}", restart=True, announced=True)
    assert task.wait_state("queued").text("why") == "shutdown"


def test_an_interrupted_task_whose_process_is_gone_first_was_interrupted(rig: Rig, tmp_path: Path) -> None:
    """It was called failed if the worker saw the process end before the shipper had decided."""
    flag = tmp_path / "go"
    task = rig.run(
        f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)\n"
        "outcome = {'state': 'interrupted', 'why': 'told to stop by a signal'}"
    )
    task.wait_state("running")
    rig.tell({"v": 1, "op": "died", "pid": task.process.pid, "run": None, "why": "the process exited with status 0",
              "signal": None, "exit_status": 0})  # fmt: skip
    flag.touch()
    run = task.wait_ended()
    assert (run.state, run.text("why")) == ("lost", "told to stop by a signal")
    assert [event["kind"] for event in task.events()] == ["start", "interrupted", "end"]


def test_an_interrupted_task_that_nobody_can_publish_again_is_lost(rig: Rig) -> None:
    """It was called queued, waited for a message that nobody would send, and was lost half a minute later."""
    task = rig.run("outcome = {'state': 'interrupted', 'why': 'shutdown'}", restart=True)
    assert task.wait_ended().text("why") == "shutdown"
    assert [event["kind"] for event in task.events()] == ["start", "interrupted", "end"]


def test_a_retry_is_an_entry_and_a_new_attempt(rig: Rig) -> None:
    retry = {"retries": 1, "max": 3, "eta_ms": 1764000000000, "reason": "flaky hunter2secret"}
    outcome = {"state": "retry", "why": "retry 1 of 3: flaky", "retry": retry}
    task = rig.run(f"print('one'); outcome = {outcome!r}", masks=["hunter2secret"])
    run = task.wait_state("queued")
    assert run.number("eta_ms") == 1764000000000
    events = {event["kind"]: event for event in task.events()}
    assert events["retry"]["reason"] == "flaky ***"
    second = rig.run("print('two')", task.run_id, retries=1)
    second.wait_ended()
    assert second.output() == b"one\ntwo\n"


def test_a_second_delivery_is_refused(rig: Rig) -> None:
    task = rig.run("print('once')", publication=PUBLICATION)
    task.wait_ended()
    again = rig.run("print('twice')", task.run_id, publication=PUBLICATION, redelivered=True)
    answer = again.report()["answer"]
    assert (answer["op"], answer["reason"]) == ("refuse", "ended")
    assert task.output() == b"once\n"


def test_a_held_run_is_refused_while_its_holder_lives(rig: Rig, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    body = f"import os, time\nwhile not os.path.exists({str(stop)!r}): time.sleep(0.01)"
    first = rig.run(body, publication=PUBLICATION)
    first.wait_state("running")
    second = rig.run("print('no')", first.run_id, publication=PUBLICATION, redelivered=True)
    answer = second.report()["answer"]
    assert (answer["op"], answer["reason"]) == ("refuse", "held")
    stop.touch()
    assert str(first.wait_ended().state) == "succeeded"


def test_a_redelivery_before_the_end_of_the_first_is_stored_is_the_next_attempt(
    tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    """The shipper waits a second for the reason of a death, and says meanwhile that it lives."""
    message: dict[str, Any] = {"publication": PUBLICATION, "redelivers": True, "requeues": True}
    with Rig(tmp_path, redis_url, key_prefix, beat_seconds=0.1) as rig:
        first = rig.run("import time\nprint('one', flush=True)\ntime.sleep(60)", **message)
        first.wait_state("running")
        wait_for(lambda: first.output() == b"one\n", 15)
        first.process.kill()
        second = rig.run("print('two')", first.run_id, redelivered=True, **message)
        run = second.wait_ended()
        assert (str(run.state), run.number("attempt")) == ("succeeded", 2)
        assert second.output() == b"one\ntwo\n"


def test_a_retry_that_overtakes_the_end_of_the_first_waits_for_it(
    tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    over = tmp_path / "over"
    body = (
        f"import os, time\nprint('one', flush=True)\nwhile not os.path.exists({str(over)!r}): time.sleep(0.01)\n"
        "outcome = {'state': 'retry', 'why': 'again', 'retry': {'retries': 1}}"
    )
    with Rig(tmp_path, redis_url, key_prefix, beat_seconds=0.1) as rig:
        first = rig.run(body, publication=PUBLICATION)
        first.wait_state("running")
        wait_for(lambda: first.output() == b"one\n", 15)
        second = rig.run("print('two')", first.run_id, publication=str(uuid.uuid4()), retries=1)
        # It asks, and the first one's beat goes on meanwhile.
        stays(lambda: not second.process.output(), 1.5)
        over.touch()
        run = second.wait_ended()
        assert (str(run.state), run.number("attempt")) == ("succeeded", 2)
        assert second.output() == b"one\ntwo\n"


def test_a_left_behind_process_does_not_hold_the_run(rig: Rig, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    body = (
        "import os, time\n"
        "print('own', flush=True)\n"
        "if os.fork() == 0:\n"
        f"    while not os.path.exists({str(stop)!r}):\n"
        "        os.write(1, b'late\\n'); time.sleep(0.001)\n"
        "    os._exit(0)\n"
    )
    task = rig.run(body)
    run = task.wait_ended()
    # It still writes: nothing has told it to stop.
    assert task.report()["done"]
    own = task.output()
    assert own.startswith(b"own\n")
    stop.touch()

    def counted() -> bool:
        record = task.record
        return record is not None and record.number("late_bytes") > 0

    wait_for(counted, 10, rig.evidence)
    assert task.output() == own
    assert run.text("state") == "succeeded"


def test_in_band_sequences_become_events(rig: Rig) -> None:
    data = b"a\n" + sequence(NONCE, {"op": "group", "title": "Build"}) + b"in\n"
    data += b"::warning::hot\n" + b"pw hunter2secret\n" + sequence(NONCE, {"op": "endgroup"})
    task = rig.run(f"import os; os.write(1, {data!r})", masks=["hunter2secret"])
    run = task.wait_ended()
    assert task.output() == b"a\nin\n::warning::hot\npw ***\n"
    events = [e for e in task.events() if e["kind"] not in ("start", "end")]
    assert [(e["kind"], e.get("line")) for e in events] == [
        ("group", None), ("warning", 3), ("endgroup", None), ("masked", None),
    ]  # fmt: skip
    assert run.number("masked") == 1


def test_the_unfinished_line_is_live(rig: Rig, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    task = rig.run(
        "import os, time\n"
        "print('done')\n"
        "os.write(1, b'10%\\r20%')\n"
        f"while not os.path.exists({str(stop)!r}): time.sleep(0.01)\n"
        "os.write(1, b'\\r100%\\n')"
    )

    def live() -> dict[str, object] | None:
        record = task.record
        value = record.json("live") if record else None
        return value if value and value["text"] == "20%" else None

    shown = wait_for(live, 10, rig.evidence)
    assert shown is not None
    assert shown["line"] == 2
    stop.touch()
    run = task.wait_ended()
    assert task.output() == b"done\n100%\n"
    assert run.number("rewritten_bytes") == 8


def test_endless_overwriting_stays_small(rig: Rig) -> None:
    task = rig.run(
        "import os, time\nfor n in range(2000): os.write(1, b'\\rprogress %d' % n); time.sleep(0.001)\nprint()"
    )
    run = task.wait_ended()
    assert task.output() == b"progress 1999\n"
    assert run.number("rewritten_bytes") > 20000


def test_a_cancel_reaches_the_worker_and_the_log(rig: Rig) -> None:
    from runtail.runs.cancel import cancel

    task = rig.run("import time\nprint('x')\ntime.sleep(60)")
    task.wait_state("running")
    cancel(rig.store, task.run_id, who="ann", why="wrong branch")
    request = rig.hear("cancel")
    assert (request["run"], request["pid"], request["who"]) == (task.run_id, task.process.pid, "ann")
    task.process.kill()
    rig.tell({"v": 1, "op": "cancelled", "run": task.run_id, "key": task.key, "signal": 9,
              "pids": 1, "killed": 1, "why": ""})  # fmt: skip
    run = task.wait_ended()
    assert str(run.state) == "cancelled"
    assert run.text("why") == "cancelled by ann: wrong branch"
    kinds = [e["kind"] for e in task.events()]
    assert kinds == ["start", "cancel-requested", "cancel", "end"]


def test_a_deleted_run_is_stopped(rig: Rig) -> None:
    from runtail.runs.retention import delete

    task = rig.run("import time\nprint('x')\ntime.sleep(60)")
    task.wait_state("running")
    delete(rig.store, task.run_id)
    assert rig.hear("cancel")["run"] == task.run_id
    task.process.kill()
    wait_for(lambda: task.record is None, 5)


def test_output_is_echoed(tmp_path: Path, redis_url: str, key_prefix: str) -> None:
    with Rig(tmp_path, redis_url, key_prefix, echo=True) as rig:
        task = rig.run("print('seen hunter2secret')", masks=["hunter2secret"])
        task.wait_ended()
        rig.keeper.wait_for_log("seen ***", 5)


def test_small_pipes_work(rig: Rig) -> None:
    body = "import os\nfor n in range(3000): os.write(1, b'x' * 99 + b'\\n')"
    task = rig.run(body, pipe_bytes=4096)
    task.wait_ended()
    assert task.output() == (b"x" * 99 + b"\n") * 3000


def test_the_record_counts_what_the_end_says(rig: Rig) -> None:
    task = rig.run("import os; os.write(1, b'abc\\rd\\n')")
    run = task.wait_ended()
    *_, end = task.events()
    assert (end["rewritten_bytes"], run.number("rewritten_bytes")) == (2, 2)
    assert task.output() == b"dbc\n"
    assert json.dumps(end)


def get(port: int, path: str) -> tuple[int, str]:
    return http_get(f"http://127.0.0.1:{port}{path}")


def test_health_and_figures_on_the_admin_port(tmp_path: Path, own_redis_server: RedisServer, key_prefix: str) -> None:
    port = free_port()
    with Rig(tmp_path, own_redis_server.url, key_prefix, worker_admin_port=port) as rig:
        task = rig.run("print('x' * 100)")
        task.wait_ended()
        wait_for(lambda: get(port, "/readyz")[0] == 200, 10, rig.evidence)
        text = get(port, "/metrics")[1]
        assert "runtail_worker_entries_total 1.0" in text
        assert "runtail_worker_output_bytes_total 101.0" in text
        assert task.run_id not in text
        assert 'runtail_worker_ended_total{state="succeeded"} 1.0' in text
        assert 'runtail_worker_ended_total{state="failed"} 0.0' in text
        assert "runtail_worker_run_seconds_count 1.0" in text
        # Nobody knows how long a plain message has waited.
        assert "runtail_worker_wait_seconds_count 0.0" in text
        appends = next(line for line in text.splitlines() if line.startswith("runtail_worker_store_seconds_count"))
        assert float(appends.split()[1]) >= 1
        own_redis_server.kill()
        wait_for(lambda: get(port, "/readyz")[0] == 503, 15, rig.evidence)
        assert get(port, "/healthz")[0] == 200
        rig.kill_shipper()
        wait_for(lambda: get(port, "/healthz")[0] == 200, 15, rig.evidence)


def test_output_that_is_stored_is_not_held_for_want_of_the_store(rig_with_port: tuple[Rig, int]) -> None:
    """The spool gives memory back in large pieces; what is in it and stored is no reason to worry."""
    rig, port = rig_with_port
    task = rig.run("import time; print('x' * 100_000, flush=True); time.sleep(60)")

    def metric(name: str) -> float:
        lines = get(port, "/metrics")[1].splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), -1.0)

    wait_for(lambda: metric("runtail_worker_output_bytes_total") >= 100_000, 20, rig.evidence)
    wait_for(lambda: metric("runtail_worker_spool_bytes") == 0, 10, rig.evidence)
    task.process.kill()
    task.wait_ended()


def test_every_metric_of_the_worker_is_served(rig_with_port: tuple[Rig, int]) -> None:
    rig, port = rig_with_port
    rig.run("print('said')").wait_ended()
    wait_for(lambda: get(port, "/readyz")[0] == 200, 15, rig.evidence)
    served = set(re.findall(r"^# TYPE (runtail_\w+) ", get(port, "/metrics")[1], re.MULTILINE))
    expected = {metric.name for metric in METRICS if metric.component == "worker"}
    # Nobody has said here how many tasks the worker executes at once: its main process would.
    assert expected - served == {"runtail_worker_slots"}
