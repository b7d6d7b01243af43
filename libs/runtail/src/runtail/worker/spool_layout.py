"""The layout of a run's spool: the memfd that keeper and shipper share.

================  ==================================================================
offset            content
================  ==================================================================
0                 output from the pipe; the file position is the number of bytes taken
``JOURNAL``       the state that a successor of the shipper needs (``shipper/output/journal.py``)
``DROPPED``       how many bytes the keeper threw away, as ``DROPPED_COUNT``
================  ==================================================================

The file is sparse: the gaps cost nothing.
"""

from __future__ import annotations

import errno
import fcntl
import struct

#: Output never gets here (1 TiB).
JOURNAL = 1 << 40
#: After the journal.
DROPPED = 1 << 41
DROPPED_COUNT = struct.Struct("<Q")


def lock(memfd: int) -> bool:
    """Lock a spool while this process lives and has it open; return False if another process has the lock.

    Two processes that splice into one file overwrite each other's bytes.
    """
    try:
        fcntl.lockf(memfd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A sandbox without such locks cannot tell who has the spool.
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True


def unlock(memfd: int) -> None:
    """Let others lock the spool again.

    :raises OSError: where such locks do not exist.
    """
    fcntl.lockf(memfd, fcntl.LOCK_UN)
