"""Whatever a task writes, by whatever way, stands in the log byte for byte."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.proof.figures import Figure
from tests.support.figure_output import byte_strings
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer

RUNS = 1000
STRINGS_PER_RUN = 10
TRACEBACK_BYTES = 10 * 2**20
#: What ``t.threads`` starts, and what each of them prints.
THREADS, LINES_PER_THREAD = 50, 100


def measure() -> list[Figure]:
    """On one worker that keeps every byte."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            RedisServer(folder / "redis") as server,
            Installation(folder, server.url, services=("web",), cr="keep", late_seconds=0.5) as fleet,
        ):
            fleet.add(concurrency=2).wait_ready()
            return [*random_bytes(fleet), *ways_of_writing(fleet)]


def random_bytes(fleet: Installation) -> list[Figure]:
    """NUL, invalid UTF-8, CR, ESC, halves of characters, long and empty ones; downloaded as a user would."""
    ids = [fleet.send("f.byte_strings", seed, STRINGS_PER_RUN) for seed in range(RUNS)]
    succeeded = sum(run.state == "succeeded" for run in fleet.wait_ended(ids, 300))
    with httpx.Client(base_url=fleet.web.url, timeout=30) as client, ThreadPoolExecutor(4) as pool:
        downloads = pool.map(lambda run_id: client.get(f"/api/v1/runs/{run_id}/log.txt").content, ids)
        wanted = (b"".join(byte_strings(seed, STRINGS_PER_RUN)) for seed in range(RUNS))
        sizes, equal = 0, 0
        for downloaded, written in zip(downloads, wanted, strict=True):
            equal += downloaded == written
            sizes += len(written)
    return [Figure(f"{RUNS * STRINGS_PER_RUN} random byte strings (NUL, CR, ESC, bad UTF-8), RUNTAIL_CR=keep: "
                   "downloads equal to what was written", f"{equal} of {RUNS}, {sizes / 1e6:.0f} MB", "all",
                   equal == succeeded == RUNS)]  # fmt: skip


def ways_of_writing(fleet: Installation) -> list[Figure]:
    """A traceback of 10 MiB, 50 threads, C code, files by name."""
    ids = {
        "traceback": fleet.send("t.long_failure", TRACEBACK_BYTES),
        "threads": fleet.send("t.threads"),
        "c": fleet.send("t.c"),
        "named": fleet.send("t.by_name"),
    }
    fleet.wait_ended(list(ids.values()), 120)
    outputs = {kind: fleet.output(run_id) for kind, run_id in ids.items()}
    lines = sorted(outputs["threads"].splitlines())
    wanted = sorted(b"thread %d line %d" % (t, n) for t in range(THREADS) for n in range(LINES_PER_THREAD))
    good = {
        f"traceback of 10 MiB ({len(outputs['traceback']) / 2**20:.1f} MiB stored)": (
            b"begin " + b"x" * TRACEBACK_BYTES + b" end" in outputs["traceback"]
        ),
        f"{THREADS} threads": lines == wanted,
        "C code": outputs["c"] in (b"python\nputs\nno newline", b"python\nputs\nno newline\n"),
        "/dev/stdout and /dev/fd/2": outputs["named"] == b"dev stdout\nnamed\n",
    }
    bad = [kind for kind, right in good.items() if not right]
    return [Figure("ways of writing: " + ", ".join(good), "all whole" if not bad else f"damaged: {', '.join(bad)}",
                   "all whole", not bad)]  # fmt: skip
