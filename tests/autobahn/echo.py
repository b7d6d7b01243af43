"""``python -m tests.autobahn.echo PORT MODE``: echoes messages over the relay's own WebSocket, until it is ended."""

from __future__ import annotations

import re
import sys

from runtail_socket import runtime

runtime.patch(sys.argv[2])

from collections.abc import Callable, Iterable  # noqa: E402
from typing import Any  # noqa: E402

from runtail.listening import listen  # noqa: E402
from runtail_socket.transport import incoming  # noqa: E402
from runtail_socket.transport.handshake import Refused, answer_handshake, headers_of  # noqa: E402
from runtail_socket.transport.websocket import WebSocket  # noqa: E402

# The suite sends thousands of frames as fast as it can, which tells nothing of the protocol.
incoming.FRAMES_BURST = incoming.FRAMES_PER_SECOND = 1e9


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer each message with itself."""
    try:
        accepted = answer_handshake(headers_of(environ), environ["PATH_INFO"])
    except Refused as refused:
        start_response(refused.status, [("Content-Type", "text/plain"), *refused.headers])
        return [f"{refused}.\n".encode()]
    green = runtime.take_socket(environ)
    green.sendall(accepted.answer)
    web_socket = WebSocket(green, accepted.protocol, 30, re.compile(""))
    try:
        while (message := web_socket.wait()) is not None:
            web_socket.send(message)
    except OSError:
        # Whoever sent it does not wait for its echo.
        web_socket.abort()
    web_socket.close()
    return runtime.taken(environ)


if __name__ == "__main__":
    import threading

    listener = listen("127.0.0.1", int(sys.argv[1]))
    runtime.serve(listener, echo, 100)
    print("echoing", flush=True)
    threading.Event().wait()
