"""Free TCP ports on the loopback interface."""

import socket

# The kernel may give out a port again as soon as it is closed, before the
# server that we chose it for has bound it.
_given_out: set[int] = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on.

    Never the same one twice in this process. Another process may still take it
    first, so servers that can bind port 0 themselves should.
    """
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _given_out:
            _given_out.add(port)
            return port
