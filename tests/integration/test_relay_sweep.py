"""What the sweep reads again: who was silent, and not who prints each second."""

import threading
import time
from contextlib import ExitStack

from runtail_socket.reading.listener import Listener
from runtail_socket.reading.reader import Reader
from tests.support.relay import Producer, make_store
from tests.support.waiting import wait_for

SWEEP_SECONDS = 60.0


def test_a_run_that_was_read_a_sweep_ago_is_not_read_again_and_a_silent_one_is(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, sweep_seconds=SWEEP_SECONDS)
    listener = Listener(
        store, on_runs=lambda _: None, on_list=lambda _: None, on_login_change=lambda: None, on_connected=lambda: None,
        delay=lambda: 0.0, batches=lambda: False,
    )  # fmt: skip
    reader = Reader(store, listener, catch_up=lambda _: None, on_state=lambda _: None, on_sent=lambda *_: None)
    threading.Thread(target=reader.run, daemon=True).start()
    with ExitStack() as stack:
        lately, silent = (stack.enter_context(reader.pin(Producer(store).run_id)) for _ in range(2))
        wait_for(lambda: lately.read_at and silent.read_at, 10)
        now = time.monotonic()
        # Notifications and rounds are a little early or late: a line a second is not read each second to the hundredth.
        lately.read_at = now - 1.1 * SWEEP_SECONDS
        silent.read_at = now - 1.6 * SWEEP_SECONDS
        reader.sweep()
        wait_for(lambda: silent.read_at >= now, 10)
        assert lately.read_at < now
        lately.read_at = now - 1.6 * SWEEP_SECONDS
        reader.sweep()
        wait_for(lambda: lately.read_at >= now, 10)
