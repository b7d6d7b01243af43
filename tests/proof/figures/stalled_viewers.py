"""As many viewers stop reading as go on: what they cost the relay and the others, and what becomes of them."""

from __future__ import annotations

import time

from tests.proof.figures import Figure
from tests.proof.figures._relays import LIMIT_BYTES, limited
from tests.proof.figures._windows import delays, ratio
from tests.support.audience import Audience, Balancer, Position, step
from tests.support.memory_use import Growth, resident_bytes
from tests.support.relay import Client, Producer
from tests.support.relay_stage import Stage, stage
from tests.support.waiting import wait_for

HEALTHY, STALLED, LINES_PER_SECOND = 100, 100, 2000
#: Windows without and with stalled viewers in turn, so that what else the machine does meets both.
PAIRS, WINDOW_SECONDS = 4, 3.0
GOAL_BYTES, GOAL_RATIO, GOAL_CLOSED_SECONDS = 2**20, 1.2, 30.0
#: The relay looks once a second, and the machine is busy.
LENIENCE_SECONDS = 3.0
#: What the kernel keeps for a client that does not read; little, so that it is soon full.
RECEIVE_BUFFER_BYTES = 4096
CONNECTIONS = "runtail_socket_connections"
BEHIND = 'runtail_socket_subscriptions{state="catching-up"}'


def measure() -> list[Figure]:
    """Let viewers stall, beside others."""
    with stage(1, memory_bytes=LIMIT_BYTES) as here:
        (relay,) = here.relays
        producer = here.producer().start(LINES_PER_SECOND)
        with Audience(Balancer(here.relays), [producer.run_id], HEALTHY) as seen:
            wait_for(lambda: seen.following == HEALTHY, 60)
            alone: list[float] = []
            beside: list[float] = []
            grown = 0
            for number in range(1, PAIRS + 1):
                alone.append(delays(seen, WINDOW_SECONDS))
                memory = Growth(lambda: resident_bytes([relay.process.pid]))
                memory.start()
                stalled = [_stall(here, producer) for _ in range(STALLED)]
                # Until then they are viewers like others, whom the kernel reads for.
                wait_for(lambda: relay.metric(BEHIND) == STALLED, 60, lambda: relay.metric(BEHIND))
                stalled_at = time.monotonic()
                beside.append(delays(seen, WINDOW_SECONDS))
                if number < PAIRS:
                    memory.close()
                    grown = max(grown, memory.grown_bytes)
                    _drop(here, stalled)
            wait_for(lambda: relay.metric(CONNECTIONS) == HEALTHY, 120, lambda: relay.metric(CONNECTIONS),
                     interval_seconds=0.25)  # fmt: skip
            closed = time.monotonic() - stalled_at
            memory.close()
            each = max(grown, memory.grown_bytes) / STALLED
            positions = [_read_on(client, position) for client, position in stalled]
            back = Audience(Balancer(here.relays), [producer.run_id], STALLED)
            for viewer, position in zip(back.viewers, positions, strict=True):
                viewer.position = position
            with back:
                wait_for(lambda: back.following == STALLED, 60)
                producer.stop()
                wait_for(lambda: seen.ended == HEALTHY and back.ended == STALLED, 90)
        name = f"{STALLED} viewers read nothing beside {HEALTHY} that do"
        within = limited(name, here)
    times = ratio(beside, alone)
    same = sum(viewer.position == seen.viewers[0].position for viewer in [*seen.viewers, *back.viewers])
    faults = [one.total(name) for one in (seen, back) for name in ("lost", "doubled", "wrong", "resets")]
    return [
        Figure(f"{name}: memory each", f"{each / 1024:.0f} KiB", f"<= {GOAL_BYTES // 1024} KiB", each <= GOAL_BYTES),
        Figure(f"{name}: from written to read by the others, 99 %, in the quietest of {PAIRS} windows",
               f"x {times:.2f} of {min(alone) * 1000:.0f} ms", f"<= x {GOAL_RATIO}", times <= GOAL_RATIO),
        Figure(f"{name}: their connections are closed", f"all after {closed:.1f} s",
               f"{GOAL_CLOSED_SECONDS:.0f} s (± {LENIENCE_SECONDS:.0f})",
               abs(closed - GOAL_CLOSED_SECONDS) <= LENIENCE_SECONDS),
        Figure(f"{name}: they resume where they stood", f"{same - HEALTHY} of {STALLED}; {sum(faults)} lost, doubled, "
               "wrong or reset", f"{STALLED} of {STALLED}; 0", same == HEALTHY + STALLED and not any(faults)),
        *within,
    ]  # fmt: skip


def _stall(here: Stage, producer: Producer) -> tuple[Client, Position]:
    """A viewer that subscribes at the end of the log, and then reads not one byte more; and where it stands."""
    client = Client(here.relays[0].url, receive_buffer=RECEIVE_BUFFER_BYTES).join()
    answer = client.emit("subscribe", {"v": 1, "run": producer.run_id, "from": -1})
    return client, Position(answer["epoch"], answer["from"], answer["chain"])


def _drop(here: Stage, stalled: list[tuple[Client, Position]]) -> None:
    for client, _ in stalled:
        client.drop()
    wait_for(lambda: here.relays[0].metric(CONNECTIONS) == HEALTHY, 60)


def _read_on(client: Client, position: Position) -> Position:
    """Read at last what the kernel still holds, up to the end of the connection; return where that leads."""
    try:
        while True:
            name, message = client.next_event()
            if name == "tail-message":
                made = step(position, message)
                assert made.lost == made.doubled == made.wrong == 0, made
                position = made.after
    except ConnectionError:
        client.drop()
    return position
