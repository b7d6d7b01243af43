"""Tasks for figures of workers: they note in files what they have written, or write very much."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.capture_app import app
from tests.support.figure_output import bar, byte_strings, numbered_block

app.conf.update(
    task_default_queue=os.environ["TEST_QUEUE"],
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "visibility_timeout": float(os.environ.get("TEST_VISIBILITY_SECONDS", "3600")),
        # As often as it can: Celery looks every 100 s for what became visible again.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
)


def name() -> str:
    """``<run>.<attempt>`` of the execution we are in."""
    return os.environ["RUNTAIL_RUN"]


@app.task(name="f.counts")
def counts(folder: str, interval: float = 0.0) -> None:
    """Write ``<attempt> <n> <time>`` until ``<folder>/stop`` is there; note what has left this process.

    The file ``<folder>/<run>.<attempt>`` holds: this process, lines, bytes, the time of the last line.
    """
    note = os.open(Path(folder) / name(), os.O_CREAT | os.O_WRONLY, 0o644)
    attempt, size, number = name().rpartition(".")[2], 0, 0
    while not (Path(folder) / "stop").exists():
        for _ in range(20):
            number += 1
            now = time.time()
            size += os.write(1, f"{attempt} {number} {now:.6f}\n".encode())
            os.pwrite(note, f"{os.getpid():10d} {number:10d} {size:12d} {now:.6f}".encode(), 0)
            if interval:
                time.sleep(interval)


@app.task(name="f.restarts", runtail={"restart": True, "max_attempts": 3})
def restarts(folder: str, interval: float = 0.0) -> None:
    """The same, started again when its worker is lost."""
    counts(folder, interval)


@app.task(name="f.alone", acks_late=True, reject_on_worker_lost=True)
def alone(folder: str, seconds: float) -> None:
    """Run for a while; whoever finds the same run under way says so in ``<folder>/doubled``."""
    run_id = name().rpartition(".")[0]
    with (Path(folder) / run_id).open("a") as mine:
        try:
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with (Path(folder) / "doubled").open("a") as doubled:
                doubled.write(f"{name()}\n")
        mine.write(f"{name()}\n")
        mine.flush()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            print("alive")
            time.sleep(0.5)


@app.task(name="f.flood")
def flood(seconds: float, lines_per_write: int = 5_000) -> None:
    """Offer lines as fast as the pipe takes them; the last line says how many came before it."""
    block = numbered_block(lines_per_write)
    end, lines = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        written = 0
        while written < len(block):
            written += os.write(1, block[written:])
        lines += lines_per_write
    print(f"offered {lines}")


@app.task(name="f.long_line")
def long_line(size_bytes: int) -> float:
    """Write one line without an end; return when it began."""
    block, began = b"x" * (1 << 20), time.time()
    while size_bytes > 0:
        size_bytes -= os.write(1, block[: min(len(block), size_bytes)])
    return began


@app.task(name="f.bars")
def bars(seconds: float, per_second: int) -> None:
    """Redraw a progress bar at a steady pace."""
    count, began = int(seconds * per_second), time.monotonic()
    for number in range(count):
        os.write(1, bar(number, count))
        ahead_seconds = (number + 1) / per_second - (time.monotonic() - began)
        if ahead_seconds > 0.002:
            time.sleep(ahead_seconds)


@app.task(name="f.byte_strings")
def write_byte_strings(seed: int, count: int) -> None:
    """Write them, split anywhere."""
    chosen = random.Random(-seed)
    for data in byte_strings(seed, count):
        at = 0
        while at < len(data):
            at += os.write(1, data[at : at + chosen.randrange(1, 5000)])


@app.task(name="f.leaves_writer")
def leaves_writer(seconds: float) -> float:
    """Leave a program behind that holds the pipe and writes again; return when we left."""
    print("mine")
    sys.stdout.flush()
    subprocess.Popen(["/bin/sh", "-c", f"sleep {seconds:g}; echo late; sleep {seconds:g}; echo later"])
    return time.time()


@app.task(name="f.long_traceback")
def long_traceback(size: int) -> None:
    """Fail with very much to say."""
    print("about to fail")
    raise ValueError("begin " + "x" * size + " end")


@app.task(name="f.prints_lines")
def prints_lines(lines: int) -> None:
    for number in range(lines):
        print(f"line {number}")


@app.task(name="f.ignores_term")
def ignores_term(seconds: int) -> None:
    """Ten lines a second, whatever is sent to it: Celery's own handler would end it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number in range(seconds * 10):
        print(f"line {number}")
        time.sleep(0.1)
    signal.signal(signal.SIGTERM, before)


@app.task(name="f.ignores_term_and_counts")
def ignores_term_and_counts(folder: str) -> None:
    """Ignores what ends others, writes all the time and notes how much."""
    note = Path(folder) / name()
    # Renamed, so that whoever reads it finds a whole number.
    step = f'n=$((n+1)); echo "line $n"; echo $n > "{note}.new"; mv "{note}.new" "{note}"'
    script = f"trap '' TERM; n=0; while :; do {step}; done"
    subprocess.run(["/bin/sh", "-c", script], check=True)
