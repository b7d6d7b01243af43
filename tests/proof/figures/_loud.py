"""A run that prints more during an outage than the spool holds: what is kept, and what its log says of the rest."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import httpx
import psutil

from runtail.log import reader
from runtail.protocol import Entry
from runtail.protocol import event as events
from tests.proof.figures import Figure
from tests.proof.figures._streams import ENDLESS_LINES, PATIENCE_SECONDS
from tests.support.stack import Stack
from tests.support.waiting import wait_for

LINES_PER_SECOND, LINE_BYTES = 250, 1400
MIB = 2**20
#: Of all runs of a worker (``RUNTAIL_SPOOL_BYTES``), and what one read may bring above it.
SPOOL_BYTES, ONE_READ_BYTES = 64 * MIB, MIB
#: Outside of the spool, while Redis is away; and after it, when what was appended is kept to repair (8 MiB a run).
GOAL_HEAP_BYTES, GOAL_AFTER_BYTES = 8 * MIB, 16 * MIB


class Loud:
    """The run, from its start to :meth:`finish`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        # ``print`` adds the end of the line.
        kwargs = {"lines": ENDLESS_LINES, "lines_per_second": LINES_PER_SECOND, "width": LINE_BYTES - 1}
        self.run_id = stack.start("line.paced", kwargs)
        wait_for(lambda: stack.run(self.run_id).number("line") > 2 * LINES_PER_SECOND, PATIENCE_SECONDS,
                 stack.worker.evidence)  # fmt: skip
        self._shipper, self._keeper = self._find("runtail.worker.shipper"), self._find("worker/keeper")
        self._before = self._shipper.memory_info().rss
        self._heap = self._after = self._spool = 0
        self._back = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _find(self, part: str) -> psutil.Process:
        # The keeper's arguments name the shipper, too.
        children = psutil.Process(self._stack.worker.pid).children(recursive=True)
        commands = [(child, " ".join(child.cmdline())) for child in children]
        return next(child for child, command in commands
                    if part in command and (part == "worker/keeper") == ("worker/keeper" in command))  # fmt: skip

    def watch(self) -> None:
        """Measure from now on what the shipper and the spools take."""
        self._thread.start()

    def back(self) -> None:
        """Redis is there again."""
        self._back.set()

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            grown = self._shipper.memory_info().rss - self._before
            if self._back.is_set():
                self._after = max(self._after, grown)
            else:
                self._heap = max(self._heap, grown)
            self._spool = max(self._spool, self._spools_bytes())

    def _spools_bytes(self) -> int:
        total = 0
        for link in Path(f"/proc/{self._keeper.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if "runtail-spool" in str(link.readlink()):
                    total += link.stat().st_blocks * 512
        return total

    def finish(self) -> list[Figure]:
        """End the run and judge its log: each line stands there, or a marker in its place counts it."""
        url = f"{self._stack.web.url}/api/v1/runs/{self.run_id}/cancel"
        httpx.post(url, json={}, timeout=30).raise_for_status()
        run = self._stack.wait_ended(self.run_id, deadline_seconds=PATIENCE_SECONDS)
        self._over.set()
        self._thread.join(30)
        stored, dropped_lines, dropped_bytes, wrong = self._read()
        name = f"a run of {LINES_PER_SECOND * LINE_BYTES / 1000:.0f} kB/s while Redis is away for 300 s"
        return [
            Figure(f"{name}: lines in order, or counted by a marker in their place",
                   f"{stored:,} stored, {dropped_lines:,} dropped ({dropped_bytes / MIB:.0f} MiB, the oldest), "
                   f"{wrong} elsewhere or not counted; it ended as {run.state}",
                   "some, some, 0; cancelled", stored > 0 < dropped_lines and not wrong and run.state == "cancelled"),
            Figure(f"{name}: spools; the shipper's growth outside of them, meanwhile and when it is back",
                   f"{self._spool / MIB:.1f} MiB; {self._heap / MIB:.1f} and {self._after / MIB:.1f} MiB",
                   f"<= {(SPOOL_BYTES + ONE_READ_BYTES) // MIB} MiB; <= {GOAL_HEAP_BYTES // MIB} and "
                   f"{GOAL_AFTER_BYTES // MIB} MiB",
                   self._spool <= SPOOL_BYTES + ONE_READ_BYTES and self._heap <= GOAL_HEAP_BYTES
                   and self._after <= GOAL_AFTER_BYTES),
        ]  # fmt: skip

    def _read(self) -> tuple[int, int, int, int]:
        """Lines stored; lines and bytes that markers count; lines that are neither where they belong nor counted."""
        number = stored = lines = size = wrong = gap_lines = gap_bytes = 0
        for item in reader.entries(self._stack.store, self.run_id):
            if not isinstance(item, Entry):
                wrong += 1
            elif item.type == "o":
                for text in item.payload.splitlines():
                    found = int(text.split(b".")[0].split()[1])
                    wrong += abs(found - number - 1 - gap_lines) + (len(text) != LINE_BYTES - 1)
                    wrong += gap_bytes != gap_lines * LINE_BYTES
                    number, stored = found, stored + 1
                    lines, size = lines + gap_lines, size + gap_bytes
                    gap_lines = gap_bytes = 0
            elif (event := events.decode(item))["kind"] == events.OVERFLOW:
                gap_lines, gap_bytes = gap_lines + event["lines"], gap_bytes + event["bytes"]
        return stored, lines, size, wrong
