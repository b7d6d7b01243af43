"""From results to the table: medians, spreads, and goals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench.subjects import SUBJECTS
from tests.bench.workloads import Results

#: Workload, what it is, and the columns: key, head, format.
TABLES: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...] = (
    ("a", "200 viewers of one run, 1,000 lines/s of 100 bytes", (
        ("p50_ms", "p50 ms", ",.0f"), ("p99_ms", "p99 ms", ",.0f"), ("server_cpu", "server, cores", ".2f"),
        ("us_per_line", "µs/line", ".2f"), ("us_per_frame", "µs/frame", ".1f"), ("redis_cpu", "Redis, cores", ".2f"),
        ("load_cpu", "load, cores", ".2f"), ("client_cpu", "clients, cores", ".2f"),
    )),
    ("b", "200 viewers of one run, 200 lines/s", (
        ("p50_ms", "p50 ms", ",.0f"), ("p99_ms", "p99 ms", ",.0f"), ("server_cpu", "server, cores", ".2f"),
        ("us_per_line", "µs/line", ".2f"), ("us_per_frame", "µs/frame", ".1f"), ("redis_cpu", "Redis, cores", ".2f"),
        ("load_cpu", "load, cores", ".2f"), ("client_cpu", "clients, cores", ".2f"),
    )),
    ("c", "most viewers at 1,000 lines/s with p99 <= 250 ms", (("viewers", "viewers", ",.0f"),)),
    ("d", "a newcomer reads the backlog of a run that goes on before 50 others", (
        ("newcomer_lines_per_second", "lines/s", ",.0f"), ("grown_mb", "server grew, MB", ".1f"),
        ("alone_p99_ms", "others' p99 before", ",.0f"), ("beside_p99_ms", "meanwhile", ",.0f"),
        ("newcomer_cpu", "newcomer, cores", ".2f"),
    )),
    ("e", "1,000 lines/s over many runs with one viewer each", (
        ("p99_ms", "p99 ms", ",.0f"), ("us_per_line", "µs/line", ".1f"), ("server_cpu", "server, cores", ".2f"),
        ("redis_cpu", "Redis, cores", ".2f"), ("load_cpu", "load, cores", ".2f"), ("rate", "written/s", ",.0f"),
    )),
    ("f", "memory of an idle viewer", (("kib_per_viewer", "KiB", ".1f"),)),
    ("g", "200 viewers at 1,000 lines/s on one relay and on two", (
        ("server_cpu", "relays, cores", ".3f"), ("p99_ms", "p99 ms", ",.0f"), ("us_per_line", "µs/line", ".2f"),
    )),
    ("h", "a task that prints lines of 100 bytes, lines/s", (
        ("captured", "captured", ",.0f"), ("unbuffered", "python -u | cat", ",.0f"),
        ("block_buffered", "python | cat", ",.0f"), ("round_trips", "RPUSH + PUBLISH", ",.0f"),
        ("shipper_us_per_line", "shipper µs/line", ".2f"), ("redis_us_per_line", "Redis µs/line", ".2f"),
    )),
)  # fmt: skip


def median(results: Results, workload: str, name: str, key: str) -> float:
    """Return the median over the rounds that have the measurement; NaN if none has."""
    values = _values(results.get(workload, {}).get(name, []), key)
    return statistics.median(values) if values else math.nan


def _values(rounds: list[dict[str, Any]], key: str) -> list[float]:
    found = (result.get(key) for result in rounds)
    # (JSON has null for NaN.)
    return [value for value in found if value is not None and not math.isnan(value)]


def lines(results: Results) -> Iterator[str]:
    """Yield the tables as text: per cell the median, and (least-most) over the rounds."""
    for workload, title, columns in TABLES:
        if workload not in results:
            continue
        yield f"\n({workload}) {title}"
        rows = [["", *(head for _, head, _ in columns), ""]]
        for name, rounds in results[workload].items():
            shown = SUBJECTS[name].title if name in SUBJECTS and workload != "h" else name
            failed = [result["failed"] for result in rounds if result["failed"]]
            note = f"FAILED {len(failed)} of {len(rounds)}: {failed[0]}" if failed else ""
            rows.append([shown, *(cell(rounds, key, form) for key, _, form in columns), note])
        widths = [max(len(row[column]) for row in rows) for column in range(len(columns) + 1)]
        for row in rows:
            cells = [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:-1], widths[1:], strict=True))]
            yield f"  {'  '.join(cells)}  {row[-1]}".rstrip()


def cell(rounds: list[dict[str, Any]], key: str, form: str) -> str:
    """Return the median of a measurement, and (least-most) if there are several."""
    values = sorted(_values(rounds, key))
    if not values:
        return "-"
    middle = format(statistics.median(values), form)
    return middle if len(values) == 1 else f"{middle} ({values[0]:{form}}-{values[-1]:{form}})"


@dataclass(frozen=True)
class Goal:
    """A measurement, and what it is to reach.

    :param limit: the value must be at most this (at least, if *least*).
    """

    workload: str
    text: str
    value: float
    limit: float
    least: bool = False

    @property
    def reached(self) -> bool | None:
        """None if it was not measured."""
        if math.isnan(self.value):
            return None
        return self.value >= self.limit if self.least else self.value <= self.limit


def goals(results: Results) -> list[Goal]:
    """Return every goal to reach, with what was measured."""

    def m(workload: str, key: str, name: str = "runtail") -> float:
        return median(results, workload, name, key)

    made = [
        Goal("a", "p99, ms", m("a", "p99_ms"), 100),
        Goal("a", "CPU per line / Flask-SocketIO's", m("a", "us_per_line") / m("a", "us_per_line", "flask"), 1 / 8),
        Goal("a", "CPU per line / Socket.IO's (Node)", m("a", "us_per_line") / m("a", "us_per_line", "node"), 1 / 12),
        Goal("a", "CPU per frame / the floor's", m("a", "us_per_frame") / m("a", "us_per_frame", "floor"), 2),
        Goal("b", "p99, ms", m("b", "p99_ms"), 60),
        Goal("b", "CPU per line / Flask-SocketIO's", m("b", "us_per_line") / m("b", "us_per_line", "flask"), 1 / 3),
        Goal("b", "CPU per frame / the floor's", m("b", "us_per_frame") / m("b", "us_per_frame", "floor"), 2),
        Goal("c", "viewers on one core", m("c", "viewers"), 1000, least=True),
        Goal("d", "lines/s to the newcomer", m("d", "newcomer_lines_per_second"), 300_000, least=True),
        Goal("d", "relay grows, MB", m("d", "grown_mb"), 32),
        Goal("d", "others' p99 meanwhile, ms", m("d", "beside_p99_ms"), _with_allowance(m("d", "alone_p99_ms"))),
        Goal(
            "e",
            "CPU per line, 1,000 runs / 10 runs",
            m("e", "us_per_line", "runtail, 1000 runs") / m("e", "us_per_line", "runtail, 10 runs"),
            2,
        ),
        Goal("f", "KiB per idle viewer", m("f", "kib_per_viewer"), 80),
        Goal(
            "g",
            "CPU of two relays / of one",
            m("g", "us_per_line", "runtail, relays: 2") / m("g", "us_per_line", "runtail, relays: 1"),
            1.2,
        ),
        Goal("h", "time captured / python -u | cat", m("h", "unbuffered") / m("h", "captured"), 1.5),
        Goal(
            "h",
            "lines/s captured / RPUSH + PUBLISH",
            m("h", "captured") / m("h", "round_trips"),
            15,
            least=True,
        ),
    ]
    return [goal for goal in made if goal.workload in results]


def _with_allowance(alone: float) -> float:
    return max(alone * 1.2, alone + 20)


def goal_lines(found: list[Goal]) -> Iterator[str]:
    """Yield the goals as text."""
    yield "\nGoals"
    for goal in found:
        word = {True: "reached", False: "NOT REACHED", None: "not measured"}[goal.reached]
        sign = ">=" if goal.least else "<="
        yield f"  ({goal.workload}) {goal.text:<36} {goal.value:>12,.3f}  {sign} {goal.limit:,.3f}  {word}"
