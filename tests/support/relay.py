"""The relay as a process, its clients, and runs for them to watch."""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import orjson
import redis
import websocket

from runtail.log.writer import LogWriter
from runtail.protocol import EVENT, OUTPUT, RunState, View
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.settings import load_settings
from runtail.store import Store
from tests.support.processes import Process, StartProcess
from tests.support.services import Service
from tests.support.store_users import is_plain, urls
from tests.support.waiting import wait_for

NAMESPACE = "/tail"

#: Clients that were not closed; the fixture ``start_relay`` closes them at the end.
open_clients: "set[Client]" = set()


def make_store(redis_url: str, key_prefix: str, **overrides: Any) -> Store:
    """A store for one test."""
    return Store(load_settings({}, broker_url=redis_url, key_prefix=key_prefix, **overrides))


class Relay(Service):
    """A relay process, started at once. Restarting it keeps its ports.

    :param start_process: what ends it: its owner does.
    :param port: where it listens; a free one if 0.
    :param program: the module that is run.
    :param environment: other variables.
    :param settings: by lower-case name.
    """

    def __init__(
        self, start_process: StartProcess, redis_url: str, key_prefix: str, *, port: int = 0,
        program: str = "runtail_socket", environment: Mapping[str, str] | None = None, **settings: object,
    ) -> None:  # fmt: skip
        # To run all tests of the relay on gevent: RUNTAIL_TEST_ASYNC_MODE=gevent.
        mode = os.environ.get("RUNTAIL_TEST_ASYNC_MODE", "eventlet")
        # The user of production, who may only read: what a relay needs beyond that, fails here.
        url = urls(redis_url, key_prefix)["relay"] if is_plain(redis_url) else redis_url
        ours = {"broker_url": url, "key_prefix": key_prefix, "socket_async_mode": mode}
        super().__init__("socket", Path(), ours | settings, environment, port=port, program=program)
        self._start_process = start_process
        self.launch()

    def run(self, command: list[str], name: str, environment: dict[str, str | None]) -> Process:
        """Start the process."""
        return self._start_process(*command, name=f"{name}-{uuid.uuid4().hex[:4]}", environment=environment)

    def wait_until_ready(self, deadline_seconds: float = 20.0) -> Self:
        """Return when it can serve."""

        def ready() -> bool:
            assert self.process.is_running(), self.process.evidence()
            return self.get("/readyz")[0] == 200

        wait_for(ready, deadline_seconds, lambda: self.process.evidence())
        return self

    def restart(self) -> None:
        """Start it again after it ended."""
        self.launch()


class Client:
    """A Socket.IO client on a bare WebSocket: frame by frame, in order, and able to misbehave.

    (python-socketio's own client runs a thread per message and so loses their order.)

    :param receive_buffer: SO_RCVBUF, to be slow with little data.
    :param origin: send the server's own address as Origin; else what *headers* say.
    :param timeout_seconds: for the connection and, until it is changed, for every packet.
    """

    def __init__(
        self,
        url: str,
        *,
        receive_buffer: int | None = None,
        headers: list[str] | None = None,
        origin: bool = True,
        timeout_seconds: float = 30.0,
    ) -> None:
        options = []
        if receive_buffer:
            import socket

            options.append((socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer))
        self.ws = websocket.create_connection(
            f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket",
            timeout=timeout_seconds,
            sockopt=options,
            header=headers,
            suppress_origin=not origin,
        )
        open_clients.add(self)
        self.opened = orjson.loads(self.receive()[1:])
        self._ids = 0
        #: Events that came before they were asked for.
        self.waiting: list[tuple[str, Any]] = []
        self.closed_by_engine = False

    def join(self) -> Self:
        """Connect to the namespace."""
        self.ws.send(f"40{NAMESPACE},")
        answer = self.receive()
        assert answer.startswith(f"40{NAMESPACE},"), answer
        return self

    def receive(self) -> str:
        """The next packet as text; pings are answered on the way.

        :raises ConnectionError: the connection is over.
        """
        while True:
            try:
                packet = self.ws.recv()
            except (websocket.WebSocketConnectionClosedException, OSError) as error:
                if isinstance(error, websocket.WebSocketTimeoutException | TimeoutError):
                    raise
                raise ConnectionError("closed") from error
            if packet == "2":
                self.ws.send("3")
            elif packet == "1":
                self.closed_by_engine = True
            elif packet == "":
                raise ConnectionError("closed")
            elif packet != "6":
                return str(packet)

    def emit(self, event: str, *data: Any) -> Any:
        """Send an event and return the answer."""
        self._ids += 1
        self.send(f"42{NAMESPACE},{self._ids}{orjson.dumps([event, *data]).decode()}")
        answer = f"43{NAMESPACE},{self._ids}"
        while True:
            packet = self.receive()
            if packet.startswith(answer):
                return orjson.loads(packet[len(answer) :])[0]
            self._keep(packet)

    def send(self, text: str) -> None:
        """Send a packet as it is."""
        self.ws.send(text)

    def next_event(self) -> tuple[str, Any]:
        """The next event: name and argument."""
        while not self.waiting:
            self._keep(self.receive())
        return self.waiting.pop(0)

    def _keep(self, packet: str) -> None:
        prefix = f"42{NAMESPACE},"
        assert packet.startswith(prefix), packet[:100]
        name, data = orjson.loads(packet[len(prefix) :])
        self.waiting.append((name, data))

    def close(self) -> None:
        """Leave."""
        open_clients.discard(self)
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self.ws.send_close()
        self.drop()

    def drop(self) -> None:
        """Be gone without a word."""
        open_clients.discard(self)
        shutdown: Callable[[], None] = self.ws.shutdown
        shutdown()


class Follower:
    """A well-behaved viewer: follows a run with a :class:`View` and resumes where it was.

    :param acknowledges: send ``ack`` for every message.
    """

    def __init__(self, run_id: str, *, line: int = 1, acknowledges: bool = False) -> None:
        self.run_id = run_id
        self.view = View()
        self.lines: list[bytes] = []
        self.resets: list[dict[str, Any]] = []
        self.ended: dict[str, Any] | None = None
        #: What the relay said last of the store.
        self.store_answers: bool | None = None
        self.record: dict[str, Any] = {}
        self._line = line
        self._acknowledges = acknowledges
        self._received = 0
        self.client: Client | None = None

    def connect(self, url: str, **options: Any) -> dict[str, Any]:
        """Connect and subscribe at the view's position; return the answer."""
        self.client = Client(url, **options).join()
        return self.subscribe()

    def subscribe(self) -> dict[str, Any]:
        """Ask for what follows the view."""
        assert self.client is not None
        request: dict[str, Any] = {"v": 1, "run": self.run_id, "from": self._line}
        cursor = self.view.cursor
        if cursor is not None:
            request |= {"epoch": cursor.epoch, "from": cursor.line, "chain": cursor.chain.hex()}
        self._received = 0
        answer: dict[str, Any] = self.client.emit("subscribe", request)
        if answer.get("ok") and not answer.get("reset"):
            self.record = answer["record"]
            self.view.begin(answer["epoch"], answer["from"], bytes.fromhex(answer["chain"]))
        return answer

    def step(self) -> str:
        """Take one event and return its name.

        :raises ConnectionError: the connection is over.
        :raises ProtocolError: what came does not follow.
        """
        assert self.client is not None
        name, data = self.client.next_event()
        if name == "tail-message":
            for entry in self.view.feed(data["entries"], epoch=data["epoch"]):
                self._received += len(entry.payload)
                if entry.type == OUTPUT:
                    self.lines += entry.payload.splitlines()
            if self._acknowledges:
                last = data["entries"][-1]
                ack = {"run": self.run_id, "bytes": self._received, "t": last.get("t")}
                self.client.send(f"42{NAMESPACE},{orjson.dumps(['ack', ack]).decode()}")
        elif name == "tail-end":
            self.ended = data
        elif name == "store":
            self.store_answers = data["answers"]
        elif name == "tail-reset":
            self.resets.append(data)
        return name

    def until(self, condition: Callable[[], object], deadline_seconds: float = 20.0) -> Self:
        """Take events until a condition holds."""
        assert self.client is not None
        deadline = time.monotonic() + deadline_seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not in time; {len(self.lines)} lines, view {self.view}")
            self.client.ws.settimeout(left)
            self.step()
        return self

    def until_end(self, deadline_seconds: float = 30.0) -> Self:
        """Follow to the end of the run."""
        return self.until(lambda: self.ended, deadline_seconds)

    def close(self) -> None:
        """Leave; the view stays."""
        if self.client is not None:
            self.client.close()


class Producer:
    """A run with a writer of its own, without any task."""

    def __init__(self, store: Store, run_id: str | None = None) -> None:
        self.store = store
        self.run_id = run_id or uuid.uuid4().hex
        token = uuid.uuid4().hex
        delivery = Delivery(run_id=self.run_id, task="tests.write", worker="test@here")
        claimed = claim(store, delivery, owner="test", token=token)
        assert isinstance(claimed, Claimed), claimed
        self.writer = LogWriter(store, claimed.claim)
        self.count = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def line(self, number: int) -> bytes:
        """The text of a line, numbered from 1."""
        return b"line %d of the log" % number

    def write(self, lines: int) -> None:
        """Store the next lines as one entry."""
        first = self.count + 1
        self.count += lines
        payload = b"".join(self.line(n) + b"\n" for n in range(first, self.count + 1))
        self.writer.add(OUTPUT, payload, now_ms())
        self.writer.flush()

    def mark(self, title: str) -> None:
        """Store an event."""
        self.writer.add(EVENT, events.encode(events.GROUP, title=title), now_ms())
        self.writer.flush()

    def end(self) -> None:
        """Finish the run."""
        self.writer.end(RunState.SUCCEEDED, "done", t_ms=now_ms(), exit_status=0)

    def start(self, lines_per_second: float, *, flushes_per_second: float = 20) -> Self:
        """Write in the background, without a pause, until :meth:`stop`."""
        per_flush = max(1, round(lines_per_second / flushes_per_second))

        def work() -> None:
            due = time.monotonic()
            while not self._stop.is_set():
                self.write(per_flush)
                due += per_flush / lines_per_second
                self._stop.wait(max(0.0, due - time.monotonic()))

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        return self

    def stop(self, *, end: bool = True) -> None:
        """Stop writing in the background, and finish the run."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
        if end:
            self.end()

    def expected(self, first: int = 1) -> list[bytes]:
        """All lines from a number on."""
        return [self.line(n) for n in range(first, self.count + 1)]


@contextlib.contextmanager
def following(follower: Follower, url: str) -> Iterator[Follower]:
    """A follower that is connected, and closed at the end."""
    answer = follower.connect(url)
    assert answer["ok"], answer
    try:
        yield follower
    finally:
        follower.close()


#: What the fixture ``follow`` gives: relay, run, its viewer, and a client of the server.
Followed = tuple[Relay, Producer, Follower, "redis.Redis"]
Follow = Callable[..., contextlib.AbstractContextManager[Followed]]


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


__all__ = [
    "Client", "Follow", "Followed", "Follower", "Producer", "Relay", "following", "make_store", "now_ms",
]  # fmt: skip
