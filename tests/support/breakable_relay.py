"""The relay, run as a program, with greenlets that are killed or stand still when somebody asks for it by a file.

``kill-listener-<port>`` and ``kill-reader-<port>`` end a greenlet of the relay on that port;
``stall-listener-<port>`` and ``stall-reader-<port>`` let it wait for ever at its next turn. The folder of these
files stands in ``TEST_FAULTS``; each
is taken away when it is seen. ``TEST_STUCK_SECONDS`` is how long no round may begin.
"""

import os

from runtail_socket import runtime

# Before any other import, as in the relay itself.
runtime.patch(os.environ.get("RUNTAIL_SOCKET_ASYNC_MODE", "eventlet"))

import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from runtail_socket import service  # noqa: E402
from runtail_socket.__main__ import main  # noqa: E402
from runtail_socket.reading.listener import Listener  # noqa: E402
from runtail_socket.reading.puller import Puller  # noqa: E402
from runtail_socket.reading.reader import Reader  # noqa: E402

#: The greenlets that run loops, by name.
running: dict[str, Any] = {}
stalled: set[str] = set()


def known(loop: Callable[[Any], None], name: str) -> Callable[[Any], None]:
    """Return the loop, noting the greenlet that runs it."""

    def run(self: Any) -> None:
        running[name] = current()
        loop(self)

    return run


def stalling(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return the method, which never returns once it is to stand still."""

    def call(*args: Any) -> Any:
        if name in stalled:
            threading.Event().wait()
        return method(*args)

    return call


def current() -> Any:
    """The greenlet that asks."""
    if runtime.mode == "eventlet":
        import eventlet

        return eventlet.getcurrent()
    import gevent

    return gevent.getcurrent()


def wrap(owner: type, method: str, how: Callable[..., Callable[..., Any]], name: str) -> None:
    """Replace a method by what *how* makes of it."""
    setattr(owner, method, how(getattr(owner, method), name))


def kill(victim: Any) -> None:
    """End a greenlet from another one."""
    if runtime.mode == "eventlet":
        import eventlet

        eventlet.kill(victim)
    else:
        victim.kill()


def taken(file: Path) -> bool:
    """Whether the file was there; it is no more."""
    found = file.exists()
    file.unlink(missing_ok=True)
    return found


def obey(folder: Path) -> None:
    """Do what the files ask for, for ever."""
    port = os.environ["RUNTAIL_SOCKET_PORT"]
    while True:
        for name in ("listener", "reader"):
            if taken(folder / f"kill-{name}-{port}"):
                kill(running[name])
            if taken(folder / f"stall-{name}-{port}"):
                stalled.add(name)
        time.sleep(0.05)


if __name__ == "__main__":
    wrap(Listener, "run", known, "listener")
    wrap(Reader, "run", known, "reader")
    wrap(Listener, "_sort", stalling, "listener")
    wrap(Puller, "pull", stalling, "reader")
    runtime.spawn(obey, Path(os.environ["TEST_FAULTS"]))
    service.STUCK_SECONDS = float(os.environ.get("TEST_STUCK_SECONDS", service.STUCK_SECONDS))
    sys.exit(main())
