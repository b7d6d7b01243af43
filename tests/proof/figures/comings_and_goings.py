"""Viewers come, go and change relays, and relays die, while a run prints: nothing is lost, doubled or reordered."""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from runtail.errors import ProtocolError
from runtail.protocol import OUTPUT, View
from tests.proof.figures import Figure
from tests.support.relay import Client, Relay
from tests.support.relay_stage import stage

LINES_PER_SECOND = 5000


def measure() -> list[Figure]:
    """For a minute."""
    return [comings_and_goings()]


@dataclass
class Tally:
    """What one viewer saw of a run, line by line."""

    view: View = field(default_factory=View)
    #: How often each line came, by number.
    seen: bytearray = field(default_factory=bytearray)
    joins: int = 0
    reordered: int = 0
    ended: bool = False
    failure: str = ""

    def take(self, data: dict[str, Any]) -> None:
        """Check one message with the pure view, and count its lines besides."""
        for entry in self.view.feed(data["entries"], epoch=data["epoch"]):
            if entry.type != OUTPUT:
                continue
            self.reordered += entry.from_line < len(self.seen)
            if len(self.seen) < entry.next_line:
                self.seen.extend(bytes(entry.next_line - len(self.seen)))
            for number, text in enumerate(entry.payload.splitlines(), entry.from_line):
                self.seen[number] += text == b"line %d of the log" % number

    def counts(self, lines: int) -> tuple[int, int, int]:
        """Lost, doubled and reordered lines of a run with that many."""
        self.seen.extend(bytes(max(0, lines + 1 - len(self.seen))))
        lost = sum(count == 0 for count in self.seen[1:])
        return lost, sum(count > 1 for count in self.seen), self.reordered


def watch(tally: Tally, run_id: str, relays: list[Relay], stay_seconds: float, chance: random.Random) -> None:
    """Follow a run to its end, leaving again and again for another relay."""
    while not tally.ended and not tally.failure:
        try:
            _visit(tally, run_id, chance.choice(relays), stay_seconds * chance.uniform(0.3, 1.0), chance)
        except ProtocolError as error:
            tally.failure = str(error)
        except Exception:  # noqa: BLE001  # A killed relay shows itself in many ways; the counts decide.
            time.sleep(0.05)


def _visit(tally: Tally, run_id: str, relay: Relay, seconds: float, chance: random.Random) -> None:
    client = Client(relay.url).join()
    try:
        request: dict[str, Any] = {"v": 1, "run": run_id}
        if (cursor := tally.view.cursor) is not None:
            request |= {"epoch": cursor.epoch, "from": cursor.line, "chain": cursor.chain.hex()}
        answer = client.emit("subscribe", request)
        if answer.get("reset"):
            raise ProtocolError("reset", f"unexpected reset: {answer}")
        tally.view.begin(answer["epoch"], answer["from"], bytes.fromhex(answer["chain"]))
        tally.joins += 1
        leave_at = time.monotonic() + seconds
        while time.monotonic() < leave_at and not tally.ended:
            name, data = client.next_event()
            if name == "tail-message":
                tally.take(data)
            tally.ended = name == "tail-end"
    finally:
        if chance.random() < 0.5:
            client.close()
        client.drop()


def comings_and_goings(
    seconds: float = 60, viewers: int = 20, relays: int = 3, kill_every_seconds: float = 10, joins: int = 12
) -> Figure:
    """Return lost, doubled and reordered lines over all viewers."""
    with stage(relays) as here:
        producer = here.producer()
        tallies = [Tally() for _ in range(viewers)]
        threads = [
            threading.Thread(
                target=watch,
                args=[tally, producer.run_id, here.relays, seconds / joins, random.Random(number)],
            )
            for number, tally in enumerate(tallies)
        ]
        for thread in threads:
            thread.start()
        producer.start(LINES_PER_SECOND)
        kills = 0
        end = time.monotonic() + seconds
        for relay in itertools.cycle(here.relays):
            pause = min(kill_every_seconds, end - time.monotonic())
            if pause <= 0:
                break
            time.sleep(pause)
            if time.monotonic() < end:
                relay.process.kill()
                kills += 1
                relay.restart()
        producer.stop()
        for thread in threads:
            thread.join(seconds + 120)
        lost, doubled, reordered = (
            sum(column) for column in zip(*(tally.counts(producer.count) for tally in tallies), strict=True)
        )
    verified = sum(bool(tally.view.verdict and tally.view.verdict.verified) for tally in tallies)
    failures = [tally.failure for tally in tallies if tally.failure]
    name = (
        f"{viewers} viewers that go from one of {relays} relays to another ({min(t.joins for t in tallies)} to "
        f"{max(t.joins for t in tallies)} times), {kills} SIGKILLs of a relay, {producer.count:,} lines in "
        f"{seconds:.0f} s"
    )
    return Figure(
        f"{name}: lines lost, doubled, reordered; views verified",
        ", ".join([f"{lost}, {doubled}, {reordered}; {verified} of {viewers}", *failures[:1]]),
        f"0, 0, 0; {viewers} of {viewers}",
        not (lost or doubled or reordered) and verified == viewers,
    )
