"""The workloads: who does what how often, in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import backlog, fanout, idle, printing
from tests.bench.fanout import Shape
from tests.bench.subjects import SUBJECTS

Result = dict[str, Any]
#: Workload, subject (or variant), round by round.
Results = dict[str, dict[str, list[Result]]]

ALL = tuple(SUBJECTS)


@dataclass(frozen=True)
class Plan:
    """How much of everything: the whole bench, or the short one.

    :param most_seconds: what all workloads may take together; nothing is cut off, the bench says what it took.
    :param most: numbers of viewers to try in (c), by subject.
    """

    most_seconds: int
    rounds: int
    a_seconds: float
    b_seconds: float
    b_names: Sequence[str]
    c_seconds: float
    most: dict[str, Sequence[int]]
    d_lines: dict[str, int]
    e_runs: Sequence[int]
    short_seconds: float
    f_viewers: dict[str, int]
    h_lines: int
    h_rounds: int


FULL = Plan(
    most_seconds=20 * 60,
    rounds=3,
    a_seconds=15,
    b_seconds=6,
    b_names=ALL,
    c_seconds=4,
    most={
        "runtail": (1000, 1500, 2000, 2500, 3000),
        "flask": (10, 20, 40),
        "node": (25, 50, 100),
        "tutorial": (10, 20, 40),
        "floor": (2000, 3000),
    },
    d_lines={"runtail": 1_000_000, "tutorial": 50_000},
    e_runs=(10, 100, 1000),
    short_seconds=5,
    f_viewers={"runtail": 500, "flask": 500, "node": 500, "tutorial": 70, "floor": 500},
    h_lines=2_000_000,
    h_rounds=3,
)

QUICK = Plan(
    most_seconds=3 * 60,
    rounds=1,
    a_seconds=2,
    b_seconds=3,
    b_names=("runtail", "flask", "floor"),
    c_seconds=3,
    most={"runtail": (1000,), "flask": (10,)},
    d_lines={"runtail": 200_000},
    e_runs=(10, 1000),
    short_seconds=3,
    f_viewers={"runtail": 200, "flask": 200},
    h_lines=200_000,
    h_rounds=1,
)

#: (c): the delay that still counts as live.
MOST_P99_MS = 250.0

VIEWERS = 200
RATE, SLOW_RATE = 1000.0, 200.0


class Workloads:
    """Runs the workloads and keeps what they found.

    :param names: subjects to run.
    :param say: called with a sentence for each measurement.
    """

    def __init__(self, plan: Plan, names: Sequence[str], ports: Sequence[int], say: Callable[[str], None]) -> None:
        self.plan = plan
        self.results: Results = {}
        self._names = names
        self._ports = ports
        self._say = say

    def run(self, letter: str) -> None:
        """Run one workload."""
        began = time.monotonic()
        getattr(self, f"_{letter}")()
        self._say(f"({letter}) took {time.monotonic() - began:.0f} s\n")

    def _rotated(self, names: Sequence[str], rounds: int) -> Iterator[str]:
        """Each name once a round; each round begins with another."""
        names = [name for name in names if name in self._names]
        for number in range(rounds):
            for index in range(len(names)):
                yield names[(index + number) % len(names)]

    def _note(self, workload: str, name: str, result: Result, *shown: str) -> Result:
        self.results.setdefault(workload, {}).setdefault(name, []).append(result)
        measurements = ", ".join(f"{key} {result[key]:,.1f}" for key in shown if key in result)
        failed = f" — {result['failed']}" if result["failed"] else ""
        self._say(f"({workload}) {name}: {measurements}{failed}")
        return result

    def _fan_out(self, workload: str, names: Sequence[str], rate: float, seconds: float) -> None:
        for name in self._rotated(names, self.plan.rounds):
            result = fanout.measure(SUBJECTS[name], Shape(VIEWERS, rate, seconds), self._ports)
            self._note(
                workload, name, result, "p50_ms", "p99_ms", "server_cpu", "us_per_line", "us_per_frame", "client_cpu"
            )

    def _a(self) -> None:
        self._fan_out("a", ALL, RATE, self.plan.a_seconds)

    def _b(self) -> None:
        self._fan_out("b", self.plan.b_names, SLOW_RATE, self.plan.b_seconds)

    def _c(self) -> None:
        for name, steps in self.plan.most.items():
            if name not in self._names:
                continue
            best: Result = {"failed": f"not even {steps[0]} viewers", "viewers": 0}
            for viewers in steps:
                if not self._holds(name, viewers):
                    break
                best = {"failed": "", "viewers": viewers}
            best["tried"] = list(steps)
            self._note("c", name, best, "viewers")

    def _holds(self, name: str, viewers: int) -> bool:
        result = fanout.measure(SUBJECTS[name], Shape(viewers, RATE, self.plan.c_seconds), self._ports)
        late = result.get("p99_ms", float("inf"))
        delay = f"p99 {late:,.0f} ms, server {result['server_cpu']:.2f}" if "p99_ms" in result else ""
        self._say(f"    {name}, {viewers} viewers: {delay} {result['failed']}")
        return not result["failed"] and late <= MOST_P99_MS

    def _d(self) -> None:
        for name in self._rotated(list(self.plan.d_lines), self.plan.rounds):
            result = backlog.measure(SUBJECTS[name], self.plan.d_lines[name])
            shown = ("newcomer_lines_per_second", "grown_mb", "alone_p99_ms", "beside_p99_ms", "newcomer_cpu")
            self._note("d", name, result, *shown)

    def _e(self) -> None:
        if "runtail" not in self._names:
            return
        for number in range(self.plan.rounds):
            for index in range(len(self.plan.e_runs)):
                runs = self.plan.e_runs[(index + number) % len(self.plan.e_runs)]
                shape = Shape(runs, RATE, self.plan.short_seconds, runs=runs)
                result = fanout.measure(SUBJECTS["runtail"], shape, self._ports)
                shown = ("p99_ms", "us_per_line", "server_cpu", "redis_cpu", "load_cpu", "rate")
                self._note("e", f"runtail, {runs} runs", result, *shown)

    def _f(self) -> None:
        for name, viewers in self.plan.f_viewers.items():
            if name in self._names:
                self._note("f", name, idle.measure(SUBJECTS[name], viewers), "kib_per_viewer")

    def _g(self) -> None:
        if "runtail" not in self._names:
            return
        for number in range(self.plan.rounds):
            for relays in (1, 2) if number % 2 == 0 else (2, 1):
                shape = Shape(VIEWERS, RATE, self.plan.short_seconds, relays=relays)
                result = fanout.measure(SUBJECTS["runtail"], shape)
                self._note("g", f"runtail, relays: {relays}", result, "server_cpu", "p99_ms", "us_per_line")

    def _h(self) -> None:
        for _ in range(self.plan.h_rounds):
            result = printing.measure(self.plan.h_lines)
            self._note("h", "runtail", result, "captured", "unbuffered", "block_buffered", "round_trips")
