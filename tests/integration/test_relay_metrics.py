"""What a relay counts, as a scrape sees it."""

import signal
from collections.abc import Callable

from runtail.metric_table import METRICS
from runtail.protocol import OUTPUT
from runtail.store import Store
from tests.support.relay import Client, Follower, Producer, Relay, following, now_ms
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]
FOUR_MINUTES_MS = 240_000


def test_every_metric_of_the_table_is_exposed(start_relay: StartRelay) -> None:
    relay = start_relay(max_connections=7)
    text = relay.get("/metrics")[1]
    declared = {metric.name for metric in METRICS if metric.component in ("relay", "login", "every")}
    assert {name for name in declared if f"# TYPE {name} " not in text} == set()
    assert relay.metric("runtail_socket_max_connections") == 7
    assert 'runtail_build_info{component="relay"' in text
    wait_for(lambda: relay.metric("runtail_socket_loop_lag_seconds_count") >= 2, 20)


def test_a_look_at_an_old_log_is_no_delay_of_live_output(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    for number in range(3):
        producer.writer.add(OUTPUT, b"old line %d\n" % number, now_ms() - FOUR_MINUTES_MS)
    producer.writer.flush()
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        follower.until(lambda: len(follower.lines) == 3)
        wait_for(lambda: relay.metric('runtail_socket_subscriptions{state="live"}') == 1, 10)
        age = relay.metric('runtail_socket_sent_seconds_sum{state="catching-up"}')
        assert age >= FOUR_MINUTES_MS / 1000
        assert relay.metric('runtail_socket_sent_seconds_count{state="live"}') == 0
        before = relay.metric("runtail_socket_sent_bytes_total")
        producer.write(1)
        follower.until(lambda: len(follower.lines) == 4)
        wait_for(lambda: relay.metric('runtail_socket_sent_seconds_count{state="live"}') == 1, 10)
        assert relay.metric('runtail_socket_sent_seconds_sum{state="live"}') < age
        assert relay.metric('runtail_socket_sent_seconds_sum{state="catching-up"}') == age
        # The frame carries the line and the little that stands around it.
        assert len(producer.line(4)) < relay.metric("runtail_socket_sent_bytes_total") - before < 1000
        producer.end()
        follower.until_end()


def test_who_is_sent_away_by_a_drain_is_counted(start_relay: StartRelay) -> None:
    relay = start_relay(drain_seconds=20)
    clients = [Client(relay.url).join() for _ in range(3)]
    assert relay.metric("runtail_socket_draining") == 0
    relay.process.signal(signal.SIGTERM)
    # The first leaves after a third of the time; the admin port answers to the end.
    wait_for(lambda: relay.metric('runtail_socket_sent_away_total{reason="drain"}') >= 1, 30)
    assert relay.metric("runtail_socket_draining") == 1
    for client in clients:
        client.drop()
