"""Every metric of Runtail, declared once.

The services, ``docs/metrics.md``, dashboards and alerts take names from this
table. No metric is labelled by run, task process, pod or user: those are
unbounded, and what has to be known about one run stands in its record.

A process makes one :class:`Metrics` for its component and either counts on an
instrument itself (:meth:`Metrics.counter` and so on) or names where a value can
be read when somebody asks (:meth:`Metrics.read`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

Component = Literal["web", "relay", "worker", "canary"]
Kind = Literal["counter", "gauge", "histogram"]

#: From written to seen is a flush and a round trip when all is well; what takes
#: seconds is somebody catching up, or a store that was away.
DELIVERY_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: A page or an API call is some commands to the store; above 3 s the store is given up.
REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table.

    :param name: as it is exposed; counters end in ``_total``, units stand in the name.
    :param labels: names of labels, each with a handful of values.
    :param buckets: of histograms, in the metric's unit.
    :param values: the known values of the only label. They are there from the start, at 0: what appears with its first
        event would be missed by ``increase()``.
    """

    component: Component
    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    values: tuple[str, ...] = ()


METRICS: tuple[Metric, ...] = (
    # Relay.
    Metric("relay", "runtail_socket_connections", "gauge", "Clients connected to this relay."),
    Metric(
        "relay",
        "runtail_socket_subscriptions",
        "gauge",
        "Subscriptions by where they stand: live, or catching-up from the store.",
        ("standing",),
        values=("live", "catching-up"),
    ),
    Metric("relay", "runtail_socket_watched_runs", "gauge", "Runs this relay reads, each once for all its viewers."),
    Metric(
        "relay",
        "runtail_socket_tracked",
        "gauge",
        "Entries in the tables of clients and runs: 0 without clients.",
        ("table",),
    ),
    Metric("relay", "runtail_socket_frames_total", "counter", "Frames of log entries sent."),
    Metric(
        "relay",
        "runtail_socket_sent_seconds",
        "histogram",
        "Seconds from an entry's writing to its sending, of each delivery's newest entry.",
        buckets=DELIVERY_SECONDS,
    ),
    Metric(
        "relay",
        "runtail_socket_painted_seconds",
        "histogram",
        "Seconds from an entry's writing to its acknowledgement by a browser that has painted it.",
        buckets=DELIVERY_SECONDS,
    ),
    Metric(
        "relay", "runtail_socket_catch_ups_total", "counter", "Times a subscription began to be served from the store."
    ),
    Metric(
        "relay",
        "runtail_socket_refused_total",
        "counter",
        "Handshakes refused, by reason.",
        ("reason",),
        values=("path", "host", "origin", "draining", "full"),
    ),
    Metric("relay", "runtail_socket_resets_total", "counter", "Runs whose viewers were told to begin anew."),
    Metric("relay", "runtail_socket_deaf_bells_total", "counter", "Times the subscription to bells was found deaf."),
    Metric("relay", "runtail_socket_store_up", "gauge", "1 if the store answered last time."),
    Metric("relay", "runtail_socket_store_evicts", "gauge", "1 if the store may delete keys by itself."),
    # Worker: exposed by its shipper, counted since the shipper began.
    Metric("worker", "runtail_worker_runs", "gauge", "Runs this worker executes, or whose output is not stored yet."),
    Metric("worker", "runtail_worker_entries_total", "counter", "Entries of output made from what tasks wrote."),
    Metric("worker", "runtail_worker_output_bytes_total", "counter", "Bytes of output in them, after masking."),
    Metric("worker", "runtail_worker_spool_bytes", "gauge", "Output held in memory because it is not stored yet."),
    Metric(
        "worker",
        "runtail_worker_dropped_bytes_total",
        "counter",
        "Bytes of output lost because the spool was full while the store was away or full.",
    ),
    Metric(
        "worker",
        "runtail_worker_echo_dropped_bytes_total",
        "counter",
        "Bytes not repeated on the worker's own output, whose reader was too slow. The log has them.",
    ),
    Metric(
        "worker",
        "runtail_worker_late_bytes_total",
        "counter",
        "Bytes written by processes that outlived their run, while their task process had no other run.",
    ),
    Metric("worker", "runtail_worker_refused_total", "counter", "Executions refused: the run had ended or was held."),
    Metric(
        "worker", "runtail_worker_bad_headers_total", "counter", "Message headers dropped: not as Runtail makes them."
    ),
    Metric("worker", "runtail_worker_fenced_total", "counter", "Runs taken from this worker while it executed them."),
    Metric(
        "worker", "runtail_worker_repairs_total", "counter", "Logs repaired in full after the store lost their end."
    ),
    Metric("worker", "runtail_worker_losses_total", "counter", "Logs of which the store lost more than was retained."),
    Metric("worker", "runtail_worker_store_errors_total", "counter", "Calls the store did not answer, or refused."),
    Metric("worker", "runtail_worker_store_up", "gauge", "1 if the store answered last time."),
    Metric("worker", "runtail_worker_store_evicts", "gauge", "1 if the store may delete keys by itself."),
    Metric("worker", "runtail_worker_store_full", "gauge", "1 while no output is stored: logs are at their ceiling."),
    # Web.
    Metric(
        "web",
        "runtail_web_requests_total",
        "counter",
        "HTTP requests by the route's pattern and the answer's class (2xx, 4xx, ...).",
        ("route", "status"),
    ),
    Metric(
        "web",
        "runtail_web_request_seconds",
        "histogram",
        "Seconds from a request's arrival to the beginning of its answer.",
        ("route",),
        REQUEST_SECONDS,
    ),
    Metric(
        "web",
        "runtail_web_runs",
        "gauge",
        "Runs that wait (queued) or are executed (running), in the whole installation.",
        ("state",),
        values=("queued", "running"),
    ),
    Metric(
        "web",
        "runtail_web_reaper_actions_total",
        "counter",
        "What this service's reaper did: runs ended (lost, cancelled), started again, aborted, or forgotten.",
        ("action",),
        values=(
            *("lost", "cancelled", "released", "restarted", "published-again"),
            *("aborted", "expired", "over-budget"),
        ),
    ),
    Metric("web", "runtail_web_store_up", "gauge", "1 if the store answers."),
    Metric("web", "runtail_web_store_evicts", "gauge", "1 if the store may delete keys by itself."),
    Metric(
        "web",
        "runtail_web_unreadable_total",
        "counter",
        "Values of the store that could not be read and were left out, each time: run, task, worker.",
        ("what",),
    ),
    # Canary: what somebody sees who looks from outside.
    Metric(
        "canary",
        "runtail_canary_runs_total",
        "counter",
        "Runs started and watched, by how that ended.",
        ("result",),
        values=("succeeded", "failed"),
    ),
    Metric("canary", "runtail_canary_missing_lines_total", "counter", "Lines that were not seen."),
    Metric("canary", "runtail_canary_doubled_lines_total", "counter", "Lines that were seen twice."),
    Metric(
        "canary",
        "runtail_canary_first_line_seconds",
        "histogram",
        "Seconds from asking for a run to seeing its first line.",
        buckets=DELIVERY_SECONDS,
    ),
    Metric(
        "canary",
        "runtail_canary_line_seconds",
        "histogram",
        "Seconds from a line's writing to seeing it, the slowest of each run.",
        buckets=DELIVERY_SECONDS,
    ),
    Metric(
        "canary",
        "runtail_canary_last_success_timestamp_seconds",
        "gauge",
        "When a run was last seen whole, in seconds since 1970; the canary's start before the first.",
    ),
)

_BY_NAME: Final = {metric.name: metric for metric in METRICS}

#: One value, or values by the labels' values. None leaves the metric out, when it cannot be read now.
Reading = float | Mapping[tuple[str, ...], float] | None
_Instrument = TypeVar("_Instrument", Counter, Gauge, Histogram)


class Metrics:
    """The metrics of one process.

    :param component: whose rows of the table may be used.
    :param registry: made when not given; one per process.
    """

    def __init__(self, component: Component, registry: CollectorRegistry | None = None) -> None:
        self.component = component
        self.registry = registry if registry is not None else CollectorRegistry()
        self._used: set[str] = set()
        self._readers: dict[str, Callable[[], Reading]] = {}
        self.registry.register(_Readings(self._readers))

    def counter(self, name: str) -> Counter:
        """Return the counter of that name, to be increased by the caller."""
        return self._make(Counter, "counter", name)

    def gauge(self, name: str) -> Gauge:
        """Return the gauge of that name, to be set by the caller."""
        return self._make(Gauge, "gauge", name)

    def histogram(self, name: str) -> Histogram:
        """Return the histogram of that name."""
        metric = self._row("histogram", name)
        return Histogram(
            metric.name, metric.help, metric.labels, buckets=metric.buckets or DELIVERY_SECONDS, registry=self.registry
        )

    def read(self, name: str, value: Callable[[], Reading]) -> None:
        """Expose a value that the program keeps itself.

        :param value: called for each scrape, in the thread that answers it.
        """
        kind = _BY_NAME[name].kind
        if kind == "histogram":
            raise ValueError(f"{name} is a histogram and cannot be read")
        self._row(kind, name)
        self._readers[name] = value

    @property
    def unused(self) -> frozenset[str]:
        """Rows of this component that nobody counts: for tests."""
        return frozenset(metric.name for metric in METRICS if metric.component == self.component) - self._used

    def _make(self, instrument: type[_Instrument], kind: Kind, name: str) -> _Instrument:
        metric = self._row(kind, name)
        made = instrument(metric.name, metric.help, metric.labels, registry=self.registry)
        for value in metric.values:
            made.labels(value)
        return made

    def _row(self, kind: Kind, name: str) -> Metric:
        metric = _BY_NAME[name]
        if (metric.component, metric.kind) != (self.component, kind):
            raise ValueError(f"{name} is a {metric.kind} of the {metric.component}")
        if name in self._used:
            raise ValueError(f"{name} is in use already")
        self._used.add(name)
        return metric


class _Readings(Collector):
    """What :meth:`Metrics.read` was told, as families of samples."""

    def __init__(self, readers: Mapping[str, Callable[[], Reading]]) -> None:
        self._readers = readers

    def describe(self) -> Iterable[Family]:
        # Nothing is read at registration; names cannot clash, the table has each once.
        return ()

    def collect(self) -> Iterable[Family]:
        for name, read in list(self._readers.items()):
            reading = read()
            if reading is None:
                continue
            metric = _BY_NAME[name]
            family: CounterMetricFamily | GaugeMetricFamily
            if metric.kind == "counter":
                family = CounterMetricFamily(name, metric.help, labels=metric.labels)
            else:
                family = GaugeMetricFamily(name, metric.help, labels=metric.labels)
            known: Mapping[tuple[str, ...], float] = {(value,): 0.0 for value in metric.values}
            now: Mapping[tuple[str, ...], float] = reading if isinstance(reading, Mapping) else {(): reading}
            for values, value in {**known, **now}.items():
                family.add_metric(values, value)
            yield family
