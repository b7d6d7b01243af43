"""Every panel and every alert against a real Prometheus that scrapes real services under load.

Windows and thresholds that are times are short here, so that minutes become seconds; what is asked stays the same.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websocket

from helm.dashboards import DASHBOARDS
from helm.dashboards.panels import Panel, Query, prometheus_query
from runtail.protocol import RunState
from tests.support.http_get import http_get
from tests.support.monitored import FRAGILE_QUEUE, MAX_CONNECTIONS, STORE_BYTES, Monitored
from tests.support.prometheus import alerts, program, shortened
from tests.support.relay import Client
from tests.support.waiting import stays, wait_for

WINDOW_SECONDS = 30
#: Ages in seconds: minutes in the chart.
THRESHOLDS = {
    "RuntailCanaryFails": 20,
    "RuntailNobodyReaps": 8,
    "RuntailQueueWithoutWorker": 3,
    "RuntailRunsWait": 5,
    # Once instead of three times in a quarter of an hour: each takes 8 s to be found.
    "RuntailListenerStalled": 0,
}
#: How late a machine that does much else may be says nothing of the product.
MACHINE = {"RuntailLinesLate"}
#: Of a panel or an alert; a busy machine.
DEADLINE_SECONDS = 90.0
SCOPE = 'namespace=~"team",release=~"demo"'
PANELS = [panel for dashboard in DASHBOARDS for panel in dashboard.panels]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    """The installation, with its load."""
    program("prometheus")
    directory = tmp_path_factory.mktemp("monitored")
    with Monitored(directory, shortened(directory / "rules", WINDOW_SECONDS, THRESHOLDS)) as made:
        made.long_run = made.load()
        yield made


def values(site: Monitored, query: Query, seconds: float = 20.0) -> dict[str, list[tuple[float, float]]]:
    expr = prometheus_query(query.expr, scope=SCOPE, rate="10s", range_="1m")
    return site.prometheus.series(expr, seconds)


def is_empty(site: Monitored, panel: Panel) -> bool:
    return not all(values(site, query) for query in panel.queries)


def fire(site: Monitored, *names: str) -> None:
    """Wait until all of these have fired since this test began."""

    def missing() -> set[str]:
        seconds = round(time.time() - site.began_at) + 1
        answer = site.prometheus.get(
            "query", query=f'max by (alertname) (max_over_time(ALERTS{{alertstate="firing"}}[{seconds}s]))'
        )
        return set(names) - {one["metric"]["alertname"] for one in answer["result"]}

    wait_for(lambda: not missing(), DEADLINE_SECONDS,
             lambda: f"{missing()} do not fire, but {sorted(site.prometheus.firing())}",
             interval_seconds=0.5)  # fmt: skip


@pytest.fixture(autouse=True)
def _begin(site: Monitored) -> None:
    site.began_at = time.time()


def test_no_panel_is_empty_but_those_that_say_why(site: Monitored) -> None:
    # The store has a limit and there is a canary: only what nobody takes from is missing.
    expected = {"Nobody takes from"}
    assert expected < {panel.title for panel in PANELS if panel.empty}
    wait_for(
        lambda: {panel.title for panel in PANELS if is_empty(site, panel)} <= expected,
        DEADLINE_SECONDS,
        lambda: str([panel.title for panel in PANELS if is_empty(site, panel)]),
        interval_seconds=1.0,
    )
    # What it is that they show, for some.
    by_title = {panel.title: panel for panel in PANELS}
    (failed,) = values(site, by_title["Failed"].queries[0]).values()
    assert 0 < failed[-1][1] < 1
    assert len(values(site, by_title["Processes up"].queries[0])) == 4
    assert '"queue": "fragile"' in " ".join(values(site, by_title["Waiting messages"].queries[0]))


def test_nothing_fires_while_all_is_well(site: Monitored) -> None:
    def others() -> set[str]:
        return set(site.prometheus.firing()) - MACHINE

    # What fired while the last of it was started is over after a window.
    wait_for(lambda: not others(), DEADLINE_SECONDS, lambda: str(site.prometheus.firing()), interval_seconds=1.0)
    stays(lambda: not others(), 5, lambda: str(site.prometheus.firing()), interval_seconds=0.5)


def test_queues_workers_and_viewers(site: Monitored, tmp_path: Path) -> None:
    """Fifteen faults at once, none of which hides another."""
    site.start_other_version()
    assert site.proxy.stall(b"SUBSCRIBE") >= 1
    site.fleet.send("anything", queue="misspelt")
    # Both slots of a worker are taken, it takes as many ahead, and the last waits.
    site.waiting = [site.fleet.send("f.counts", str(tmp_path), 0.05, queue=FRAGILE_QUEUE) for _ in range(5)]
    site.fleet.wait_running(site.waiting[:2], DEADLINE_SECONDS)
    handshake = f"{site.relay.url}/socket.io/?EIO=4&transport=websocket"
    for _ in range(15):
        assert http_get(handshake, {"Host": "evil.example"})[0] == 421
    clients = fill(site)
    # The store loses a run that is being written and watched.
    keys, client = site.fleet.store.keys, site.fleet.store.client
    client.delete(keys.run(site.long_run), keys.log(site.long_run))
    fire(site, "RuntailQueueWithoutWorker", "RuntailRunsWait", "RuntailHostRefused", "RuntailRelaysFull")
    # Of the relay that is of another version, too.
    fire(site, "RuntailPoliciesDiffer", "RuntailNoLogin")
    site.policy.write_text("[[grant]]\n")
    client.lpush("celery", "not a message")
    fire(site, "RuntailLoginFileStale", "RuntailMessagesRejected")
    fire(site, "RuntailVersionSkew", "RuntailListenerStalled", "RuntailViewersReset", "RuntailLogLost")
    assert not is_empty(site, next(panel for panel in PANELS if panel.title == "Nobody takes from"))
    for one in clients:
        one.drop()
    # Capture of a worker stands still for longer than its lease, and comes back.
    shipper = site.fragile.shipper()
    shipper.send_signal(signal.SIGSTOP)
    try:
        site.fleet.wait(site.waiting[:2], lambda run: run.state == RunState.LOST, DEADLINE_SECONDS)
    finally:
        shipper.send_signal(signal.SIGCONT)
    fire(site, "RuntailRunsLost", "RuntailWorkerFenced")
    (tmp_path / "stop").touch()


def fill(site: Monitored) -> list[Client]:
    """Connect until the relay is full."""
    clients: list[Client] = []
    try:
        for _ in range(MAX_CONNECTIONS + 1):
            clients.append(Client(site.relay.url))
    except websocket.WebSocketBadStatusException:
        return clients
    raise AssertionError("it takes more than it may")


def test_a_relay_that_is_late_and_one_that_is_gone(site: Monitored) -> None:
    run_id = site.start("runtail.check", lines=20_000, seconds=1000)
    site.watch(run_id, site.relay)
    site.second_relay.process.kill()

    def halted() -> bool:
        """Two seconds in three the relay stands still."""
        site.relay.process.signal(signal.SIGSTOP)
        time.sleep(2)
        site.relay.process.signal(signal.SIGCONT)
        time.sleep(1)
        return "RuntailLinesLate" in site.prometheus.firing()

    wait_for(halted, DEADLINE_SECONDS)
    fire(site, "RuntailTargetDown")


def test_a_store_that_is_full_or_evicts_and_nobody_who_reaps(site: Monitored) -> None:
    store = site.fleet.store
    # Somebody else seems to reap.
    lock = store.keys.lock("reaper")
    store.client.set(lock, "somebody", px=120_000)
    used = int(store.client.info("memory")["used_memory"])
    store.client.config_set("maxmemory", int(used / 0.9))
    store.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        fire(site, "RuntailStoreFull", "RuntailStoreFilling", "RuntailStoreEvicts", "RuntailNobodyReaps")
        # All replicas would go at once: pages stay, and say why nothing is started.
        # (One of the relays is gone since the test before.)
        for service in (site.web, site.second_web, site.relay):
            assert http_get(f"http://127.0.0.1:{service.admin_port}/readyz")[0] == 200
    finally:
        store.client.config_set("maxmemory", STORE_BYTES)
        store.client.config_set("maxmemory-policy", "noeviction")
        store.client.delete(lock)


def test_a_store_that_is_away(site: Monitored) -> None:
    flood = site.fleet.send("f.flood", 120.0, queue=FRAGILE_QUEUE)
    site.fleet.wait_running([flood], DEADLINE_SECONDS)
    with site.store_paused():
        fire(site, "RuntailStoreAway", "RuntailSpoolFilling", "RuntailOutputDropped")
        site.fragile.kill()
        for _ in range(3):
            assert httpx.get(f"{site.second_web.url}/api/v1/runs", timeout=30).status_code == 503
        fire(site, "RuntailWebErrors", "RuntailCanaryFails")


def test_each_alert_was_fired_by_its_fault(site: Monitored) -> None:
    """Every one of them is somewhere above; what they say is filled in."""
    answer = site.prometheus.get("query", query='count by (alertname) (max_over_time(ALERTS{alertstate="firing"}[1h]))')
    assert {one["metric"]["alertname"] for one in answer["result"]} == alerts().keys()
