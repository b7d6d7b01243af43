"""The primary dies again and again, and a replica takes over that lacks a thousand acknowledged entries."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from runtail.runs.record import read_run
from runtail.store import Store
from tests.proof.figures import Figure
from tests.proof.figures._streams import PATIENCE_SECONDS, Streams
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack
from tests.support.waiting import wait_for

RUNS, LINES_PER_SECOND, VIEWERS, ROUNDS = 5, 200, 20, 20
ROLLED_BACK = 1000
#: So soon after a line it is stored: each of these lines becomes an entry.
FLUSH_SECONDS = 0.002


class Pair:
    """A primary, its replica, and the two proxies to whichever is the primary: for clients and for the replica."""

    def __init__(self, primary: RedisServer, replica: RedisServer, clients: TcpProxy, replication: TcpProxy) -> None:
        self.primary, self.replica = primary, replica
        self._clients, self._replication = clients, replication
        self.follow()

    def follow(self) -> None:
        """Let the replica follow the primary; return when it has everything."""
        self._replication.target = (self.primary.host, self.primary.port)
        with self.replica.client() as client:
            client.replicaof(self._replication.host, self._replication.port)
            wait_for(
                lambda: client.info("replication").get("master_link_status") == "up",
                PATIENCE_SECONDS,
                lambda: client.info("replication"),
            )

    def lag(self) -> None:
        """From now on the replica gets nothing more, and nobody notices."""
        self._replication.stall()

    def fail_over(self) -> None:
        """Kill the primary and promote the replica as it is; the dead one comes back, empty, as its replica."""
        self.primary.kill()
        self.replica.promote()
        self.primary, self.replica = self.replica, self.primary
        self._clients.target = (self.primary.host, self.primary.port)
        self._clients.cut()
        self._replication.resume()
        self._replication.cut()
        self.replica.restart(keep_data=False)


def measure() -> list[Figure]:
    """Roll the store back, as often as is promised."""
    took, taken_back = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "second"):
            (Path(folder) / name).mkdir()
        with (
            RedisServer(Path(folder) / "first") as first,
            RedisServer(Path(folder) / "second") as second,
            TcpProxy(first.host, first.port) as clients,
            TcpProxy(first.host, first.port) as replication,
            Stack(Path(folder), clients.url, concurrency=RUNS, flush_seconds=FLUSH_SECONDS) as stack,
            Streams(stack, runs=RUNS, lines_per_second=LINES_PER_SECOND, viewers=VIEWERS) as streams,
        ):
            pair = Pair(first, second, clients, replication)
            epochs = {run_id: stack.run(run_id).number("epoch") for run_id in streams.ids}
            for _ in range(ROUNDS):
                taken_back.append(_round(pair, stack, streams))
                took.append(streams.resumed_after(time.monotonic()))
                pair.follow()
                streams.wait_until_flowing()
            print("   resumed after " + ", ".join(f"{seconds:.1f}" for seconds in took) + " s", flush=True)
            same = sum(stack.run(run_id).number("epoch") == epoch for run_id, epoch in epochs.items())
            verdict = streams.finish()
    name = f"failover to a replica that lags, {ROUNDS} times"
    return [
        Figure(f"{name}: acknowledged entries taken back, each time", f"{min(taken_back):,} to {max(taken_back):,}",
               f">= {ROLLED_BACK:,}", min(taken_back) >= ROLLED_BACK),
        Figure(f"{name}: gap at the end", f"{verdict.words}; {same} of {RUNS} epochs kept, {verdict.resets} resets",
               f"0; {RUNS} of {RUNS}, 0", verdict.clean and not verdict.resets and same == RUNS),
        Figure(f"{name}: every screen goes on", f"after at most {max(took):.1f} s", "within 3 s of the promotion",
               max(took) <= 3.0),
    ]  # fmt: skip


def _round(pair: Pair, stack: Stack, streams: Streams) -> int:
    """Fail over; return how many acknowledged entries that took back."""
    behind = Store(stack.store.settings, pair.replica.client())
    try:
        pair.lag()

        def missing() -> int:
            return sum(
                stack.run(run_id).number("entries") - read_run(behind, run_id).number("entries")
                for run_id in streams.ids
            )

        wait_for(lambda: missing() >= ROLLED_BACK, PATIENCE_SECONDS, missing, interval_seconds=0.05)
        # The writers go on meanwhile: at least so many.
        count = missing()
        pair.fail_over()
        return count
    finally:
        behind.client.close()
