"""The table of metrics, and what makes them."""

import re

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from runtail import __version__
from runtail.distribution import Distribution
from runtail.metric import STORE_SECONDS, Component
from runtail.metric_table import METRICS
from runtail.metrics import Metrics

FORBIDDEN_LABELS = {"run", "run_id", "pod", "user", "host", "pid", "worker", "task", "task_id"}
#: Words of our own that dashboards and alerts would carry further (docs/decisions/0063).
INVENTED = {"deaf", "bell", "bells", "ear", "standing", "door", "kept", "tracked", "absence", "barred"}
PREFIXES: dict[Component, str] = {
    "web": "runtail_web_",
    "relay": "runtail_socket_",
    "worker": "runtail_worker_",
    "canary": "runtail_canary_",
    "login": "runtail_auth_",
    "every": "runtail_",
}


def exposed(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_rows_are_well_formed(metric: object) -> None:
    row = next(row for row in METRICS if row is metric)
    assert re.fullmatch(r"[a-z_]+", row.name)
    assert row.name.startswith(PREFIXES[row.component])
    assert row.help.endswith(".")
    assert row.name.endswith("_total") == (row.kind == "counter")
    assert not FORBIDDEN_LABELS & set(row.labels)
    assert not INVENTED & {*row.name.split("_"), *row.labels, *row.values}
    assert len(row.labels) == 1 or not row.values
    if row.kind == "histogram":
        assert row.name.endswith(("_seconds", "_bytes"))
    assert bool(row.buckets) == (row.kind == "histogram")
    assert list(row.buckets) == sorted(row.buckets)


def test_names_are_there_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_instruments_are_exposed_under_the_names_of_the_table() -> None:
    relay = Metrics("relay")
    relay.counter("runtail_socket_frames_total").inc(3)
    relay.histogram("runtail_socket_sent_seconds").labels("live").observe(0.02)
    text = exposed(relay)
    assert "runtail_socket_frames_total 3.0" in text
    assert 'runtail_socket_sent_seconds_bucket{le="0.025",state="live"} 1.0' in text
    assert 'runtail_socket_sent_seconds_bucket{le="0.01",state="live"} 0.0' in text
    # Known values are there from the start.
    assert 'runtail_socket_sent_seconds_count{state="catching-up"} 0.0' in text


def test_a_value_kept_elsewhere_is_read_when_asked() -> None:
    web, actions = Metrics("web"), {"lost": 1}
    web.read("runtail_web_reaper_actions_total", lambda: {(word,): float(n) for word, n in actions.items()})
    web.read("runtail_web_store_up", lambda: 1)
    web.read("runtail_web_runs", lambda: None)
    actions["lost"] = 2
    text = exposed(web)
    assert 'runtail_web_reaper_actions_total{action="lost"} 2.0' in text
    assert "# TYPE runtail_web_reaper_actions_total counter" in text
    assert "runtail_web_store_up 1.0" in text
    # It could not be read, which is not the same as 0.
    assert "runtail_web_runs" not in text


def test_what_is_not_in_the_table_cannot_be_counted() -> None:
    worker = Metrics("worker")
    with pytest.raises(KeyError):
        worker.counter("runtail_worker_tea_total")
    with pytest.raises(ValueError, match="is a counter of the relay"):
        worker.counter("runtail_socket_frames_total")
    with pytest.raises(ValueError, match="is a gauge of the worker"):
        worker.counter("runtail_worker_runs")
    worker.read("runtail_worker_runs", lambda: 0)
    with pytest.raises(ValueError, match="in use already"):
        worker.read("runtail_worker_runs", lambda: 1)
    assert "runtail_worker_runs" not in worker.unused
    assert "runtail_worker_spool_bytes" in worker.unused


def test_every_process_tells_its_version_and_what_the_kernel_knows() -> None:
    text = exposed(Metrics("web"))
    assert f'runtail_build_info{{component="web",version="{__version__}"}} 1.0' in text
    assert re.search(r"^process_resident_memory_bytes \d", text, re.MULTILINE)
    assert re.search(r"^process_start_time_seconds \d", text, re.MULTILINE)


def test_a_distribution_is_shown_as_prometheus_own_histogram_would_be() -> None:
    worker, distribution = Metrics("worker"), Distribution(STORE_SECONDS)
    worker.read_distribution("runtail_worker_store_seconds", distribution)
    registry = CollectorRegistry()
    own = Histogram("runtail_worker_store_seconds", "x", buckets=STORE_SECONDS, registry=registry)
    for value in (0.0, 0.0005, 0.0006, 0.3, 5.0, 99.0):
        distribution.observe(value)
        own.observe(value)
    samples = [line for line in exposed(worker).splitlines() if line.startswith("runtail_worker_store_seconds_")]
    expected = [line for line in generate_latest(registry).decode().splitlines() if line.startswith("runtail_")]
    assert samples == [line for line in expected if "_created" not in line]
    with pytest.raises(ValueError, match="other buckets"):
        worker.read_distribution("runtail_worker_run_seconds", distribution)
