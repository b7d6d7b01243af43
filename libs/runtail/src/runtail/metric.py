"""What a metric is, and the buckets of histograms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

#: Every service exposes the rows of ``every``; other rows name the component that exposes them.
#: Those of ``login`` are exposed by web and relay.
Component = Literal["web", "relay", "worker", "canary", "login", "every"]
Kind = Literal["counter", "gauge", "histogram"]

#: From a line's writing to seeing it: a flush and a round trip when all is well, and
#: seconds when a viewer catches up or the store was unreachable.
DELIVERY_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: A page or an API call sends some commands to the store; after 3 s the service gives up on the store.
REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
#: One round of an event loop: all tasks on the loop wait for a round above 0.1 s.
LAG_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: One call to the store; a client gives up after 5 s.
STORE_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
#: Tasks take from a second to a night.
RUN_SECONDS: Final = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 43200.0)
#: A free worker takes a message at once.
WAIT_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 43200.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table.

    :param component: the process that exposes it.
    :param name: as it is exposed; counters end in ``_total``, and units are part of the name.
    :param labels: names of labels, each with a handful of values.
    :param buckets: of histograms, in the metric's unit.
    :param values: the known values of the only label. They start at 0, because ``increase()`` would miss the first
        event of a series that begins with it.
    """

    component: Component
    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
