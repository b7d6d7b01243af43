"""Tasks for figures of workers: they note in files what they have written, or write very much."""

from __future__ import annotations

import fcntl
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.support.capture_app import app

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


@app.task(name="f.counts", runtail={"restart": True, "max_attempts": 3})
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
def flood(seconds: float, lines_per_write: int = 5000) -> None:
    """Offer lines as fast as the pipe takes them; the last line says how many came before it."""
    block = b"".join(b"%012d\n" % number for number in range(lines_per_write))
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
def bars(seconds: float, per_second: int) -> int:
    """Redraw a progress bar; return the bytes written."""
    count, size = int(seconds * per_second), 0
    began = time.monotonic()
    for number in range(count):
        done = number * 40 // count
        size += os.write(1, f"\r[{'#' * done:<40}] {number} of {count}".encode())
        if number % 200 == 199:
            size += os.write(1, b"\n")
        ahead_seconds = (number + 1) / per_second - (time.monotonic() - began)
        if ahead_seconds > 0.002:
            time.sleep(ahead_seconds)
    return size + os.write(1, b"\n")


def byte_strings(seed: int, count: int) -> list[bytes]:
    """Byte strings of all kinds: NUL, CR, ESC, bad UTF-8, halves of characters, empty ones, long ones."""
    chosen = random.Random(seed)
    pieces = [b"\0", b"\r", b"\n", b"\r\n", b"\x1b[31m", b"\x1b]0;t\x07", b"\xff", b"\xc3", b"\xed\xa0\x80",
              b"\xf0\x9f\x98\x80", b"\xe2\x82", b"::group::g\n", b"::endgroup::\n", b"<b>", "ä".encode()]  # fmt: skip
    found = []
    for _ in range(count):
        kind = chosen.randrange(4)
        if kind == 0:
            found.append(chosen.randbytes(chosen.randrange(200)))
        elif kind == 1:
            found.append(b"".join(chosen.choices(pieces, k=chosen.randrange(40))))
        elif kind == 2:
            found.append(bytes(chosen.choices(b"ab\r\n\0\x1b\xe2\x82\xac", k=chosen.randrange(300))))
        else:
            found.append(chosen.randbytes(1) * chosen.choice((1, 1000, 70_000)))
    return found


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


@app.task(name="f.deaf")
def deaf(folder: str) -> None:
    """Ignores what ends others, writes all the time and notes how much."""
    script = f"""
    trap '' TERM
    n=0
    while :; do n=$((n+1)); echo "line $n"; echo $n > '{folder}/{name()}.new'; mv '{folder}/{name()}.new' '{folder}/{name()}'; done
    """
    subprocess.run(["/bin/sh", "-c", script], check=True)
