"""A run's streams are its own: what a task does to them ends with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import wait_for
from tests.support.worker import Worker

#: What a run must write in a process in which another one did the worst.
USUAL = """
    import logging, os, subprocess, sys
    print("printed", "twice")
    print("to stderr", file=sys.stderr)
    logging.getLogger("somebody").warning("logged")
    sys.stdout.buffer.write(b"bytes\\n")
    subprocess.run(["echo", "program"])
    print("wörter", sys.stdout.encoding, sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.seekable())
    print("again", file=sys.__stdout__)
    os.write(1, b"system call\\n")
"""
USUAL_LINES = [
    "printed twice",
    "to stderr",
    "logged",
    "bytes",
    "program",
    "wörter utf-8 1 2 False",
    "again",
    "system call",
]


def do(worker: Worker, source: str) -> tuple[str, bytes]:
    """Run a script; return the run's state and output."""
    run, output = worker.do("script", source)
    return str(run.state), output


def check_usual(worker: Worker) -> None:
    """A run that does nothing out of the ordinary is recorded as ever, and so is what Celery says of it."""
    run, output = worker.do("script", USUAL)
    lines = output.decode().splitlines()
    assert [line.rpartition("] ")[2] if line.endswith("logged") else line for line in lines] == USUAL_LINES
    assert run.state == "succeeded"
    worker.process.wait_for_log(f"Task script[{run.id}] succeeded", 20)


@pytest.fixture(scope="module", params=["prefork", "solo", "plain-stdout"])
def worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Worker]:
    pool = "solo" if request.param == "solo" else "prefork"
    environment: dict[str, str | None] = {"TEST_REDIRECT_STDOUTS": "0"} if request.param == "plain-stdout" else {}
    with Worker(
        tmp_path_factory.mktemp("worker"),
        redis_url,
        app="tests.support.script_app",
        arguments=["--concurrency=1", f"--pool={pool}"],
        environment=environment,
    ) as worker:
        yield worker.wait_ready()


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), newline='\\r\\n')\nprint('a')", "a\r\n"),
        ("import sys\nkept['raw'] = sys.stdout.detach()\nkept['raw'].write(b'raw')", "raw"),
        ("import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8')\nprint('w')", "w\n"),
        ("import io, sys\nio.TextIOWrapper(sys.stdout.buffer).write('x')\nprint('y')", "xy\n"),
        ("import os, sys\nsys.stdout = os.fdopen(1, 'w', 1)\nprint('own')", "own\n"),
        ("import sys\nsys.stdout = sys.stderr = open(2, 'w', buffering=1)\nprint('one for both')", "one for both\n"),
        ("import sys\nprint('a'); sys.__stdout__.close(); sys.__stderr__.close(); sys.stdout.close()", "a\n"),
        ("import sys\nsys.stdout.reconfigure(encoding='utf-16-le', line_buffering=False)\nprint('z')", "z\0\n\0"),
        ("import sys\nsys.stdout = None; sys.stderr = None", ""),
        ("import sys\ndel sys.stdout, sys.__stderr__", ""),
        ("import contextlib, io\nkept['s'] = contextlib.ExitStack()\n"
         "kept['s'].enter_context(contextlib.redirect_stdout(io.StringIO()))\nprint('nowhere')", ""),
        ("kept.pop('s', None)", ""),
        ("import os\nprint('before'); null = os.open(os.devnull, os.O_WRONLY); os.dup2(null, 1); os.dup2(null, 2)\n"
         "print('silent'); os.system('echo silent'); runtail.section('said').__enter__()", "before\n"),
        ("import os\nprint('before'); os.close(1); os.close(2)", "before\n"),
        ("import os\npid = os.fork()\nif not pid:\n    os.closerange(3, 4096); print('child'); os._exit(0)\n"
         "os.waitpid(pid, 0); print('parent')", "child\nparent\n"),
        ("import os, sys\nkept['late'] = [os.fdopen(os.dup(1), 'w'), sys.stdout, sys.stderr]\nprint('kept')", "kept\n"),
        ("import logging, sys\nkept['h'] = logging.StreamHandler(); logging.getLogger('h').addHandler(kept['h'])\n"
         "logging.getLogger('h').propagate = False; logging.getLogger('h').warning('here')", "here\n"),
        ("import logging\nlogging.getLogger('h').warning('and there')", "and there\n"),
    ],
)  # fmt: skip
def test_a_task_spoils_its_own_streams_and_nobody_elses(worker: Worker, source: str, output: str) -> None:
    state, found = do(worker, source)
    assert (state, found) == ("succeeded", output.encode())
    check_usual(worker)


def test_a_stream_that_owns_descriptor_1_and_is_collected_between_runs(worker: Worker) -> None:
    state, found = do(worker, "import os\nkept['leaking'] = os.fdopen(1, 'w', 1); print('a', file=kept['leaking'])")
    assert (state, found) == ("succeeded", b"a\n")
    # It closes descriptor 1 in the middle of this run, and no later run may suffer.
    assert do(worker, "import gc; del kept['leaking']; gc.collect()")[0] == "succeeded"
    check_usual(worker)


def test_descriptors_that_are_closed_between_runs(worker: Worker, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    source = f"""
    import os, pathlib, threading, time
    def close():
        deadline = time.monotonic() + 20
        while os.environ.get("RUNTAIL_RUN") and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        os.close(1), os.close(2)
        pathlib.Path({str(closed)!r}).touch()
    threading.Thread(target=close).start()
    """
    do(worker, source)
    wait_for(closed.exists, 30, worker.process.evidence)
    for _ in range(2):
        check_usual(worker)


#: Programs that make their standard output non-blocking.
NONBLOCKING = {
    "python": "[sys.executable, '-c', 'import os, time; os.set_blocking(1, False); time.sleep(60)']",
    "node": "['node', '-e', 'process.stdout.write(\"\"); setTimeout(() => 0, 60000)']",
}
WRITERS = {
    "print": "print(line, end='')",
    "two arguments": "print(line[:-1], flush=False)",
    "bytes": "sys.stdout.buffer.write(line.encode())",
    "stderr": "sys.stderr.write(line)",
    "a handler": "log.warning(line[:-1])",
    "an old object": "kept['old'].write(line)",
}


@pytest.mark.parametrize("program", NONBLOCKING)
@pytest.mark.parametrize("writer", WRITERS)
def test_no_line_is_lost_after_a_program_made_the_pipe_nonblocking(worker: Worker, program: str, writer: str) -> None:
    do(worker, "import sys; kept['old'] = sys.stdout")
    state, output = do(
        worker,
        f"""
        import fcntl, logging, os, subprocess, sys, time
        process = subprocess.Popen({NONBLOCKING[program]}, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while os.get_blocking(1) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not os.get_blocking(1)
        process.kill(); process.wait()
        log = logging.getLogger("own")
        kept["old handler"] = next(h for h in logging.getLogger().handlers if hasattr(h, "stream"))
        own = logging.StreamHandler(kept["old handler"].stream)
        log.handlers, log.propagate = [own], False
        for number in range(10_000):
            line = f"{{number:0199d}}\\n"
            {WRITERS[writer]}
        """,
    )
    assert state == "succeeded"
    assert output == b"".join(b"%0199d\n" % number for number in range(10_000))


@pytest.mark.parametrize("redirection", [">>own.txt 2>&1", ">/dev/null 2>&1", "> >(cat) 2>&1"])
def test_wherever_the_workers_own_output_goes(tmp_path: Path, redis_url: str, redirection: str) -> None:
    with Worker(
        tmp_path,
        redis_url,
        app="tests.support.script_app",
        arguments=["--concurrency=1"],
        redirection=redirection.replace("own.txt", str(tmp_path / "own.txt")),
    ) as worker:
        worker.wait_known()
        for source, output in [
            ("import sys; sys.stdout.reconfigure(encoding='utf-8'); print('né')", "né\n"),
            ("import io, sys; sys.stderr = io.TextIOWrapper(sys.stderr.buffer); print('w', file=sys.stderr)", "w\n"),
            (
                "import sys; print(sys.stdout.seekable(), sys.stdout.isatty(), sys.stdout.name, sys.stdout.mode)",
                "False False <stdout> w\n",
            ),
            ("import logging; h = logging.getLogger().handlers[0]; h.stream.reconfigure(errors='replace')", ""),
        ]:
            assert do(worker, source) == ("succeeded", output.encode())


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_tasks_that_runtail_cannot_describe_run_and_their_runs_say_so(
    tmp_path: Path, redis_url: str, pool: str
) -> None:
    arguments = ["--concurrency=1", f"--pool={pool}"]
    with Worker(tmp_path, redis_url, app="tests.support.malformed_app", arguments=arguments) as worker:
        worker.wait_ready()
        for name in ("options_that_are_none", "attempts_that_are_no_number", "secrets_that_are_no_list"):
            run_id = worker.send(f"script.{name}", f"print('printed by {name}'); result = 7")
            assert worker.client.AsyncResult(run_id).get(timeout=30) == 7
            run = worker.wait_ended(run_id)
            assert (run.state, worker.output(run_id)) == ("succeeded", b"")
            (warning,) = worker.events(run_id, "warning")
            assert "does not record the output of this run" in warning["text"]
            assert "Error: " in warning["text"]
            # What it printed is where it was before Runtail.
            worker.process.wait_for_log(f"printed by {name}", 20)
            assert f"task script.{name} cannot be described" in worker.process.output()
        worker.process.wait_for_log("tasks run without being recorded", 20)
        check_usual(worker)


def test_a_task_runs_where_its_streams_cannot_be_made(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url, app="tests.support.script_app", arguments=["--concurrency=1"]) as worker:
        worker.wait_ready()
        do(
            worker,
            "import sys\nkept['open'] = open\nimport runtail.worker.task.streams as s\ns._Descriptor.seekable = None",
        )
        run_id = worker.send("script", "print('seen'); result = 'done'")
        assert worker.client.AsyncResult(run_id).get(timeout=30) == "done"
        assert worker.wait_ended(run_id).state == "succeeded"
        assert "'NoneType' object is not callable" in worker.events(run_id, "warning")[0]["text"]
        worker.process.wait_for_log("seen", 20)


def test_descriptors_run_out(tmp_path: Path, redis_url: str) -> None:
    """A task that leaves no descriptor to its successors is no reason for those to fail."""
    with Worker(tmp_path, redis_url, app="tests.support.script_app", arguments=["--concurrency=1"]) as worker:
        worker.wait_ready()
        assert do(worker, "import os\nkept['fds'] = [os.dup(0) for _ in range(20)]; print('a')") == (
            "succeeded",
            b"a\n",
        )
        source = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (3 + max(kept['fds']), 4096))"
        assert do(worker, source)[0] == "succeeded"
        run_id = worker.send("script", "result = 5")
        result: Any = worker.client.AsyncResult(run_id)
        assert result.get(timeout=30) == 5
        wait_for(lambda: "tasks run without being recorded" in worker.process.output(), 20, worker.process.evidence)
