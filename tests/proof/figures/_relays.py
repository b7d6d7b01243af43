"""How large relays become while something happens to them."""

from __future__ import annotations

import psutil

from tests.proof.figures import Figure
from tests.support.relay_stage import Stage
from tests.support.watching import Watching

#: What a relay is given (docs/performance.md), and how much of it is left for what nobody measured.
LIMIT_BYTES = 512 << 20
REACHED_PART = 0.7


def limited(name: str, here: Stage) -> list[Figure]:
    """The row of relays that were given :data:`LIMIT_BYTES`; none where nobody can limit them.

    :param name: what happened to them.
    """
    if not here.limits:
        print("   no control groups for memory here: see the largest relay below the table", flush=True)
        return []
    kills = sum(limit.kills for limit in here.limits)
    peak = max(limit.peak_bytes for limit in here.limits)
    return [
        Figure(f"{name}: relays killed at a limit of {LIMIT_BYTES >> 20} MiB (cgroup), most in use",
               f"{kills}, {peak >> 20} MiB", f"0, <= {REACHED_PART:.0%}",
               not kills and peak <= REACHED_PART * LIMIT_BYTES),
    ]  # fmt: skip


class RelayMemory(Watching):
    """Watches the resident memory of every relay that this process starts. A context manager."""

    def __init__(self) -> None:
        super().__init__("relay-memory")
        #: The largest of them so far, in bytes.
        self.most_bytes = 0

    def run(self) -> None:
        """Look four times a second."""
        ours, relays = psutil.Process(), set[psutil.Process]()
        seen = set[psutil.Process]()
        while not self.over.wait(0.25):
            for process in set(ours.children()) - seen:
                seen.add(process)
                if _is_relay(process):
                    relays.add(process)
            for process in list(relays):
                try:
                    self.most_bytes = max(self.most_bytes, process.memory_info().rss)
                except psutil.Error:
                    relays.discard(process)


def _is_relay(process: psutil.Process) -> bool:
    try:
        return "runtail_socket" in process.cmdline()
    except psutil.Error:
        return False
