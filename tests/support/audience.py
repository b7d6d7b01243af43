"""Hundreds of viewers in one thread that behave as the page does: they resume, come back, and check what they get.

Each stands at a position (epoch, line, digest). What comes must continue it; what does not is counted: lines left
out, lines that came twice, digests that do not fit, messages of another epoch. A connection that ends is made again
after the page's wait. The digests are computed here, with no code of the product.
"""

from __future__ import annotations

import heapq
import itertools
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.support.digests import GENESIS, digest, payload_of
from tests.support.relay import Relay
from tests.support.wire import SOCKET_IO_PATH, client_frame, frame_at, upgrade

#: As the page waits (``ui/src/socket.ts``): doubling from the first, give or take a quarter.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 10.0
ASK_AGAIN_SECONDS = (2.0, 4.0)
#: For a connection and for an answer; and how long the relay may be silent (its ping's interval and grace).
PATIENCE_SECONDS, SILENCE_SECONDS = 10.0, 45.0
#: Messages remembered as read: viewers at the live edge all get the same bytes.
REMEMBERED = 512

#: In place of a digest, for guests: they get none.
UNVERIFIABLE = ""

_JOIN = "40/tail,"
_MESSAGE, _RESET, _END = b'42/tail,["tail-message",', b'42/tail,["tail-reset",', b'42/tail,["tail-end",'
_STORE = b'42/tail,["store",'
_ANSWER = b"43/tail,1["


@dataclass(frozen=True, slots=True)
class Position:
    """Where a viewer stands."""

    epoch: int = 0
    line: int = 1
    chain: str = GENESIS


@dataclass(frozen=True, slots=True)
class Step:
    """What a message does to a viewer at some position."""

    after: Position
    lost: int
    doubled: int
    wrong: int
    #: Lines that a ``store-lost`` event or a cut names as missing.
    named: int
    #: When its newest entry was written (Unix seconds).
    newest: float


def step(position: Position, message: dict[str, Any]) -> Step:
    """Read one message."""
    line, chain, newest = position.line, position.chain, 0.0
    lost = doubled = named = 0
    wrong = int(message["epoch"] != position.epoch)
    for item in message["entries"]:
        if "cut" in item:
            named += item["cut"]["to"] + 1 - line
            line, chain = item["cut"]["to"] + 1, item["cut"].get("chain", UNVERIFIABLE)
            continue
        payload, first = payload_of(item), int(item["from"])
        if first > line and item["type"] == "e" and orjson.loads(payload)["kind"] == "store-lost":
            named += first - line
        else:
            lost += max(0, first - line)
            doubled += max(0, line - first)
        if chain == UNVERIFIABLE:
            wrong += "chain" in item
        else:
            wrong += digest(chain, item["type"], payload) != item["chain"]
            chain = item["chain"]
        line, newest = first + item["n"], item["t"] / 1000
    return Step(Position(position.epoch, line, chain), lost, doubled, wrong, named, newest)


@dataclass(slots=True, eq=False)
class Viewer:
    """One viewer of one run, and what it met."""

    run_id: str
    token: str = ""
    #: Comes by a share link.
    guest: bool = False
    position: Position | None = None
    sock: socket.socket | None = None
    port: int = 0
    pending: bytes = b""
    shaken: bool = False
    usable: bool = False
    #: Subscribed, so that lines come.
    following: bool = False
    failures: int = 0
    #: What it does when the time *due* comes, if nothing else happens: connect, ask again, or give the connection up.
    due: float = 0.0
    asks_again: bool = False
    ended: dict[str, Any] | None = None
    #: Connections that were made, and why they ended.
    connections: int = 0
    #: Connections that ended before they could be used.
    failed_connections: int = 0
    losses: list[str] = field(default_factory=list)
    #: Codes of subscriptions that were refused.
    refusals: list[str] = field(default_factory=list)
    #: Monotonic, and what happened: each loss, refusal, connection and subscription, to tell what a pause was spent on.
    history: list[tuple[float, str]] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    named: int = 0
    largest_frame_bytes: int = 0
    #: (monotonic, seconds since its newest entry was written) of each message.
    messages: list[tuple[float, float]] = field(default_factory=list)
    #: Monotonic, and the reason.
    resets: list[tuple[float, str]] = field(default_factory=list)
    #: When (monotonic) it was told that the store is away (False) or back (True).
    told: list[tuple[float, bool]] = field(default_factory=list)
    #: When (monotonic) each subscription was answered.
    joined: list[float] = field(default_factory=list)

    @property
    def written_at(self) -> float:
        """When (monotonic) the newest line on its screen was written."""
        at, age = self.messages[-1]
        return at - age

    def longest_pause(self, since: float, until: float) -> float:
        """The longest time (s) its screen stood still within a window."""
        inside = [at for at, _ in self.messages if since <= at <= until]
        return max(b - a for a, b in itertools.pairwise([since, *inside, until]))

    def told_of_pause(self, since: float, until: float) -> str:
        """Say what happened from just before to just after the longest pause within a window."""
        inside = [at for at, _ in self.messages if since <= at <= until]
        began, over = max(itertools.pairwise([since, *inside, until]), key=lambda pair: pair[1] - pair[0])
        steps = [f"{at - began:+.2f} {what}" for at, what in self.history if began - 1 <= at <= over + 1]
        return f"{over - began:.2f} s at {began - since:.1f}: {', '.join(steps) or 'nothing happened'}"

    def note(self, what: str) -> None:
        """Keep what happened now."""
        self.history.append((time.monotonic(), what))

    def first_after(self, moment: float) -> float:
        """How long (s) after a moment the next line came; infinite if none did."""
        return next((at - moment for at, _ in self.messages if at >= moment), float("inf"))


class Audience(threading.Thread):
    """Viewers, from :meth:`start` to :meth:`close`.

    :param choose: names the port of the relay for the next connection, as a load balancer does; 0 if there is none.
    :param run_ids: dealt out to the viewers in turn.
    :param host: the address that these ports belong to.
    :param tokens: what the viewers show at each connection, dealt out in turn; empty: nothing.
    :param guests: these are the tokens of share links.
    :param headers: what each of them sends besides: lines with their ends.
    """

    def __init__(
        self,
        choose: Callable[[], int],
        run_ids: list[str],
        viewers: int,
        *,
        host: str = "127.0.0.1",
        seed: int = 1,
        tokens: Sequence[str] = ("",),
        guests: bool = False,
        headers: str = "",
    ) -> None:
        super().__init__(name="audience", daemon=True)
        self._choose = choose
        self._host = host
        self._headers = headers
        self._random = random.Random(seed)
        self._epoll = select.epoll()
        self._by_fd: dict[int, Viewer] = {}
        self._read: dict[tuple[bytes, Position], Step] = {}
        self._timers: list[tuple[float, int, Viewer]] = []
        self._numbers = itertools.count()
        self._over = threading.Event()
        self.viewers = [
            Viewer(run_ids[number % len(run_ids)], tokens[number % len(tokens)], guests) for number in range(viewers)
        ]
        #: A defect of this program, not of the product.
        self.error: BaseException | None = None

    def run(self) -> None:
        """Watch until told to stop."""
        try:
            for number, viewer in enumerate(self.viewers):
                self._set(viewer, time.monotonic() + number * 0.002)
            while not self._over.is_set():
                self._turn()
        except BaseException as error:  # noqa: BLE001 - raised again by close()
            self.error = error
        finally:
            for viewer in self.viewers:
                if viewer.sock is not None:
                    viewer.sock.close()
            self._epoll.close()

    def close(self) -> None:
        """Leave; what was seen stays.

        :raises BaseException: what stopped the thread, if something did.
        """
        self._over.set()
        self.join(30)
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Audience:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # What the figures ask

    @property
    def following(self) -> int:
        """How many follow their run now, or saw its end."""
        if self.error is not None:
            raise self.error
        return sum(viewer.following or viewer.ended is not None for viewer in self.viewers)

    @property
    def ended(self) -> int:
        """How many were told the end."""
        if self.error is not None:
            raise self.error
        return sum(viewer.ended is not None for viewer in self.viewers)

    def total(self, name: str) -> int:
        """The sum of one of the viewers' counts; of their lists, the lengths."""
        values = [getattr(viewer, name) for viewer in self.viewers]
        return sum(value if isinstance(value, int) else len(value) for value in values)

    # The loop

    def _set(self, viewer: Viewer, due: float) -> None:
        viewer.due = due
        heapq.heappush(self._timers, (due, next(self._numbers), viewer))

    def _turn(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            due, _, viewer = heapq.heappop(self._timers)
            if viewer.due > due:  # it was put off: looked at again then
                heapq.heappush(self._timers, (viewer.due, next(self._numbers), viewer))
            elif viewer.sock is None:
                if viewer.ended is None:
                    self._connect(viewer)
            elif viewer.asks_again:
                self._subscribe(viewer)
            else:
                self._lose(viewer, "no answer in time")
        for fd, events in self._epoll.poll(0.05):
            found = self._by_fd.get(fd)
            if found is not None:
                self._ready(found, events)

    def _connect(self, viewer: Viewer) -> None:
        viewer.port = self._choose()
        viewer.note("tries")
        if not viewer.port:
            viewer.losses.append("no relay")
            viewer.note("no relay")
            self._wait(viewer)
            return
        viewer.sock = sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((self._host, viewer.port))
        viewer.pending, viewer.shaken, viewer.usable = b"", False, False
        viewer.following, viewer.asks_again = False, False
        self._by_fd[sock.fileno()] = viewer
        self._epoll.register(sock.fileno(), select.EPOLLOUT)
        self._set(viewer, time.monotonic() + PATIENCE_SECONDS)

    def _ready(self, viewer: Viewer, events: int) -> None:
        assert viewer.sock is not None
        try:
            if events & select.EPOLLOUT:
                shown = f"Authorization: Bearer {viewer.token}\r\n" if viewer.token else ""
                address = f"{self._host}:{viewer.port}"
                viewer.sock.send(upgrade(SOCKET_IO_PATH, address, self._headers + shown))
                self._epoll.modify(viewer.sock.fileno(), select.EPOLLIN)
                return
            data = viewer.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(viewer, type(error).__name__)
            return
        if not data:
            self._lose(viewer, "closed")
            return
        viewer.due = max(viewer.due, time.monotonic() + SILENCE_SECONDS) if viewer.following else viewer.due
        self._frames(viewer, viewer.pending + data)

    def _lose(self, viewer: Viewer, why: str) -> None:
        assert viewer.sock is not None
        self._by_fd.pop(viewer.sock.fileno())
        viewer.sock.close()
        viewer.sock, viewer.following = None, False
        viewer.failed_connections += not viewer.usable
        viewer.losses.append(why)
        viewer.note(f"lost: {why}")
        self._wait(viewer)

    def _wait(self, viewer: Viewer) -> None:
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(viewer.failures, 10))
        viewer.failures += 1
        self._set(viewer, time.monotonic() + wait * self._random.uniform(0.75, 1.25))

    def _frames(self, viewer: Viewer, data: bytes) -> None:
        if not viewer.shaken:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                viewer.pending = head
                return
            if b" 101 " not in head[:20]:
                self._lose(viewer, head[9:12].decode("latin-1"))
                return
            viewer.shaken = True
        at = 0
        while (bounds := frame_at(data, at)) is not None and bounds[1] <= len(data):
            if data[at] == 0x88:
                self._lose(viewer, "closed")
                return
            viewer.largest_frame_bytes = max(viewer.largest_frame_bytes, bounds[1] - bounds[0])
            self._packet(viewer, data[bounds[0] : bounds[1]])
            at = bounds[1]
        viewer.pending = data[at:]

    def _packet(self, viewer: Viewer, packet: bytes) -> None:
        assert viewer.sock is not None
        if packet.startswith(_MESSAGE):
            self._message(viewer, packet)
        elif packet == b"2":
            viewer.sock.send(client_frame("3"))
        elif packet.startswith(b"0{"):
            viewer.sock.send(client_frame(_JOIN))
        elif packet.startswith(_JOIN.encode()):
            viewer.connections += 1
            viewer.note("connected")
            viewer.failures, viewer.usable = 0, True
            self._subscribe(viewer)
        elif packet.startswith(_ANSWER):
            self._answer(viewer, orjson.loads(packet[len(_ANSWER) - 1 :])[0])
        elif packet.startswith(_RESET):
            reason = orjson.loads(packet[len(_RESET) : -1])["reason"]
            viewer.resets.append((time.monotonic(), reason))
            viewer.position, viewer.following = None, False
            self._subscribe(viewer)
        elif packet.startswith(_STORE):
            viewer.told.append((time.monotonic(), bool(orjson.loads(packet[len(_STORE) : -1])["answers"])))
        elif packet.startswith(_END):
            viewer.ended = orjson.loads(packet[len(_END) : -1])

    def _subscribe(self, viewer: Viewer) -> None:
        assert viewer.sock is not None
        request: dict[str, Any] = {"v": 1, "run": viewer.run_id}
        if (here := viewer.position) is not None:
            request |= {"epoch": here.epoch, "from": here.line}
            if not viewer.guest:
                request["chain"] = here.chain
        viewer.sock.send(client_frame(f'42/tail,1["subscribe",{orjson.dumps(request).decode()}]'))
        viewer.asks_again = False
        self._set(viewer, time.monotonic() + PATIENCE_SECONDS)

    def _answer(self, viewer: Viewer, answer: dict[str, Any]) -> None:
        if not answer["ok"]:
            viewer.refusals.append(answer["code"])
            viewer.note(f"refused: {answer['code']}")
            viewer.asks_again = True
            self._set(viewer, time.monotonic() + self._random.uniform(*ASK_AGAIN_SECONDS))
            return
        if answer.get("reset"):
            return  # the event with the reason comes, or came
        here = Position(answer["epoch"], answer["from"], UNVERIFIABLE if viewer.guest else answer["chain"])
        if viewer.position is not None and here != viewer.position:
            viewer.wrong += 1
        viewer.position, viewer.following = here, True
        viewer.joined.append(time.monotonic())
        viewer.note("subscribed")
        viewer.due = time.monotonic() + SILENCE_SECONDS

    def _message(self, viewer: Viewer, packet: bytes) -> None:
        if viewer.position is None:
            viewer.wrong += 1
            return
        key = (packet, viewer.position)
        made = self._read.get(key)
        if made is None:
            while len(self._read) >= REMEMBERED:
                del self._read[next(iter(self._read))]
            made = self._read[key] = step(viewer.position, orjson.loads(packet[len(_MESSAGE) : -1]))
        viewer.position = made.after
        viewer.lost += made.lost
        viewer.doubled += made.doubled
        viewer.wrong += made.wrong
        viewer.named += made.named
        viewer.messages.append((time.monotonic(), time.time() - made.newest))


class Balancer:
    """Hands out relays in turn, past those that take nobody; what a Service of Kubernetes does.

    :param admits: says whether a relay takes connections; by default whether its process runs.
    """

    def __init__(self, relays: list[Relay], admits: Callable[[Relay], bool] | None = None) -> None:
        self._relays = relays
        self._admits = admits or (lambda relay: relay.process.is_running())
        self._turn = itertools.cycle(relays)

    def __call__(self) -> int:
        """The port of the next one; 0 if there is none."""
        for _ in self._relays:
            relay = next(self._turn)
            if self._admits(relay):
                return relay.port
        return 0


def percentile(values: list[float], percent: float) -> float:
    """A percentile of values in any order."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
