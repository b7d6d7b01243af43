"""The metrics that a process serves under ``/metrics``, with the names of :mod:`runtail.metric_table`.

A process makes one :class:`Metrics` for its component. It either updates an
instrument itself (:meth:`Metrics.counter` and so on) or gives a function that
returns the value at each scrape (:meth:`Metrics.read`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from runtail.distribution import Distribution
from runtail.metric import Component, Kind, Metric
from runtail.metric_table import METRICS
from runtail.version import __version__

_BY_NAME: Final = {metric.name: metric for metric in METRICS}
#: The rows that a component exposes beside its own.
_SHARED: Final[Mapping[Component, Component]] = {"web": "login", "relay": "login"}

#: One value, or values by the labels' values. None leaves the metric out because it cannot be read now.
Reading = float | Mapping[tuple[str, ...], float] | None


class Metrics:
    """The metrics of one process, including its version (``runtail_build_info``) and the kernel's (``process_*``).

    :param component: the component whose rows of the table may be used.
    :param registry: made if not given; one per process.
    """

    def __init__(self, component: Component, registry: CollectorRegistry | None = None) -> None:
        self.component = component
        self.registry = registry if registry is not None else CollectorRegistry()
        self._used: set[str] = set()
        self._readers: dict[str, Callable[[], Reading]] = {}
        self._distributions: dict[str, Distribution] = {}
        ProcessCollector(registry=self.registry)
        self.registry.register(_Readings(self._readers, self._distributions))
        self._readers["runtail_build_info"] = lambda: {(component, __version__): 1.0}

    def counter(self, name: str) -> Counter:
        """Return the counter of that name; the caller increases it."""
        metric = self._row("counter", name)
        made = Counter(metric.name, metric.help, metric.labels, registry=self.registry)
        for value in metric.values:
            made.labels(value)
        return made

    def histogram(self, name: str) -> Histogram:
        """Return the histogram of that name."""
        metric = self._row("histogram", name)
        made = Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)
        for value in metric.values:
            made.labels(value)
        return made

    def read(self, name: str, value: Callable[[], Reading]) -> None:
        """Expose a value that the program keeps itself.

        :param value: called for each scrape, in the thread that answers it. It must not wait for anything: a scrape
            must be quick, above all when something is wrong.
        """
        kind = _BY_NAME[name].kind
        if kind == "histogram":
            raise ValueError(f"{name} is a histogram and cannot be read")
        self._row(kind, name)
        self._readers[name] = value

    def read_distribution(self, name: str, distribution: Distribution) -> None:
        """Expose a distribution that the program keeps itself as the histogram of that name."""
        metric = self._row("histogram", name)
        if metric.buckets != distribution.bounds:
            raise ValueError(f"{name} has other buckets")
        self._distributions[name] = distribution

    @property
    def unused(self) -> frozenset[str]:
        """Rows of this component without an instrument or a reader; for tests."""
        return frozenset(metric.name for metric in METRICS if metric.component in self._components) - self._used

    @property
    def _components(self) -> set[Component]:
        return {self.component, _SHARED.get(self.component, self.component)}

    def _row(self, kind: Kind, name: str) -> Metric:
        metric = _BY_NAME[name]
        if metric.component not in self._components or metric.kind != kind:
            raise ValueError(f"{name} is a {metric.kind} of the {metric.component}")
        if name in self._used:
            raise ValueError(f"{name} is in use already")
        self._used.add(name)
        return metric


class _Readings(Collector):
    """The readers of :meth:`Metrics.read` and :meth:`Metrics.read_distribution` as families of samples."""

    def __init__(self, readers: Mapping[str, Callable[[], Reading]], distributions: Mapping[str, Distribution]) -> None:
        self._readers, self._distributions = readers, distributions

    def describe(self) -> Iterable[Family]:
        # Nothing is read at registration; names cannot clash, because the table has each name once.
        return ()

    def collect(self) -> Iterable[Family]:
        for name, read in list(self._readers.items()):
            reading = read()
            if reading is not None:
                yield _family(_BY_NAME[name], reading)
        for name, distribution in list(self._distributions.items()):
            counts, total = distribution.read()
            buckets = [(str(bound), count) for bound, count in zip(distribution.bounds, counts, strict=False)]
            yield HistogramMetricFamily(
                name, _BY_NAME[name].help, buckets=[*buckets, ("+Inf", counts[-1])], sum_value=total
            )


def _family(metric: Metric, reading: float | Mapping[tuple[str, ...], float]) -> Family:
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.kind == "counter":
        family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    else:
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    known: Mapping[tuple[str, ...], float] = {(value,): 0.0 for value in metric.values}
    now: Mapping[tuple[str, ...], float] = reading if isinstance(reading, Mapping) else {(): reading}
    for values, value in {**known, **now}.items():
        family.add_metric(values, value)
    return family
