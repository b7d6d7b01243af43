"""A TCP proxy that misbehaves on demand, between a client and a real server."""

import contextlib
import itertools
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536
#: How much of what a client sent is remembered for ``matching``, in bytes.
_REMEMBERED_BYTES = 65_536
#: Between two pieces of a chunk that is split, in seconds: enough for a receiver that waits to see them apart.
_BETWEEN_PIECES_SECONDS = 0.0002
#: The rest of a chunk passes whole: split to its end, a large one would take longer than clients wait.
_PIECES_PER_CHUNK = 64


class _Connection:
    """One client's connection and its counterpart to the server."""

    def __init__(self, proxy: "TcpProxy", client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.sent = bytearray()
        self.flowing = threading.Event()
        self.flowing.set()
        self.swallows_reply = False
        self.half_open = False

    def start(self) -> None:
        for pump in (self._pump_requests, self._pump_replies):
            threading.Thread(target=pump, name="proxy", daemon=True).start()

    def _pump_requests(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self.client.recv(_CHUNK_BYTES):
                self.sent += chunk
                del self.sent[:-_REMEMBERED_BYTES]
                self._pass_time()
                # Before it is forwarded: the reply may be faster than we are.
                if self.proxy.takes_reply_of(chunk):
                    self.swallows_reply = True
                if not self.half_open:
                    self._forward(chunk, self.server)
        self.close()

    def _pump_replies(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self.server.recv(_CHUNK_BYTES):
                if self.swallows_reply:
                    self.proxy.dropped_replies += 1
                    break
                self._pass_time()
                if not self.half_open:
                    self._forward(chunk, self.client)
        if not self.half_open:
            self.close()

    def _forward(self, chunk: bytes, end: socket.socket) -> None:
        sizes = self.proxy.piece_bytes
        if not sizes:
            end.sendall(chunk)
            return
        begin = 0
        for size in itertools.islice(itertools.cycle(sizes), _PIECES_PER_CHUNK):
            end.sendall(chunk[begin : begin + size])
            begin += size
            if begin >= len(chunk):
                return
            time.sleep(_BETWEEN_PIECES_SECONDS)
        end.sendall(chunk[begin:])

    def lose_server(self) -> None:
        self.half_open = True
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)

    def _pass_time(self) -> None:
        if self.proxy.delay_seconds > 0:
            time.sleep(self.proxy.delay_seconds)
        self.flowing.wait()

    def close(self, *, reset: bool = False) -> None:
        self.proxy.forget(self)
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    # Wakes the other pump, which close alone would not.
                    end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.flowing.set()


class TcpProxy:
    """Forwards connections to one server, and breaks them when told to.

    Starts at once, on a free loopback port, with threads of its own; as a context
    manager it is closed at the end.

    ``matching`` narrows a fault to the connections whose client has sent these
    bytes within its last 64 KiB, e.g. ``b"SUBSCRIBE"`` for a pub/sub connection.

    :param target_host: where the server listens.
    :param target_port: its TCP port.
    """

    host = "127.0.0.1"

    def __init__(self, target_host: str, target_port: int) -> None:
        #: Where new connections go; change it, then :meth:`cut`, to play a failover.
        self.target = (target_host, target_port)
        self._connections: set[_Connection] = set()
        self._lock = threading.Lock()
        self._stalls_new = False
        self._reply_pattern: bytes | None = None
        self._replies_to_drop = 0
        #: Waited before every chunk, in each direction, in seconds.
        self.delay_seconds = 0.0
        #: While True new connections are closed as soon as they are accepted.
        self.refuses = False
        #: Replies lost so far by :meth:`drop_reply`.
        self.dropped_replies = 0
        #: If not empty, what passes is split into pieces of these sizes, again and again: (1,) splits at every byte.
        self.piece_bytes: tuple[int, ...] = ()
        self._listener = socket.create_server((self.host, 0), backlog=1024)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="proxy-accept", daemon=True).start()

    @property
    def url(self) -> str:
        """The proxy's address as a Redis URL."""
        return f"redis://{self.host}:{self.port}/0"

    def next_target(self) -> tuple[str, int]:
        """Where the next connection goes."""
        return self.target

    def connection_count(self, matching: bytes | None = None) -> int:
        """How many connections are open through the proxy."""
        return len(self._matching(matching))

    def cut(self, matching: bytes | None = None, *, reset: bool = False) -> int:
        """Closes open connections; returns how many. New ones are accepted.

        :param reset: with a TCP reset instead of an orderly end.
        """
        connections = self._matching(matching)
        for connection in connections:
            connection.close(reset=reset)
        return len(connections)

    def stall(self, matching: bytes | None = None) -> int:
        """Keeps connections open and forwards nothing, as a dead network path does.

        Without ``matching`` connections made later stall, too. Returns how many
        open ones do.
        """
        if matching is None:
            self._stalls_new = True
        connections = self._matching(matching)
        for connection in connections:
            connection.flowing.clear()
        return len(connections)

    def resume(self) -> None:
        """Ends every stall. What was sent meanwhile arrives, late and in order."""
        self._stalls_new = False
        for connection in self._matching(None):
            connection.flowing.set()

    def half_open(self, matching: bytes | None = None) -> int:
        """The server's end of open connections is gone, and their clients are not told; returns how many.

        What a client sends is taken and never arrives, also not later: the other
        machine has crashed, or something between has forgotten the connection.
        New connections work.
        """
        connections = self._matching(matching)
        for connection in connections:
            connection.lose_server()
        return len(connections)

    def drop_reply(self, matching: bytes = b"", *, times: int = 1) -> None:
        """Loses the reply to the next request that contains ``matching``.

        The server gets the request and acts on it; the client gets a closed
        connection instead of the answer. For request and answer in turn: a push
        that arrives in between is taken for the reply.

        :param times: for how many requests.
        """
        with self._lock:
            self._reply_pattern = matching
            self._replies_to_drop = times

    def close(self) -> None:
        """Stops listening and closes every connection."""
        # shutdown wakes the accepting thread, which close alone would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def takes_reply_of(self, request: bytes) -> bool:
        """Whether the reply to these bytes is to be lost. Counts it if so."""
        with self._lock:
            if self._replies_to_drop and (self._reply_pattern or b"") in request:
                self._replies_to_drop -= 1
                return True
            return False

    def forget(self, connection: _Connection) -> None:
        """Called by a connection that closes."""
        with self._lock:
            self._connections.discard(connection)

    def _matching(self, matching: bytes | None) -> list[_Connection]:
        with self._lock:
            return [c for c in self._connections if matching is None or matching in c.sent]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # Closed.
                return
            if self.refuses:
                client.close()
                continue
            try:
                server = socket.create_connection(self.next_target(), timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(self, client, server)
            if self._stalls_new:
                connection.flowing.clear()
            with self._lock:
                self._connections.add(connection)
            connection.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
