"""Concurrency: the only module that knows eventlet or gevent.

Rule 1: :func:`patch` runs before anything else is imported (``__main__``), so
that ``threading``, ``time``, ``socket`` and ``select`` are cooperative
everywhere, in our own code and in redis-py. The other modules use those.

Rule 2: everything that a patched standard library cannot do (start a greenlet
without a ``Thread`` object, serve, hand over a connection, send without
waiting) is in this module, once for each of the two.

Rule 3: between two calls that wait (socket, store, lock, sleep) no other
greenlet runs. Fan-out relies on this: a viewer joins the live set without a yield.
"""

from __future__ import annotations

import os
import select
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

#: ``eventlet`` or ``gevent``, once :func:`patch` has run.
mode = ""

#: A connection that has not sent its request line and all headers within this time is closed. The limit is for all of
#: them together: a byte now and then does not extend it.
REQUEST_TIMEOUT_SECONDS = 10.0

#: The kernel's own: this module is imported before anything is patched (rule 1).
_poll = select.poll
#: That the peer sends nothing more; where the kernel does not say so (macOS), that the connection is over.
_HUNG_UP: int = getattr(select, "POLLRDHUP", select.POLLHUP)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class NonBlocking(Protocol):
    """The one method the direct send needs."""

    def send(self, data: Any, /) -> int:
        """Write as much as the kernel takes now; raise BlockingIOError if it takes nothing."""


def patch(chosen: str) -> str:
    """Make the standard library cooperative. Call it before any other import.

    :param chosen: ``eventlet`` or ``gevent``.
    :returns: an error message for any other value, because there is no log yet; empty if all is well.
    """
    global mode
    if chosen == "eventlet":
        # greendns mishandles Kubernetes' search lists; lookups are rare here.
        os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import eventlet
        eventlet.monkey_patch()
    elif chosen == "gevent":
        import gevent.monkey

        gevent.monkey.patch_all()
    else:
        return f"RUNTAIL_SOCKET_ASYNC_MODE={chosen!r} is neither eventlet nor gevent"
    mode = chosen
    return ""


def log_errors() -> None:
    """Log errors in the greenlets of servers, which would otherwise go to standard error."""
    if mode == "gevent":
        import gevent

        def print_exception(_context: object, kind: type, error: BaseException, trace: Any) -> None:
            _log().error("a request failed", exc_info=(kind, error, trace))

        gevent.get_hub().print_exception = print_exception


def _log() -> Any:
    # Not at the top: a module imported before the patch keeps locks that block.
    import logging

    return logging.getLogger(__name__)


def _logged(function: Callable[..., object], *args: Any) -> None:
    try:
        function(*args)
    except Exception:  # noqa: BLE001 - it is logged
        _log().exception("a greenlet has ended")


def spawn(function: Callable[..., object], *args: Any) -> None:
    """Start a greenlet; an error in it is logged and ends only that greenlet."""
    if mode == "eventlet":
        import eventlet

        eventlet.spawn_n(_logged, function, *args)
    else:
        import gevent

        gevent.spawn(_logged, function, *args)


def spawn_after(seconds: float, function: Callable[..., object], *args: Any) -> None:
    """Start a greenlet after a delay."""
    if mode == "eventlet":
        import eventlet

        eventlet.spawn_after(seconds, _logged, function, *args)
    else:
        import gevent

        gevent.spawn_later(seconds, _logged, function, *args)


def serve(listener: Any, app: WsgiApp, max_size: int) -> None:
    """Start serving a WSGI application on *listener*, in the background.

    :param max_size: connections at once; further ones wait in the kernel's backlog.
    """
    if mode == "eventlet":
        import eventlet.wsgi

        spawn(
            lambda: eventlet.wsgi.server(
                listener,
                app,
                log=_Errors(),
                max_size=max_size,
                log_output=False,
                debug=False,
                protocol=_eventlet_protocol(),
                # One request per connection: the server does not wait for another.
                keepalive=False,
                socket_timeout=REQUEST_TIMEOUT_SECONDS,
            )
        )
    else:
        from gevent.pool import Pool
        from gevent.pywsgi import WSGIServer

        WSGIServer(
            listener,
            app,
            spawn=Pool(max_size),
            log=None,
            error_log=_Errors(),
            handler_class=_gevent_handler(),
        ).start()


class _Errors:
    """Where servers report failed requests: the relay's log."""

    def write(self, text: str) -> None:
        if "Traceback" in text:
            _log().error("a request failed", extra={"exception": text.strip("\n")})
        elif text.strip():
            # The client's doing: it sent something other than HTTP, or went away.
            _log().debug("%s", text.strip("\n"))

    def flush(self) -> None:
        """Do nothing: no text is buffered, but servers call this."""

    def error(self, text: str, *_args: object) -> None:
        self.write(text)

    info = debug = exception = warning = error


class _TooSlow(ValueError, OSError):
    """No request came in time. One caller in gevent takes this for a client's mistake, the other for a closed peer."""


def _eventlet_protocol() -> type:
    import eventlet
    from eventlet.wsgi import HttpProtocol

    from runtail.forwarded import HEADERS

    class Protocol(HttpProtocol):  # type: ignore[misc, unused-ignore]
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            # The base class would write to standard error that a client sent something other than HTTP.
            _log().debug(format, *args)

        def handle_one_request(self) -> None:
            # The server takes a timeout for an end that it need not report.
            self.patience = eventlet.Timeout(REQUEST_TIMEOUT_SECONDS, TimeoutError("no request came"))
            try:
                super().handle_one_request()
            finally:
                self.patience.cancel()

        rfile: Any

        def parse_request(self) -> bool:
            file = self.rfile
            self.rfile = self.head = _Head(file)
            try:
                return bool(super().parse_request())
            finally:
                self.rfile = file

        def get_environ(self) -> dict[str, Any]:
            # The request line and the headers have arrived.
            self.patience.cancel()
            environ = cast("dict[str, Any]", super().get_environ())
            environ[HEADERS] = self.head.headers()
            return environ

    return Protocol


def _gevent_handler() -> type:
    from gevent import Timeout
    from gevent.pywsgi import WSGIHandler

    from runtail.forwarded import HEADERS

    class Handler(WSGIHandler):  # type: ignore[misc, unused-ignore]
        def handle_one_request(self) -> Any:
            self.patience = Timeout.start_new(REQUEST_TIMEOUT_SECONDS, _TooSlow("no request came"))
            try:
                return super().handle_one_request()
            finally:
                self.patience.close()

        def MessageClass(self, file: Any, *args: Any) -> Any:  # noqa: N802 - the base class's name
            self.head = _Head(file)
            return super().MessageClass(self.head, *args)

        def get_environ(self) -> dict[str, Any]:
            self.patience.close()
            environ = cast("dict[str, Any]", super().get_environ())
            environ["runtail.handler"] = self
            environ[HEADERS] = self.head.headers()
            return environ

    return Handler


class _Head:
    """Notes what a server reads of a request's headers."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._bytes = bytearray()

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._file.readline(limit)
        self._bytes += line
        return line

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return names and values as they came.

        Both servers take any kind of line end for the end of a header. Only CR LF is one, so whatever else comes stays
        in the value, where it can be seen.
        """
        found: list[tuple[str, str]] = []
        for line in self._bytes.decode("latin-1").split("\r\n"):
            if found and line[:1] in (" ", "\t"):
                found[-1] = (found[-1][0], f"{found[-1][1]}\r\n{line}")
            elif line:
                name, _, value = line.partition(":")
                found.append((name.strip(" \t"), value.strip(" \t")))
        return tuple(found)


def take_socket(environ: dict[str, Any]) -> Any:
    """Take the connection away from the WSGI server, to speak WebSocket on it.

    The server no longer reads or writes it; the caller returns
    :func:`taken` when the connection is over.
    """
    if mode == "eventlet":
        # A drain must not wait for this connection as it does for a request that is being answered.
        environ["eventlet.set_idle"]()
        return environ["eventlet.input"].get_socket()
    return environ["runtail.handler"].socket


def taken(environ: dict[str, Any]) -> list[bytes]:
    """Return the value that a WSGI application must return after :func:`take_socket`."""
    if mode == "eventlet":
        import eventlet.wsgi

        eventlet.wsgi.WSGI_LOCAL.already_handled = True
    else:
        environ["runtail.handler"].close_connection = True
    return []


def non_blocking(green: Any) -> NonBlocking:
    """Return the socket below a cooperative one; its ``send`` never waits and never yields."""
    if mode == "eventlet":
        return cast(NonBlocking, green.fd)
    if mode == "gevent":
        return cast(NonBlocking, green._sock)
    return cast(NonBlocking, green)


def readable(green: Any) -> bool:
    """Tell whether a cooperative socket has something to read now. Asks the kernel; never waits, never yields."""
    poller = _poll()
    poller.register(green.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def hung_up(green: Any) -> bool:
    """Tell whether the peer of a cooperative socket has closed it, read or not. Asks the kernel; never waits."""
    poller = _poll()
    poller.register(green.fileno(), _HUNG_UP)
    return bool(poller.poll(0))
