"""The relay delivers every line once and in order, wherever a viewer begins."""

import time
from collections.abc import Callable

import pytest

from runtail.protocol import RunState
from runtail.store import Store
from tests.support.relay import Client, Follower, Producer, Relay, following, make_store, now_ms
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
@pytest.mark.parametrize("direct", ["on", "off"])
def test_backlog_and_live_lines_join_without_a_seam(
    start_relay: StartRelay, relay_store: Store, mode: str, direct: str
) -> None:
    relay = start_relay(socket_async_mode=mode, direct_send=direct)
    producer = Producer(relay_store)
    producer.write(1000)
    producer.start(2000)
    followers = []
    for number in range(3):
        follower = Follower(producer.run_id, acknowledges=number == 1)
        followers.append(follower)
        follower.connect(relay.url)
        follower.until(lambda seen=follower.lines: len(seen) > 2000)  # type: ignore[misc]
    producer.stop()
    for follower in followers:
        follower.until_end()
        assert follower.lines == producer.expected()
        assert follower.view.verdict is not None
        assert follower.view.verdict.text == f"complete: {producer.count:,} lines, verified"
        assert follower.ended is not None
        assert (follower.ended["state"], follower.ended["lines"]) == ("succeeded", producer.count)
        follower.close()


def test_an_ended_run_is_told_from_any_position(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(10)
    producer.end()
    first = Follower(producer.run_id)
    with following(first, relay.url):
        first.until_end()
        # At its very end: nothing is missing, and the end is told again.
        first.ended = None
        assert first.subscribe()["ok"]
        first.until_end()
    assert first.lines == producer.expected()
    assert first.record["state"] == "succeeded"


def test_a_viewer_resumes_at_its_position_after_an_absence(start_relay: StartRelay, relay_store: Store) -> None:
    one, other = start_relay(), start_relay()
    producer = Producer(relay_store).start(3000)
    follower = Follower(producer.run_id)
    for number in range(6):
        relay = (one, other)[number % 2]
        with following(follower, relay.url):
            more = len(follower.lines) + 500
            follower.until(lambda more=more: len(follower.lines) > more)  # type: ignore[misc]
    producer.stop()
    with following(follower, one.url):
        follower.until_end()
    assert follower.lines == producer.expected()
    assert follower.view.verdict is not None
    assert follower.view.verdict.verified


def test_the_last_lines_and_a_line_in_the_middle_of_an_entry(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    for _ in range(10):
        producer.write(10)
    last = Follower(producer.run_id, line=-15)
    with following(last, relay.url):
        # It lands on the start of the entry that holds line 86.
        last.until(lambda: len(last.lines) == 20)
        producer.write(1)
        last.until(lambda: len(last.lines) == 21)
    assert last.lines == producer.expected(81)
    producer.end()
    middle = Follower(producer.run_id, line=37)
    with following(middle, relay.url):
        middle.until_end()
    assert middle.lines == producer.expected(31)
    assert middle.view.verdict is not None
    assert middle.view.verdict.text == "complete: 101 lines, verified from line 31"


def test_a_position_beyond_the_end_waits(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(5)
    follower = Follower(producer.run_id, line=1000)
    with following(follower, relay.url):
        producer.write(2)
        follower.until(lambda: follower.lines)
        assert follower.lines == producer.expected(6)


def test_an_exact_position_that_the_store_does_not_have_yet_waits_for_it(
    start_relay: StartRelay, relay_store: Store, redis_url: str, key_prefix: str
) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(5)
    # What the writer will store next, known to a viewer of a store that rolled back.
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        follower.until(lambda: len(follower.lines) == 5)
    ahead = producer.writer.add("o", b"line 6 of the log\n", now_ms())
    producer.count = 6
    assert follower.view.cursor is not None
    follower.view.cursor.line, follower.view.cursor.chain = 7, ahead.chain
    follower.view.cursor.last = ahead.id
    with following(follower, relay.url):
        producer.writer.flush()
        producer.write(1)
        follower.until(lambda: len(follower.lines) == 6)
    assert follower.lines[-1] == b"line 7 of the log"


def test_inside_a_cut_a_viewer_is_told_what_is_missing(
    start_relay: StartRelay, redis_url: str, key_prefix: str
) -> None:
    store = make_store(redis_url, key_prefix, quota_bytes=40_000, head_bytes=10_000)
    relay = start_relay()
    producer = Producer(store)
    for _ in range(400):
        producer.write(10)
    producer.end()
    whole = Follower(producer.run_id)
    with following(whole, relay.url):
        whole.until_end()
    (cut,) = whole.view.cuts
    assert whole.lines == [
        line for number, line in enumerate(producer.expected(), 1) if not cut.from_line <= number <= cut.to_line
    ]
    inside = Follower(producer.run_id, line=cut.from_line + 5)
    with following(inside, relay.url):
        inside.until_end()
    assert inside.view.cuts[0].from_line == cut.from_line + 5
    assert inside.lines == producer.expected(cut.to_line + 1)
    assert inside.view.verdict is not None
    assert inside.view.verdict.verified


def test_a_viewer_at_the_live_edge_sees_the_unfinished_line_and_the_state(
    start_relay: StartRelay, relay_store: Store
) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(1)
    follower = Follower(producer.run_id)
    seen: dict[str, dict[str, object]] = {}
    with following(follower, relay.url):
        follower.until(lambda: follower.lines)
        live = {"rev": 1, "line": 2, "text": "37 %", "progress": {"value": 0.37}}
        producer.writer.flush(live=live)

        def hear(name: str) -> bool:
            assert follower.client is not None
            event, data = follower.client.next_event()
            seen[event] = data
            return event == name

        wait_for(lambda: hear("tail-live"), 10)
        assert seen["tail-live"] == {"v": 1, "run": producer.run_id, **live}
        producer.end()
        wait_for(lambda: hear("run"), 10)
        run = seen["run"]["run"]
        assert isinstance(run, dict)
        assert (run["id"], run["state"]) == (producer.run_id, str(RunState.SUCCEEDED))


def test_the_list_hears_of_every_state_change(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    client = Client(relay.url).join()
    assert client.emit("subscribe", {"v": 1, "runs": True})["ok"]
    producer = Producer(relay_store)
    states = []
    producer.end()
    while "succeeded" not in states:
        name, data = client.next_event()
        assert name == "run"
        assert data["run"]["id"] == producer.run_id
        states.append(data["run"]["state"])
    client.close()


def test_the_tutorial_gets_plain_lines(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(3)
    producer.mark("a section")
    client = Client(relay.url).join()
    client.send(f'42/tail,["subscribe","{producer.run_id}"]')
    lines: list[str] = []

    def listen(wanted: int) -> None:
        while len(lines) < wanted:
            name, data = client.next_event()
            assert name == "tail-message"
            lines.extend(data.split("\n"))

    listen(3)
    producer.write(2)
    listen(5)
    assert [line.encode() for line in lines] == producer.expected()
    producer.end()
    assert client.next_event()[0] == "tail-end"
    client.close()


def test_no_line_is_read_twice_for_viewers_at_the_live_edge(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(1)
    followers = [Follower(producer.run_id) for _ in range(5)]
    for follower in followers:
        follower.connect(relay.url)
        follower.until(lambda seen=follower.lines: seen)  # type: ignore[misc]
    wait_for(
        lambda: relay.metric('runtail_socket_subscriptions{state="live"}') == 5,
        10,
        relay.process.evidence,
    )
    assert relay.metric("runtail_socket_watched_runs") == 1
    for follower in followers:
        follower.close()
    wait_for(lambda: relay.metric("runtail_socket_watched_runs") == 0, 10)


def test_a_frame_is_small_enough_for_every_proxy(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay(frame_bytes=20_000)
    producer = Producer(relay_store)
    for _ in range(40):
        producer.write(100)
    client = Client(relay.url).join()
    client.emit("subscribe", {"v": 1, "run": producer.run_id})
    size = lines = 0
    began = time.monotonic()
    while lines < 4000 and time.monotonic() - began < 60:
        packet = client.receive()
        size = max(size, len(packet))
        lines += packet.count("of the log")
    assert lines == 4000
    assert 10_000 < size < 20_000
    client.close()
