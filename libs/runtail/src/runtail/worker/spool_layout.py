"""Where what stands in a run's spool: the memfd that keeper and shipper share.

================  ==================================================================
offset            content
================  ==================================================================
0                 output, from the pipe; the file position is how much was taken
``JOURNAL``       what a successor of the shipper needs (``shipper/output/journal.py``)
``DROPPED``       how many bytes the keeper threw away, as ``DROPPED_COUNT``
================  ==================================================================

The file is sparse: what lies between costs nothing.
"""

from __future__ import annotations

import errno
import fcntl
import struct

#: Output never gets here (1 TiB).
JOURNAL = 1 << 40
#: Behind the journal.
DROPPED = 1 << 41
DROPPED_COUNT = struct.Struct("<Q")


def lock(memfd: int) -> bool:
    """Lock a spool for this process, for as long as it lives or has it open; False if another one has it.

    Two processes that splice into one file overwrite each other's bytes.
    """
    try:
        fcntl.lockf(memfd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A sandbox without such locks has nothing that could be asked.
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True


def unlock(memfd: int) -> None:
    """Let others lock it again.

    :raises OSError: where there are no such locks.
    """
    fcntl.lockf(memfd, fcntl.LOCK_UN)
