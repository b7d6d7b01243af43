"""A child process of ``runtail dev``: its output line by line, and its end in words."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

#: This many last lines are shown if a child ends by itself.
TAIL_LINES: Final = 15
READ_BYTES: Final = 65536
#: A longer line is shown in pieces.
MAX_LINE_BYTES: Final = 65536


class Child:
    """A process in its own session: Ctrl-C reaches only ``runtail dev``, which ends the others in order.

    :raises OSError: if it cannot be started.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        reading, writing = os.pipe()
        try:
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        #: The pipe with its output; None after the end of the output.
        self.fd: int | None = reading
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session and process group."""
        return self._popen.pid

    @property
    def ended(self) -> bool:
        """True if the process is gone; processes that it started may still run."""
        return self._popen.poll() is not None

    def lines(self) -> list[bytes]:
        r"""Return the lines that can be read now, without ``\n``."""
        if self.fd is None:
            return []
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            self.close()
            found, self._rest = ([self._rest] if self._rest else []), b""
        else:
            *found, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > MAX_LINE_BYTES:
                found.append(self._rest)
                self._rest = b""
        self.tail.extend(line.decode(errors="replace") for line in found)
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                self._popen.send_signal(number)

    def kill(self) -> None:
        """Kill the process and its process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Stop reading the output."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def end(self) -> str:
        """Return how the process ended, in words."""
        status = self._popen.poll()
        if status is None:
            return "still runs"
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"was killed by signal {-status} ({signal.Signals(-status).name})"
            return f"was killed by signal {-status}"
        return f"ended with status {status}"
