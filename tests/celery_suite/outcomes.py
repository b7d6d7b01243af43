"""How tests came out, and what is made of it: no process is started here."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: By test, as pytest names it: passed, failed, skipped; and what became of one whose session did not reach its end.
Outcomes = dict[str, str]
STOPPED = "stopped"

#: How many tests share a session at most.
SESSION_TESTS = 30
#: A test that failed with Runtail is repeated this often each way; three times as often if that leaves it open.
REPETITIONS = 5
ROUNDS = 3
#: A difference counts if chance alone would show one as large less often than this.
CHANCE = 0.05


def read_outcomes(journal: Path) -> tuple[list[str], Outcomes]:
    """Read what the plugin wrote, line by line, as tests ran; return which were collected, and how they came out.

    A test that began and did not end when its session did is ``stopped``.
    """
    collected: list[str] = []
    found: Outcomes = {}
    ended: set[str] = set()
    for line in journal.read_text().splitlines() if journal.exists() else []:
        test, event = json.loads(line)
        match event:
            case "collected":
                collected.append(test)
            case "began":
                found[test] = "passed"
                ended.discard(test)
            case "failed" | "skipped" if found[test] != "failed":
                # A test that fails and is skipped afterwards (one of its subtests is, say) has failed.
                found[test] = event
            case "ended":
                ended.add(test)
    return collected, {test: outcome if test in ended else STOPPED for test, outcome in found.items()}


def sessions(tests: Iterable[str]) -> list[list[str]]:
    """Deal a suite's tests into sessions: each of one file, and neighbours in different ones where there are several.

    The slowest tests stand beside each other.
    """
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(test.partition("::")[0], []).append(test)
    dealt = []
    for found in files.values():
        count = math.ceil(len(found) / SESSION_TESTS)
        dealt += [found[first::count] for first in range(count)]
    return sorted(dealt, key=len, reverse=True)


def differences(plain: Outcomes, installed: Outcomes) -> list[str]:
    """Return the tests that passed or were skipped without Runtail, and came out otherwise with it."""
    return sorted(test for test in required(plain) if installed.get(test, "missing") != plain[test])


def required(plain: Outcomes) -> list[str]:
    """Return the tests that did not fail without Runtail."""
    return [test for test, outcome in plain.items() if outcome in ("passed", "skipped")]


def by_chance(plain: int, installed: int, times: int) -> float:
    """Return how often so few passes with Runtail would come out if it made no difference (Fisher's exact test)."""
    passed = plain + installed
    as_few = range(max(0, passed - times), installed + 1)
    return sum(math.comb(times, few) * math.comb(times, passed - few) for few in as_few) / math.comb(2 * times, passed)


@dataclass(frozen=True)
class Verdict:
    """What repeating a test showed: how often it passed without Runtail and with it, of how many times."""

    plain: int
    installed: int
    times: int

    @property
    def differs(self) -> bool:
        """Whether Runtail is to blame."""
        return self.installed < self.plain and by_chance(self.plain, self.installed, self.times) < CHANCE

    @property
    def is_open(self) -> bool:
        """Whether repeating it more often could show more."""
        return self.installed < self.plain and not self.differs

    def __str__(self) -> str:
        said = f"passed {self.plain} of {self.times} without, {self.installed} with Runtail"
        if self.installed >= self.plain:
            return f"{said}: no difference when repeated"
        chance = by_chance(self.plain, self.installed, self.times)
        return f"{said}: {'DIFFERS' if self.differs else 'no more than chance'} (p = {chance:.2g})"


@dataclass
class Result:
    """What came of one way."""

    way: str
    outcomes: dict[bool, Outcomes] = field(default_factory=lambda: {False: {}, True: {}})
    seconds: float = 0.0
    #: What passed without Runtail and not with it, at first.
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    @property
    def guilty(self) -> list[str]:
        """The tests that Runtail breaks."""
        return [test for test, verdict in self.verdicts.items() if verdict.differs]

    @property
    def fails_plain(self) -> list[str]:
        """The tests that failed without Runtail, and were not run with it."""
        return sorted(set(self.outcomes[False]) - set(required(self.outcomes[False])))

    def said_of(self, test: str) -> str:
        """Return how a test came out that did not come out alike."""
        plain, installed = (self.outcomes[install].get(test, "missing") for install in (False, True))
        return f"{test}: {plain} without, {installed} with Runtail; repeated: {self.verdicts[test]}"


def short(test: str) -> str:
    """Return a test's name without its folder."""
    return re.sub(r"^t/integration/", "", test)


def table(results: Sequence[Result]) -> str:
    """Return what came of all ways, in Markdown: how many passed, and each test that did not."""
    lines = [
        "| way | passed without | of these, passed with | differences | fails without | skipped | minutes |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        plain, installed = ([*result.outcomes[install].values()] for install in (False, True))
        cells = [result.way, plain.count("passed"), installed.count("passed"), len(result.guilty),
                 len(result.fails_plain), plain.count("skipped"), f"{result.seconds / 60:.0f}"]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for result in results:
        lines += [f"- {result.way}, {short(result.said_of(test))}" for test in result.verdicts]
        lines += [
            f"- {result.way}, {short(test)}: {result.outcomes[False][test]} without Runtail, and was not run with it"
            for test in result.fails_plain
        ]
    return "\n".join(lines)
