"""The tables in Markdown, for ``docs/performance.md``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.bench.report import TABLES, cell, goals
from tests.bench.subjects import SUBJECTS
from tests.bench.workloads import Results


def markdown(results: Results, about: Mapping[str, str], seconds: float) -> Iterator[str]:
    """Yield what it ran on, the goals, then a table per workload: the page's section, line by line.

    :param about: from :func:`tests.bench.machine.describe`.
    :param seconds: that everything took.
    """
    redis = re.search(r"v=([0-9.]+)", about["redis"])
    yield f"{about['machine']}, {about['system']}, Python {about['python']};"
    yield f"{about['packages']};"
    yield f"Redis {redis[1] if redis else about['redis']}; Node {about['node'].lstrip('v')}."
    repeated = max((len(found) for names in results.values() for found in names.values()), default=0)
    yield f"{'One round' if repeated == 1 else f'Medians of {repeated} rounds'}, {seconds / 60:.0f} minutes in all;"
    yield f"load average of the machine at the start: {about['load average']}."
    yield ""
    yield "| workload | measurement | measured | to reach | |"
    yield "|---|---|---|---|---|"
    for goal in goals(results):
        word = {True: "reached", False: "**not reached**", None: "not measured"}[goal.reached]
        sign = "≥" if goal.least else "≤"
        value, limit = _number(goal.value), _number(goal.limit)
        yield f"| ({goal.workload}) | {_escaped(goal.text)} | {value} | {sign} {limit} | {word} |"
    for workload, title, columns in TABLES:
        if workload not in results:
            continue
        yield f"\n**({workload})** {title}\n"
        yield f"| | {' | '.join(_escaped(head) for _, head, _ in columns)} | |"
        yield f"|---|{'---:|' * len(columns)}---|"
        for name, rounds in results[workload].items():
            shown = SUBJECTS[name].title if name in SUBJECTS and workload != "h" else name
            failed = [result["failed"] for result in rounds if result["failed"]]
            note = f"failed {len(failed)} of {len(rounds)}: {failed[0]}" if failed else ""
            yield f"| {shown} | {' | '.join(cell(rounds, key, form) for key, _, form in columns)} | {note} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
