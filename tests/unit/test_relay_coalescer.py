"""The pauses between the reader's rounds."""

from dataclasses import dataclass

from runtail_socket.reading.coalescer import GATHER_SECONDS, IDLE_SHARE, MANY_RUNS_PER_SECOND, Coalescer


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def rounds(
    pace: Coalescer, clock: Clock, runs_per_second: float, seconds: float, cost_per_run: float = 0.0001
) -> float:
    """Let notifications come at a rate for a while; return the last pause."""
    end, pause, left = clock.now + seconds, 0.0, 0.0
    while clock.now < end:
        clock.now += max(pause, 1 / runs_per_second)
        left += max(pause, 1 / runs_per_second) * runs_per_second
        pace.begin()
        clock.now += int(left) * cost_per_run
        pause = pace.end(int(left))
        left -= int(left)
    return pause


def test_an_idle_relay_reads_at_once() -> None:
    clock = Clock()
    pace = Coalescer(0.1, clock, clock)
    assert rounds(pace, clock, 20, 2) <= 0.0001 * IDLE_SHARE + 1e-9


def test_many_runs_share_the_price_of_a_round() -> None:
    clock = Clock()
    pace = Coalescer(0.1, clock, clock)
    assert rounds(pace, clock, 2 * MANY_RUNS_PER_SECOND, 2) >= GATHER_SECONDS
    assert pace.batches
    # And it forgets soon.
    clock.now += 1.0
    assert rounds(pace, clock, 20, 0.5) < GATHER_SECONDS / 10
    assert not pace.batches


def test_a_burst_alone_gathers_nothing() -> None:
    clock = Clock()
    pace = Coalescer(0.1, clock, clock)
    pace.begin()
    assert pace.end(40) == 0.0


def test_a_round_that_waited_is_not_taken_for_a_busy_one() -> None:
    clock, processor = Clock(), Clock()
    pace = Coalescer(0.1, clock, processor)
    pace.begin()
    clock.now += 0.02
    processor.now += 0.001
    assert abs(pace.end(1) - 0.02) < 1e-9
    pace.begin()
    clock.now += 0.02
    processor.now += 0.02
    assert abs(pace.end(1) - 0.08) < 1e-9


def test_no_pause_is_longer_than_allowed() -> None:
    clock = Clock()
    pace = Coalescer(0.1, clock, clock)
    pace.begin()
    clock.now += 5.0
    assert pace.end(1) == 0.1
    assert abs(pace.delay_seconds - 0.1) < 1e-9
    clock.now += 0.2
    assert pace.delay_seconds < 0
