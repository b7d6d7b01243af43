"""Below Engine.IO: every private attribute of python-engineio and python-socketio that we use.

Engine.IO gives each client an unbounded queue, a greenlet that empties it, and
a timer per packet; together they cost five times as much as the send. So
frames of the log go directly to the client's socket, between the packets that
this greenlet sends, and flow control rests on the socket. The internals of the
libraries that this needs are used only in this module, and
``test_relay_link.py`` fails when a new version changes them:

* ``engineio.Server._async["websocket"]``: turns a request into a WebSocket;
* the handler passed to it is a bound method of ``engineio.Socket``, of which we
  use ``sid``, ``queue``, ``closing``, ``closed``, ``last_ping``, ``check_ping_timeout()``, ``close()``;
* ``engineio.Server.sockets`` and ``send_packet()``, ``engineio.Packet.encode()``;
* ``socketio.Server.eio``, ``manager.eio_sid_from_sid()`` and ``manager.is_connected()``; for a metric
  ``manager.rooms`` and ``environ``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engineio.packet import MESSAGE, NOOP, Packet

from runtail.access.principal import Principal
from runtail_socket import runtime
from runtail_socket.transport import NAMESPACE
from runtail_socket.transport.handshake import Accepted
from runtail_socket.transport.websocket import Frame, WebSocket, Writer, WriteResult, try_send_all

#: The request's key for its handshake, which is checked before Engine.IO creates anything for the request.
HANDSHAKE = "runtail.handshake"
#: The request's key for its sender.
PRINCIPAL = "runtail.principal"
#: The request's key for its origin, if that is one whose pages must show a ticket.
TICKET_ORIGIN = "runtail.ticket-origin"
#: The request's key for what its connection is counted by.
COUNTED = "runtail.counted"
#: Connections that one user may have to a relay.
PRINCIPAL_CONNECTIONS = 20


class Link:
    """One client: its Engine.IO socket and the WebSocket below it.

    :param direct: write frames directly to the socket; False: through Engine.IO's queue.
    :param principal: who the client is.
    :param address: the client's address.
    :param agent: what the client says of itself.
    :param counted: what admission counts it by.
    """

    def __init__(
        self,
        engine: Any,
        web_socket: WebSocket,
        *,
        direct: bool,
        principal: Principal,
        address: str = "",
        agent: str = "",
        ticket_origin: str | None = None,
        counted: Sequence[str] = (),
    ) -> None:
        self.principal, self.address, self.agent, self.counted = principal, address, agent, counted
        #: The client must show a ticket for this origin before it joins; until then ``principal`` is nobody.
        self.ticket_origin = ticket_origin
        #: It has tried to join, without a valid one.
        self.refused = False
        self._engine = engine
        self._web_socket = web_socket
        self._direct = direct
        self.opened_at = time.monotonic()
        self._barriers: set[_Barrier] = set()
        #: The client has joined our namespace.
        self.joined = False
        #: Why we ended the connection, if we did: ``drain``, ``slow``, ``silent``, ``not-joined``, ``left``, ``login``,
        #: ``proxy``, ``error``.
        self.sent_away: str | None = None

    @property
    def id(self) -> str:
        """Engine.IO's id of this client."""
        return str(self._engine.sid)

    @property
    def closed(self) -> bool:
        """True if the connection is over or about to be."""
        return bool(self._engine.closed or self._engine.closing or self._web_socket.closed)

    @property
    def gone(self) -> bool:
        """True if the connection is over or about to be, or the client has hung up. Asks the kernel."""
        return self.closed or self._web_socket.gone

    @property
    def queued(self) -> int:
        """The number of packets that wait in Engine.IO's queue."""
        return int(self._engine.queue.qsize())

    def try_send(self, frame: Frame) -> WriteResult:
        """Send a frame now if nothing is queued and the socket took everything before it. Never waits."""
        (outcome,) = try_send_all([self], frame)
        return outcome

    def writer(self) -> Writer | None:
        """Return a function that writes a frame now; None if something else goes first."""
        # Runs for every frame and viewer: no properties here, each would be a call.
        engine = self._engine
        if engine.closed or engine.closing or engine.queue.qsize():
            return None
        if self._direct:
            return self._web_socket.writer()
        return self._queue_whole if self._web_socket.idle else None

    def record_write(self, frame: Frame, sent: int | OSError) -> WriteResult:
        """Note how much of a frame was sent."""
        return self._web_socket.record_write(frame, sent)

    def _queue_whole(self, frame: Frame) -> int:
        self.enqueue(frame)
        return len(frame)

    def send(self, frame: Frame) -> None:
        """Send a frame, waiting until the socket takes it.

        :raises OSError: if the connection is over.
        """
        if self.closed:
            raise OSError("the client is gone")
        before = time.monotonic()
        self._web_socket.send(frame)
        if time.monotonic() - before > 1.0:
            self._still_alive()

    def flush(self) -> None:
        """Send the rest of a frame that was written in part.

        :raises OSError: if the connection is over.
        """
        self._web_socket.flush()

    def enqueue(self, frame: Frame) -> None:
        """Send a frame after everything that Engine.IO has queued."""
        self._engine.server.send_packet(self.id, _Ready(frame))

    def wait_for_queue(self, timeout_seconds: float) -> bool:
        """Wait until everything queued so far was sent; return False if it was not."""
        barrier = _Barrier()
        self._barriers.add(barrier)
        try:
            if self.closed:
                return False
            self._engine.server.send_packet(self.id, barrier)
            return barrier.passed.wait(timeout_seconds) and not self.closed
        finally:
            self._barriers.discard(barrier)

    def release(self) -> None:
        """Release all greenlets that wait for the queue of a connection that is over."""
        for barrier in self._barriers:
            barrier.passed.set()

    def _still_alive(self) -> None:
        # Engine.IO counts a ping's time from when the ping was queued. A client that
        # takes our bytes slowly has not had the chance to answer.
        if self._engine.last_ping:
            self._engine.last_ping = time.time()

    def close(self, why: str) -> None:
        """Send the client away: an Engine.IO close, after which browsers reconnect by themselves.

        (A Socket.IO disconnect would keep them away for good.)

        :param why: see :attr:`sent_away`.
        """
        self.sent_away = self.sent_away or why
        self._engine.close(wait=False)

    def sweep(self) -> None:
        """End the connection of a client that left a ping unanswered or no longer takes anything."""
        if self._web_socket.stalled:
            # Without a goodbye, which would wait behind the bytes that the client does not take.
            self.sent_away = self.sent_away or "slow"
            self._web_socket.abort()
        elif not self._engine.closed:
            if not self._engine.closing and not self._engine.check_ping_timeout():
                self.sent_away = self.sent_away or "silent"
        elif not self._web_socket.closed:
            self._web_socket.close()


class _Ready(Packet):
    """A message that is a complete frame already."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(MESSAGE)
        self._frame = frame

    def encode(self, b64: bool = False) -> Frame:  # noqa: ARG002
        return self._frame


class _Barrier(Packet):
    """A packet that clients ignore; it tells when its turn has come."""

    def __init__(self) -> None:
        super().__init__(NOOP)
        self.passed = threading.Event()

    def encode(self, b64: bool = False) -> str:
        self.passed.set()
        return str(super().encode(b64))


class Links:
    """All clients of this relay, by Engine.IO id.

    :param direct: see :class:`Link`.
    :param silence_seconds: see :class:`WebSocket`.
    """

    def __init__(self, *, direct: bool, silence_seconds: float) -> None:
        self._direct = direct
        self._silence_seconds = silence_seconds
        self._links: dict[str, Link] = {}
        #: Connections that we ended, by reason.
        self.sent_away: Counter[str] = Counter()

    def attach(self, server: Any) -> None:
        """Let a ``socketio.Server`` use our WebSockets."""
        server.eio._async = {**server.eio._async, "websocket": self._upgrade}

    def of_client(self, server: Any, sid: str) -> Link | None:
        """Return the client with a Socket.IO id; None if it is gone."""
        return self._links.get(server.manager.eio_sid_from_sid(sid, NAMESPACE))

    def is_inside(self, server: Any, sid: str) -> bool:
        """Return True if a client has joined our namespace, and is not leaving it.

        Socket.IO tells of joining and leaving by ``connect`` and ``disconnect``, and a client can send events of these
        names: those come while it is inside.
        """
        return bool(server.manager.is_connected(sid, NAMESPACE))

    def all(self) -> list[Link]:
        """Return a copy of the list of clients."""
        return list(self._links.values())

    def __len__(self) -> int:
        return len(self._links)

    def inside(self, server: Any) -> dict[str, int]:
        """Return how many entries the libraries keep in their tables of clients: 0 without clients."""
        rooms = [members for rooms in server.manager.rooms.values() for members in rooms.values()]
        return {
            "engineio-sockets": len(server.eio.sockets),
            "socketio-environments": len(server.environ),
            "socketio-rooms": sum(len(members) for members in rooms),
        }

    def _upgrade(
        self, handler: Callable[[WebSocket], Any], _server: Any
    ) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
        engine = handler.__self__  # type: ignore[attr-defined]

        def upgrade(environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
            green = runtime.take_socket(environ)
            accepted: Accepted = environ[HANDSHAKE]
            try:
                green.sendall(accepted.answer)
                web_socket = WebSocket(green, accepted.protocol, self._silence_seconds)
            except OSError:
                engine.close(wait=False, abort=True)
                return runtime.taken(environ)
            link = self._links[engine.sid] = Link(
                engine,
                web_socket,
                direct=self._direct,
                principal=environ[PRINCIPAL],
                address=environ.get("REMOTE_ADDR") or "",
                agent=environ.get("HTTP_USER_AGENT", ""),
                ticket_origin=environ.get(TICKET_ORIGIN),
                counted=environ.get(COUNTED, ()),
            )
            try:
                handler(web_socket)
            finally:
                if not engine.closed:
                    # The library raised an error where it does not clean up: nobody else would end the subscriptions.
                    engine.close(wait=False, abort=True)
                del self._links[engine.sid]
                why = link.sent_away or ("silent" if web_socket.silent else None)
                if why is not None:
                    self.sent_away[why] += 1
                web_socket.close()
                link.release()
            return runtime.taken(environ)

        return upgrade
