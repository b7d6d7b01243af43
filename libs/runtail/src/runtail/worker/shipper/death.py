"""How a process that we did not start ended."""

import fcntl
import os
import signal
import struct
from typing import Final

from runtail.worker.shipper.run import Death

#: struct pidfd_info, first version: mask, cgroup, twelve ids, exit code.
_INFO: Final = struct.Struct("=QQ11Ii")
_EXIT: Final = 1 << 3
#: _IOWR(0xFF, 11, struct pidfd_info)
_PIDFD_GET_INFO: Final = 3 << 30 | _INFO.size << 16 | 0xFF << 8 | 11


def exit_of(pidfd: int) -> Death | None:
    """Return the exit of a process that has been reaped.

    None until it has been reaped, and on kernels before 6.15.
    """
    try:
        answer = fcntl.ioctl(pidfd, _PIDFD_GET_INFO, _INFO.pack(_EXIT, *[0] * 13))
    except OSError:
        return None
    fields = _INFO.unpack(answer)
    if not fields[0] & _EXIT:
        return None
    code = os.waitstatus_to_exitcode(fields[-1] & 0xFF7F)
    return Death(signal=-code) if code < 0 else Death(exit_status=code)


def name_of(number: int) -> str:
    """Return ``SIGKILL`` for 9; empty if the number has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
