"""Several logs beside each other, each followed by itself."""

from __future__ import annotations

import pytest

from tests.browsers.tab import Tab
from tests.support.installation import Installation
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

#: Whether a pane shows the line with this number, or a later one.
SHOWS = """
    const numbers = [...document.querySelectorAll(`.pane[data-run='${arguments[0]}'] .row.line .number`)];
    return numbers.some(({ textContent }) => Number(textContent) >= arguments[1]);
"""


def test_two_running_logs_grow_beside_each_other(ann: Tab, installation: Installation) -> None:
    one, other = Producer(installation.store), Producer(installation.store)
    one.write(300)
    other.write(3)
    panes = {producer: f".pane[data-run='{producer.run_id}']" for producer in (one, other)}
    ann.open(f"/watch?run={one.run_id}&run={other.run_id}")
    ann.see(".connection", "Live")
    for producer, pane in panes.items():
        ann.until(SHOWS, producer.run_id, producer.count)
        ann.see(f"{pane} .following", "Following")
    for producer in panes:
        producer.start(lines_per_second=100)
    for producer in panes:
        for more in (50, 100):
            ann.until(SHOWS, producer.run_id, producer.count + more)
    for producer, pane in panes.items():
        producer.stop()
        ann.see(f"{pane} .verdict.ok", f"{producer.count:,} lines, verified")
        ann.until(SHOWS, producer.run_id, producer.count)
    # Who closes one keeps the other.
    ann.click(f"{panes[other]} button[aria-label='Close this pane']")
    ann.miss(panes[other])
    ann.at(f"/watch?run={one.run_id}")
    ann.see(f"{panes[one]} .chip", "succeeded")
