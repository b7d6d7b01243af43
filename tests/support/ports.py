"""Free TCP ports on the loopback interface."""

import os
import socket
import threading
from collections.abc import Iterator

#: Below the range from which the kernel takes the local ports of connections (32768 and up on Linux):
#: there, any connection could take a port before the server that we chose it for has bound it.
_FIRST, _LAST = 10_000, 32_000
#: Ports are taken in blocks; the first of a block, held bound, keeps other test processes out of it.
_BLOCK = 200
_reservations: list[socket.socket] = []
#: A generator cannot be asked by two threads at once.
_one_asks = threading.Lock()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on.

    Never the same one twice in this process, and none that another process of
    the tests gets.
    """
    with _one_asks:
        return next(_ports)


def _free_ports() -> Iterator[int]:
    starts = list(range(_FIRST, _LAST, _BLOCK))
    offset = os.getpid() % len(starts)
    for start in starts[offset:] + starts[:offset]:
        reservation = socket.socket()
        try:
            reservation.bind(("127.0.0.1", start))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        yield from filter(_is_free, range(start + 1, start + _BLOCK))
    raise RuntimeError(f"no free port between {_FIRST} and {_LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_ports = _free_ports()
