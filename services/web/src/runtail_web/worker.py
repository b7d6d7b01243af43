"""gunicorn's threaded worker, changed so that slow clients hold no threads.

gunicorn at once gives every connection a thread, which waits for the request
and for the client to take the answer, however long that takes. Here the main
loop, which has all connections, reads a request until it is complete, and
sends the part of an answer that a client did not take at once. A thread has a
request only while it makes the answer; for the clients of streams, see
:mod:`runtail_web.clients`. The main loop does not wait for any client either:
connections that are to be closed stay with it for a moment.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

from runtail.browser_headers import refusal_headers
from runtail.forwarded import HEADERS, WsgiApp
from runtail.settings import Settings
from runtail_web.clients import ClientSocket, Unsent
from runtail_web.partial_request import PartialRequest, TooLarge

#: While no thread is free, a client that takes nothing of a stream for this long must go, because others wait.
CROWDED_SECONDS = 5.0
#: How long a connection that was told to close may take to do so (RFC 9112, 9.6).
LINGER_SECONDS = 2.0
RECEIVE_BYTES = 65536
READ = selectors.EVENT_READ
HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n"


class _Refusal:
    """Takes an answer that gunicorn makes by itself, and sends it with the headers that all our answers have.

    :param headers: whole lines.
    """

    def __init__(self, connection: ClientSocket, headers: bytes) -> None:
        self._connection, self._headers = connection, headers

    def sendall(self, data: bytes) -> None:
        first, rest = data.split(b"\r\n", 1)
        self._connection.sendall(b"\r\n".join((first, self._headers + rest)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Load:
    """Counts the threads that are taken.

    :param threads: the number of all threads.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._requests = 0
        self._full_since: float | None = None

    def begin(self) -> None:
        """Note that a complete request has a thread, or waits for one."""
        with self._lock:
            self._requests += 1
            if self._requests >= self._threads and self._full_since is None:
                self._full_since = time.monotonic()

    def end(self) -> None:
        """Note that the request was answered."""
        with self._lock:
            self._requests -= 1
            if self._requests < self._threads:
                self._full_since = None

    @property
    def full_seconds(self) -> float:
        """For how many seconds no thread has been free; 0 if one is free."""
        since = self._full_since
        return 0.0 if since is None else time.monotonic() - since


class Connection(TConn):  # type: ignore[misc, unused-ignore]
    """A client's connection, with the part of its request that has arrived.

    :param conn: the connection as gunicorn accepted it.
    :param linger: takes a connection that is to be closed once the client closes it, too.
    """

    def __init__(self, conn: TConn, linger: Callable[[Connection], None]) -> None:
        super().__init__(conn.cfg, ClientSocket(fileno=conn.sock.detach()), conn.client, conn.server)
        self._linger = linger
        self.partial_request: PartialRequest | None = None
        #: For gunicorn, the connection's last request is over.
        self.closing = False

    def close(self, graceful: bool = False) -> None:
        """Close the connection; never waits."""
        if graceful:
            self.closing = True
            self._linger(self)
        else:
            super().close()


class Worker(ThreadWorker):  # type: ignore[misc, unused-ignore]
    """The worker. :func:`worker_class` gives it settings."""

    settings: Settings
    load: Load
    #: Those of answers that are not the application's: whole lines.
    refusal_headers: bytes

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: The connections that the main loop reads or writes, with their deadlines (monotonic seconds).
        self._deadlines: dict[Connection, float] = {}
        self._room = Unsent()

    def enqueue_req(self, conn: TConn) -> None:
        """Read a request, then let a thread answer it.

        gunicorn calls this for a new connection, for an open one on which more data comes, and for one whose next
        request was read already.
        """
        if not isinstance(conn, Connection):
            conn = Connection(conn, self._close_when_it_does)
            conn.sock.patience, conn.sock.room = self._patience, self._room
        conn.partial_request = PartialRequest(self.settings.max_body_bytes)
        ahead = conn.parser.unreader.take_buffered() if conn.parser is not None else b""
        self._await(conn, self.settings.request_seconds, self._receive)
        if ahead:
            self._arrived(conn, ahead)

    def _await(
        self, conn: Connection, seconds: float, callback: Callable[[Connection, Any], None], what: int = READ
    ) -> None:
        conn.sock.setblocking(False)
        self._deadlines[conn] = time.monotonic() + seconds
        self.poller.register(conn.sock, what, partial(callback, conn))

    def _forget(self, conn: Connection) -> None:
        del self._deadlines[conn]
        self.poller.unregister(conn.sock)

    def _receive(self, conn: Connection, _sock: Any) -> None:
        try:
            data = conn.sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._arrived(conn, data)
        else:
            self._drop(conn)

    def _arrived(self, conn: Connection, data: bytes) -> None:
        assert conn.partial_request is not None
        try:
            whole = conn.partial_request.feed(data)
        except TooLarge:
            self._forget(conn)
            self.nr_conns -= 1
            self._say(conn, HEAD_TOO_LARGE + self.refusal_headers + b"\r\n")
            conn.close(graceful=True)
            return
        if not whole:
            return
        self._forget(conn)
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.initialized = conn.data_ready = True
        conn.parser.unreader.unread(bytes(conn.partial_request.data))
        conn.partial_request, conn.sock.streams = None, False
        self.load.begin()
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> Any:
        """Answer a request; called in a thread."""
        try:
            return super().handle(conn)
        finally:
            self.load.end()

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer a request; called in a thread.

        gunicorn leaves names with ``_`` to us (``header_map``): the application can see that they came, but not take
        them for those with ``-``.
        """
        conn.sock.headers = tuple(req.headers)
        req.headers = [(name, value) for name, value in req.headers if "_" not in name]
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Connection, keepalive: Any) -> bool:
        """Return True if another request may come on a connection.

        gunicorn takes a body that is not here for one that was read. What comes next would be the rest of that body,
        which a visitor wrote, and a proxy in front of us would take the answer to it for that to another's request.
        """
        return bool(super()._keepalive_after(conn, keepalive)) and not conn.sock.starved

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that cannot be read, or whose answer failed before it began."""
        super().handle_error(req, _Refusal(client, self.refusal_headers), addr, exc)

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """Go on with a connection whose request was answered, once the client has taken the answer."""
        if conn.sock.unsent:
            self._await(conn, self.settings.stalled_seconds, partial(self._send_more, fs), selectors.EVENT_WRITE)
        else:
            super().finish_request(conn, fs)

    def _send_more(self, fs: Any, conn: Connection, _sock: Any) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self._drop(conn)
            return
        self._deadlines[conn] = time.monotonic() + self.settings.stalled_seconds
        if not conn.sock.unsent:
            self._forget(conn)
            super().finish_request(conn, fs)

    def _patience(self) -> float:
        patience = self.settings.stalled_seconds
        return min(patience, CROWDED_SECONDS) if self.load.full_seconds else patience

    @staticmethod
    def _say(conn: Connection, data: bytes) -> None:
        try:
            conn.sock.send(data, socket.MSG_DONTWAIT)
        except OSError:
            # The connection is closed next in any case.
            return

    def _close_when_it_does(self, conn: Connection) -> None:
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
        else:
            self._await(conn, LINGER_SECONDS, self._drain)

    def _drain(self, conn: Connection, _sock: Any) -> None:
        try:
            ended = not conn.sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        """Close a connection that is finished."""
        self._forget(conn)
        if not conn.closing:
            self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Close the connections whose time is over; the main loop calls this every second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._deadlines.items()):
            # A service that ends waits for requests, not for connections on which nothing has arrived.
            unused = conn.partial_request is not None and not conn.partial_request.data
            if deadline < now or (unused and not self.alive):
                self._drop(conn)


def with_headers(app: WsgiApp) -> WsgiApp:
    """Return an application that is told the headers as they came (:data:`~runtail.forwarded.HEADERS`)."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ[HEADERS] = environ["gunicorn.socket"].headers
        return app(environ, start_response)

    return serve


def worker_class(settings: Settings, load: Load) -> type[Worker]:
    """Return the class of gunicorn's worker."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in refusal_headers(settings).items()).encode()
    return type("RuntailWorker", (Worker,), {"settings": settings, "load": load, "refusal_headers": headers})
