"""Threads that outlive their run: what they print is not the next run's."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.worker import Worker

#: The next run: it waits until what the first one left behind has printed, and prints before and after.
NEXT = """
    import sys, time
    print("second")
    print("half a ", end="")
    seen = kept["count"]
    deadline = time.monotonic() + 20
    while kept["count"] < seen + 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    result = kept["count"] - seen
    print("line")
    sys.stdout.buffer.write(b"end\\n")
"""
PRELUDE = """
    import sys, threading, time
    kept["count"] = 0
    def stop():
        return kept.get("stop") == NAME
"""

#: How a task leaves something behind that prints "left behind", again and again.
LEFT_BEHIND = {
    "looks up sys.stdout": """
    def go():
        while not stop():
            print("left behind"); kept["count"] += 1; time.sleep(0.05)
    threading.Thread(target=go, daemon=True).start()
    """,
    "keeps the object": """
    def go(out):
        while not stop():
            out.write("left behind\\n"); kept["count"] += 1; time.sleep(0.05)
    threading.Thread(target=go, args=(sys.stdout,), daemon=True).start()
    """,
    "writes bytes": """
    def go(err):
        while not stop():
            err.buffer.write(b"left behind\\n"); err.flush(); kept["count"] += 1; time.sleep(0.05)
    threading.Thread(target=go, args=(sys.stderr,), daemon=True).start()
    """,
    "logs": """
    import logging
    def go():
        while not stop():
            logging.getLogger("left").warning("left behind"); kept["count"] += 1; time.sleep(0.05)
    threading.Thread(target=go, daemon=True).start()
    """,
    "logs by a handler of the run": """
    import logging
    log = logging.getLogger("of the run"); log.propagate = False; log.addHandler(logging.StreamHandler())
    def go():
        while not stop():
            log.warning("left behind"); kept["count"] += 1; time.sleep(0.05)
    threading.Thread(target=go, daemon=True).start()
    """,
    "a timer that starts itself again": """
    def tick():
        print("left behind"); kept["count"] += 1
        if not stop():
            threading.Timer(0.05, tick).start()
    tick()
    """,
    "a coroutine in a loop of its own": """
    import asyncio
    loop = kept["loop"] = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    async def go():
        while not stop():
            print("left behind"); kept["count"] += 1; await asyncio.sleep(0.05)
    asyncio.run_coroutine_threadsafe(go(), loop)
    """,
    "says something": """
    def go():
        while not stop():
            with runtail.section("left behind"):
                runtail.progress(0.5, "left behind"); print("left behind"); kept["count"] += 1; time.sleep(0.05)
    threading.Thread(target=go, daemon=True).start()
    """,
}


@pytest.fixture(scope="module", params=["prefork", "solo"])
def worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Worker]:
    with Worker(
        tmp_path_factory.mktemp("worker"),
        redis_url,
        app="tests.support.script_app",
        arguments=["--concurrency=1", f"--pool={request.param}"],
    ) as worker:
        yield worker.wait_ready()


@pytest.mark.parametrize("how", LEFT_BEHIND)
def test_what_is_left_behind_does_not_print_into_the_next_run(worker: Worker, how: str) -> None:
    name = f"{how} {time.monotonic_ns()}"
    worker.do("script", PRELUDE.replace("NAME", repr(name)) + LEFT_BEHIND[how])
    written = len(worker.process.output())
    run, output = worker.do("script", NEXT)
    try:
        assert (run.state, output) == ("succeeded", b"second\nhalf a line\nend\n")
        assert worker.client.AsyncResult(run.id).get(timeout=10) >= 5
        assert not worker.events(run.id, "group")
        # It is where it was before Runtail, with who writes it.
        worker.process.wait_for_log("left behind", 20, since_chars=written)
        worker.process.wait_for_log("goes on after its run; what it prints is here", 20, since_chars=written)
    finally:
        worker.do("script", f"kept['stop'] = {name!r}")


def test_what_is_left_behind_is_masked_with_the_secrets_of_its_run(worker: Worker) -> None:
    name = f"masked {time.monotonic_ns()}"
    leave = """
    runtail.mask("t0p-s3cret-word")
    def go(out):
        while not stop():
            print("left with t0p-s3cret-word"); out.buffer.write(b"bytes with t0p-s3cret-word\\n")
            kept["count"] += 1; time.sleep(0.05)
    threading.Thread(target=go, args=(sys.stdout,), daemon=True).start()
    """
    worker.do("script", PRELUDE.replace("NAME", repr(name)) + leave)
    written = len(worker.process.output())
    try:
        assert worker.do("script", NEXT)[1] == b"second\nhalf a line\nend\n"
        for shown in ("left with ***", "bytes with ***"):
            worker.process.wait_for_log(shown, 20, since_chars=written)
    finally:
        worker.do("script", f"kept['stop'] = {name!r}")


#: Until the thread that was started last waits where it gets its work.
WAITS = """
import sys, time
waiting = ("multiprocessing.connection", "multiprocessing.queues")
deadline = time.monotonic() + 20
thread = threading.enumerate()[-1].ident
while sys._current_frames()[thread].f_globals["__name__"] not in waiting and time.monotonic() < deadline:
    time.sleep(0.01)
"""


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (
            "import concurrent.futures as f\nkept['pool'] = f.ThreadPoolExecutor(2)\n"
            "list(kept['pool'].map(print, ['a', 'b']))",
            "list(kept['pool'].map(print, ['of', 'this run']))",
        ),
        (
            "import multiprocessing.pool as p\nkept['pool'] = p.ThreadPool(2)\nkept['pool'].map(print, ['a', 'b'])",
            "kept['pool'].map(print, ['of', 'this run'])",
        ),
        (
            "import asyncio, threading\nloop = kept['loop'] = asyncio.new_event_loop()\n"
            "threading.Thread(target=loop.run_forever, daemon=True).start()\n"
            "async def say(text): print(text)\nkept['say'] = say\n"
            "asyncio.run_coroutine_threadsafe(say('a'), loop).result()",
            "import asyncio\nfor text in ('of', 'this run'):\n"
            "    asyncio.run_coroutine_threadsafe(kept['say'](text), kept['loop']).result()",
        ),
        (
            "import queue, threading\njobs = kept['jobs'] = queue.Queue()\n"
            "def go():\n    while True: print(jobs.get()); jobs.task_done()\n"
            "threading.Thread(target=go, daemon=True).start()\njobs.put('a'); jobs.join()",
            "for text in ('of', 'this run'): kept['jobs'].put(text)\nkept['jobs'].join()",
        ),
        *(
            (
                f"import multiprocessing, queue, threading\njobs = kept['jobs'] = {jobs}\n"
                "done = kept['done'] = queue.Queue()\n"
                "def go():\n    while True: print(jobs.get()); done.put(1)\n"
                "threading.Thread(target=go, daemon=True).start()\njobs.put('a'); done.get()\n" + WAITS,
                "for text in ('of', 'this run'): kept['jobs'].put(text); kept['done'].get()",
            )
            for jobs in ("multiprocessing.SimpleQueue()", "multiprocessing.Queue()")
        ),
        (
            "import multiprocessing, queue, threading\nours, kept['theirs'] = multiprocessing.Pipe()\n"
            "done = kept['done'] = queue.Queue()\n"
            "def go():\n    while True: print(ours.recv()); done.put(1)\n"
            "threading.Thread(target=go, daemon=True).start()\nkept['theirs'].send('a'); done.get()\n" + WAITS,
            "for text in ('of', 'this run'): kept['theirs'].send(text); kept['done'].get()",
        ),
    ],
    ids=["executor", "thread pool", "event loop", "queue", "simple queue", "queue of processes", "pipe"],
)  # fmt: skip
def test_a_thread_that_waits_for_work_prints_for_whoever_gives_it(worker: Worker, first: str, then: str) -> None:
    assert b"a\n" in worker.do("script", first)[1]
    for _ in range(2):
        run, output = worker.do("script", then)
        assert (run.state, sorted(output.split(b"\n"))) == ("succeeded", [b"", b"of", b"this run"])


def test_threads_of_the_run_itself_print_into_it(worker: Worker) -> None:
    source = """
    import threading, time
    def go(number):
        time.sleep(0.1); print(f"thread {number}")
        if number < 5:
            other = threading.Thread(target=go, args=(number + 1,)); other.start(); other.join()
    first = threading.Thread(target=go, args=(1,)); first.start(); first.join()
    """
    assert worker.do("script", source)[1] == b"".join(b"thread %d\n" % number for number in range(1, 6))


def test_the_log_of_a_worker_that_logs_to_a_file_has_what_was_left_behind(tmp_path: Path, redis_url: str) -> None:
    log = tmp_path / "celery.log"
    arguments = ["--concurrency=1", f"--logfile={log}"]
    with Worker(tmp_path, redis_url, app="tests.support.script_app", arguments=arguments) as worker:
        worker.wait_known()
        worker.do("script", PRELUDE.replace("NAME", "'never'") + LEFT_BEHIND["looks up sys.stdout"])
        assert worker.do("script", NEXT)[1] == b"second\nhalf a line\nend\n"
        assert "left behind" in log.read_text()
