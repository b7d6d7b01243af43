"""A Celery app whose tasks write in every way there is."""

import contextlib
import ctypes
import faulthandler
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery import __version__ as celery_version
from celery.signals import task_revoked
from celery.utils.log import get_task_logger

import runtail

_broker_url = os.environ["RUNTAIL_BROKER_URL"]
app = Celery("capture_app", broker=_broker_url, backend=os.environ.get("TEST_RESULTS_URL", _broker_url))
app.conf.update(
    task_default_queue=os.environ["TEST_QUEUE"],
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    worker_pool_start_method=os.environ.get("TEST_START_METHOD", "fork"),
)


@task_revoked.connect
def _revoke_slowly(sender: Any, **_: Any) -> None:
    """Celery tells of a revocation when the result backend has it, which may take its time."""
    if sender.name == "t.fails_at_a_signal":
        time.sleep(0.5)


runtail.install(app)
log = logging.getLogger("someone")
task_log = get_task_logger("someone.task")
libc = ctypes.CDLL(None)


@app.task(name="t.printing")
def printing() -> None:
    print("one")
    print("two", "words", file=sys.stderr)
    sys.stdout.write("three\n")
    print("four", file=sys.__stdout__)


@app.task(name="t.versions")
def versions() -> None:
    print(celery_version, runtail.__file__)


@app.task(name="t.add")
def add(x: int, y: int) -> int:
    return x + y


@app.task(name="t.quiet", runtail={"record": False})
def quiet(x: int, y: int) -> int:
    print(f"quiet: {x} + {y}")
    return x + y


@app.task(name="t.replaced", bind=True)
def replaced(self: Any, x: int, y: int) -> int:
    print("replaced by a quiet one")
    result: int = self.replace(quiet.s(x, y))
    return result


@app.task(name="t.total")
def total(numbers: list[int]) -> int:
    print("total of", sorted(numbers))
    return sum(numbers)


@app.task(name="t.logs")
def logs() -> None:
    log.info("from a logger")
    task_log.warning("from a task logger")


@app.task(name="t.writes")
def writes() -> None:
    for number in range(100):
        os.write(1 + number % 2, b"%d\n" % number)


@app.task(name="t.subprocesses")
def subprocesses() -> None:
    print("before")
    subprocess.run(["/bin/sh", "-c", "echo run; echo err >&2"], check=True)
    os.system("echo system")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=sys.stdout) as process:
        process.communicate(b"popen\n")
    print("after")


@app.task(name="t.fails_under_a_bar")
def fails_under_a_bar(how: str) -> None:
    if how == "subprocess":
        subprocess.run(["printf", "half a line"], check=True)
    else:
        print("\r 10%|#   |\r 20%|##  |", end="")
    if how == "exit":
        sys.exit("no disk")
    raise ValueError("no disk")


@app.task(name="t.forks")
def forks() -> None:
    for number in range(3):
        sys.stdout.write(f"begun {number}")
        sys.stderr.write(" err")
        pid = os.fork()
        if pid == 0:
            print(" child", end="", flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        print(" end")


@app.task(name="t.c")
def c() -> None:
    print("python")
    libc.puts(b"puts")
    libc.printf(b"no newline")


@app.task(name="t.threads")
def threads() -> None:
    def write(number: int) -> None:
        for line in range(100):
            print(f"thread {number} line {line}\n", end="")

    started = [threading.Thread(target=write, args=(number,)) for number in range(50)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


@app.task(name="t.dump")
def dump() -> None:
    faulthandler.dump_traceback(2)


@app.task(name="t.raw_bytes")
def raw_bytes() -> None:
    os.write(1, b"nul \0 bad \xff\xfe half \xe2\x82\n")
    sys.stdout.buffer.write(b"\xc3\x28\n")
    print(os.fsdecode(b"name-\xe9"))
    print("lone \ud800")


@app.task(name="t.by_name")
def by_name() -> None:
    with Path("/dev/stdout").open("w") as out:
        out.write("dev stdout\n")
    subprocess.run(["/bin/sh", "-c", "echo named > /dev/fd/2"], check=True)


@app.task(name="t.nonblocking")
def nonblocking(lines: int) -> None:
    # What node does to its standard output, and leaves behind when killed.
    subprocess.run([sys.executable, "-c", "import os; os.set_blocking(1, False)"], check=True)
    for number in range(lines):
        print(f"{number:0200d}")


@app.task(name="t.exit")
def exit_(code: Any) -> None:
    print("leaving")
    sys.exit(code)


@app.task(name="t.long_failure")
def long_failure(size: int) -> None:
    print("about to fail")
    raise ValueError("begin " + "x" * size + " end")


@app.task(name="t.leaves_grandchild")
def leaves_grandchild(seconds: float) -> int:
    process = subprocess.Popen(["sleep", str(seconds)])
    print("left one behind")
    return process.pid


@app.task(name="t.closes")
def closes() -> None:
    print("before closing")
    sys.stdout.close()
    sys.stderr.close()
    os.write(1, b"still here\n")


@app.task(name="t.environment")
def environment() -> None:
    for name in ("RUNTAIL_RUN", "PYTHONUNBUFFERED", "FORCE_COLOR", "TTY_INTERACTIVE"):
        print(f"{name}={os.environ.get(name)}")


@app.task(name="t.for_itself")
def for_itself() -> list[str]:
    """Texts that a task does not print: for a mail, a database, a parser."""
    # (Other environments of `make test-matrix` have no rich.)
    from rich.console import Console

    text = io.StringIO()
    Console(file=text).print("[red]alert[/red]")
    show = [sys.executable, "-c", "import os; print(os.environ.get('FORCE_COLOR'), os.environ.get('TTY_INTERACTIVE'))"]
    return [text.getvalue(), subprocess.check_output(show, text=True)]


#: A bar of rich.
_BAR = """
import time
from rich.progress import Progress
with Progress() as bar:
    work = bar.add_task("bar of rich", total=20)
    for _ in range(20):
        time.sleep(0.05)
        bar.advance(work)
"""


@app.task(name="t.rich_bar")
def rich_bar(how: str) -> None:
    command = [sys.executable, "-c", _BAR]
    if how == "sh":
        runtail.sh(command)
    elif how == "subprocess":
        subprocess.run(command, check=True)
    else:
        exec(_BAR, {})


@app.task(name="t.said", runtail={"secrets": ["token"]})
def said(token: str) -> None:
    print(f"token is {token}")
    with runtail.section("First"):
        print("inside")
        runtail.progress(0.5, "half")
    runtail.mask("opensesame")
    print("say opensesame twice: opensesame")
    status = runtail.sh("test -t 1 && echo terminal; printf 'a\\nb\\n'; exit 3", tty=True, check=False)
    print(f"status {status}")
    runtail.sh(["echo", "list"])


@app.task(name="t.labelled", runtail={"labels": {"team": "builders"}})
def labelled() -> None:
    runtail.label("ticket", "T-1")
    runtail.label("team", "others")
    print("labelled")


@app.task(name="t.titled", runtail={"title": "Titled {how}, {token}", "secrets": ["token"]})
def titled(token: str, how: str = "declared") -> dict[str, object]:
    """Set a title if asked to; return something with a secret and something large."""
    runtail.mask("opensesame")
    if how == "set":
        runtail.title("Set with opensesame")
    return {"how": how, "token": token, "mask": "opensesame", "large": ["x" * 100] * 100}


@app.task(name="t.keeps_to_itself", runtail={"result": False})
def keeps_to_itself() -> str:
    return "nobody reads this"


@app.task(name="t.writes_until", bind=True)
def writes_until(self: Any, path: str, interval: float = 0.001) -> int:
    """Print numbers until the file exists; return how many."""
    number = 0
    while not Path(path).exists():
        number += 1
        print(f"line {number}")
        time.sleep(interval)
    return number


@app.task(name="t.shell_until")
def shell_until(path: str) -> int:
    script = f'n=0; while [ ! -e "{path}" ]; do n=$((n+1)); echo "line $n"; done; exit 0'
    subprocess.run(["/bin/sh", "-c", script], check=True)
    return 0


@app.task(name="t.writes_then_kills_itself")
def writes_then_kills_itself(lines: int) -> None:
    for number in range(lines):
        print(f"line {number}")
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="t.arguments", bind=True)
def arguments(self: Any, a: int, b: str = "x", *more: Any, **rest: Any) -> None:
    print("called")


@app.task(name="t.waits")
def waits(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.01)
    return "seen"


@app.task(name="t.late", acks_late=True)
def late(path: str) -> str:
    print("an attempt")
    while not Path(path).exists():
        time.sleep(0.01)
    return "seen"


@app.task(name="t.ignores_term")
def ignores_term() -> None:
    """Ends at nothing but SIGKILL, and has started something that does so, too."""
    process = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"], start_new_session=True)
    print(f"child {process.pid}")
    number = 0
    while True:
        with contextlib.suppress(BaseException):
            while True:
                number += 1
                print(f"line {number}")
                time.sleep(0.01)


@app.task(name="t.sleeps")
def sleeps(seconds: float = 300.0, nap: float = 1.0) -> str:
    """A polite task: it ends at TERM, between two naps or in the middle of one."""
    print("asleep")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(nap)
    return "rested"


@app.task(name="t.fails_at_a_signal")
def fails_at_a_signal() -> None:
    """A task with a handler of its own, which fails at once when it is told to stop."""

    def stop(number: int, _frame: object) -> None:
        raise ValueError(f"told to stop by {number}")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        print("asleep")
        time.sleep(300)
    finally:
        signal.signal(signal.SIGTERM, before)


@app.task(name="t.cleans_up")
def cleans_up(seconds: float) -> None:
    """Takes its time to end."""
    print("begun")
    try:
        time.sleep(300)
    finally:
        for number in range(int(seconds * 10)):
            time.sleep(0.1)
            print(f"cleaning {number}")
        print("clean")


@app.task(name="t.leaves_stubborn_child")
def leaves_stubborn_child(script: str) -> int:
    """Survives TERM and returns; a child of it ignores TERM."""
    process = subprocess.Popen(["/bin/sh", "-c", script])
    print(f"child {process.pid}")
    try:
        time.sleep(300)
    except SystemExit:
        print("not yet")
    return os.getpid()


@app.task(name="t.retries", bind=True, max_retries=3)
def retries(self: Any) -> str:
    print(f"attempt {self.request.retries}")
    if self.request.retries < 2:
        raise self.retry(exc=ValueError("not yet"), countdown=0.1)
    return "done"


@app.task(name="t.retries_later", bind=True, max_retries=3)
def retries_later(self: Any) -> str:
    print(f"attempt {self.request.retries}")
    if not self.request.retries:
        raise self.retry(countdown=2)
    return "done"


@app.task(name="t.hard_limit", time_limit=1)
def hard_limit() -> None:
    print("too long")
    while True:
        time.sleep(0.1)


@app.task(name="t.stubborn")
def stubborn() -> None:
    """Starts processes that hide in every way, says their pids, and waits."""
    scripts = {
        "child": "exec sleep 300",
        "session": "exec setsid sleep 300",
        "orphan": "(sleep 300 & echo $!) ; exit 0",
        "daemon": "setsid sh -c 'sleep 300 </dev/null >/dev/null 2>&1 & echo $!' ; exit 0",
        "naked": "setsid env -i /bin/sleep 300 >/dev/null 2>&1 & echo $!; exit 0",
        "ignores_term": "trap '' TERM; sleep 300; sleep 300",
    }
    for name, script in scripts.items():
        waited = script.endswith("exit 0")
        process = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE if waited else None)
        if waited:
            assert process.stdout is not None
            print(f"{name} {process.stdout.readline().decode().strip()}")
            process.wait()
        else:
            print(f"{name} {process.pid}")
    print("all started")
    try:
        time.sleep(300)
    finally:
        print("cleaning up")


@app.task(name="t.orphans")
def orphans(count: int) -> None:
    """Leave processes behind that die while the task still runs."""
    for _ in range(count):
        subprocess.run(["/bin/sh", "-c", "true & sleep 0.01 & exit 0"], check=True)
    time.sleep(0.2)


@app.task(name="t.big_secret", runtail={"secrets": ["key"]})
def big_secret(key: str) -> None:
    print("key is")
    print(key)


@app.task(name="t.holds_gil")
def holds_gil(seconds: float) -> None:
    """C code writes the time, again and again, and lets no other Python thread run."""
    # PyDLL does not release the GIL around a call.
    script = f"end=$(($(date +%s) + {int(seconds)})); while [ $(date +%s) -lt $end ]; do date +%s.%N; sleep 0.05; done"
    ctypes.PyDLL(None).system(script.encode())


@app.task(name="t.timed_prints")
def timed_prints(lines: int, bytes_per_line: int) -> float:
    """Print; return the seconds it took."""
    line = "x" * (bytes_per_line - 1)
    began = time.monotonic()
    for _ in range(lines):
        print(line)
    sys.stdout.flush()
    return time.monotonic() - began
