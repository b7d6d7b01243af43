"""The bench's own judgement: what viewers saw, and what is made of it."""

import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.dialects import LINE_BYTES, make_line, read_line
from tests.bench.node_setup import node_command
from tests.bench.page import markdown
from tests.bench.report import goals, lines
from tests.bench.rig import ROOT, Failed, cpu_seconds
from tests.bench.stream import Deliveries, Stream, check
from tests.bench.workloads import Results
from tests.support.wire import client_frame, frame_at


def test_lines_are_of_the_size_that_is_promised_and_read_back() -> None:
    line = make_line(7, 1_764_000_000_000_000)
    assert len(line) == LINE_BYTES
    assert read_line(line[:-1]) == (7, 1_764_000_000_000_000)
    with pytest.raises(ValueError, match="not a line"):
        read_line(line[:-2])


@pytest.mark.parametrize("size", [0, 125, 126, 65535])
def test_frames_are_found(size: int) -> None:
    frame = client_frame("x" * size)
    found = frame_at(frame)
    assert found is not None
    # (A client's frame has four bytes of mask behind its header.)
    assert found[1] - found[0] == size
    assert len(frame) == found[1] + 4
    assert frame_at(frame[:1]) is None


def test_a_missing_line_is_a_gap() -> None:
    texts = [make_line(number, 1)[:-1] for number in (1, 2, 4, 5)]
    assert check(texts, 1) == (6, [1, 1, 1, 1], 1)


def test_delays_are_of_lines_written_in_the_window_and_counts_of_what_came_in_it() -> None:
    stream = Stream()
    for number, stamp in ((1, 0.5), (2, 1.5), (3, 2.5)):
        stream.extend(b"f" * 10, [make_line(number, int(stamp * 1e6))[:-1]])
    deliveries = Deliveries([stream])
    # One viewer gets frame by frame, another all three at once and late.
    deliveries.pieces += [(0, 0, 10, 0.6), (0, 10, 20, 1.6), (0, 20, 30, 2.6), (0, 0, 30, 2.7)]
    seen = deliveries.summary(1.0, 2.0)
    assert (seen["lines"], seen["frames"]) == (1, 1)
    assert (seen["p50_ms"], seen["p100_ms"]) == (100, 1200)


def test_positions_in_a_stream() -> None:
    stream = Stream(first=11)
    for number in (11, 12):
        stream.extend(b"f" * 10, [make_line(number, 1)[:-1]])
    assert [stream.line_at(offset) for offset in (0, 9, 10, 20)] == [11, 11, 12, 13]
    assert [stream.boundary(offset) for offset in (0, 1, 10, 11)] == [0, 10, 10, 20]
    assert [stream.offset_of(line) for line in (11, 12, 13, 14)] == [0, 10, 20, -1]


def test_a_failed_subject_stands_in_the_table_and_is_no_figure() -> None:
    results: Results = {
        "a": {"runtail": [{"failed": "", "p99_ms": 60.0}], "node": [{"failed": "Node is not on the PATH."}]}
    }
    text = "\n".join(lines(results))
    assert "FAILED 1 of 1: Node is not on the PATH." in text
    by_text = {goal.text: goal for goal in goals(results)}
    assert by_text["p99, ms"].reached
    assert math.isnan(by_text["CPU per line / Socket.IO's (Node)"].value)
    assert by_text["CPU per line / Socket.IO's (Node)"].reached is None


def bench(*arguments: str, cores: int) -> tuple[int, str]:
    """Start the bench on so many cores of this machine; return its exit status and what it says of errors."""
    # Affinity is inherited: the bench counts what it was given.
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(mine)[:cores])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.sched_setaffinity(0, mine)
    return done.returncode, done.stderr


def test_one_core_is_refused_in_one_sentence() -> None:
    assert bench(cores=1) == (
        2,
        "The bench needs two cores: one for what is measured, one for load and clients.\n",
    )


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="with one core the bench does not come so far")
def test_a_busy_port_is_refused_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert bench("--ports", str(port), cores=2) == (
            2,
            f"Port {port} of 127.0.0.1 cannot be had: Address already in use.\n",
        )


def test_missing_node_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    node_command.cache_clear()
    with pytest.raises(Failed, match=r"^Node with npm is not on the PATH\.$"):
        node_command()


def test_processor_time_is_of_the_process_and_of_one_that_ended_there_is_none() -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time(), flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = float(process.stdout.readline())
        assert said <= cpu_seconds([process.pid]) < said + 0.1
        process.communicate("\n")
    with pytest.raises(Failed, match="has ended"):
        cpu_seconds([process.pid])


def test_the_tables_begin_with_what_they_were_measured_on() -> None:
    about = {
        "machine": "2 cores (x), 4 GiB", "system": "Linux 6", "python": "3.11.7", "packages": "redis 8.1.0",
        "redis": "Redis server v=7.0.15 sha=0", "node": "v20.20.2", "load average": "0.10 0.20 0.30",
    }  # fmt: skip
    results: Results = {"a": {"runtail": [{"failed": "", "p99_ms": value} for value in (60.0, 50.0, 70.0)]}}
    text = "\n".join(markdown(results, about, 1080.0))
    assert text.startswith("2 cores (x), 4 GiB, Linux 6, Python 3.11.7;\nredis 8.1.0;\nRedis 7.0.15; Node 20.20.2.\n")
    assert (
        "Medians of 3 rounds, 18 minutes in all;\nload average of the machine at the start: 0.10 0.20 0.30.\n\n|"
        in text
    )
    assert "| (a) | p99, ms | 60.0 | ≤ 100.0 | reached |" in text
