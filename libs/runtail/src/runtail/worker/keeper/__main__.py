"""The keeper: holds a duplicate of everything that a run needs, so that the run survives the shipper's death.

It is run by its path, as ``python -I -S .../worker/keeper <configuration as JSON>``, with the standard
library only, in one thread and without a store. The loop is in ``loop.py``. The keeper sits between the worker's
processes and the shipper:

    pool children ─ channel ─►┐                ┌── link ──► shipper
    Celery main   ─ channel ─►┤     keeper     ├◄── link ──
    Celery main   ◄── ctl ──►┘                └──► private socket of a run: "kept"

For every run it keeps the reading end of the pipe, one end of the run's private
socket, a pidfd of the task's process, and a memfd, the spool. The shipper
splices from the pipe into the memfd. Keeper and shipper share the memfd's file
position, which the kernel maintains: it is the number of bytes taken out of the
pipe. When a shipper is killed, the next one is started at once and given the same
descriptors; the task notices nothing.

The worker's main process holds duplicates of all of them (``celery_main/fd_backup.py``) and
hands them to the next keeper, so that even keeper and shipper may die together.

Neither of the two outlives its worker for long: once the worker has ended, everything
still held is stored within ``RUNTAIL_ORPHAN_SECONDS``, or given up with a message in
the worker's log. SIGTERM is obeyed after the worker's end, and only noted before:
stopping a whole process group must not destroy a task's output.

Rule: while a shipper lives, no other process touches a pipe. Two processes that
splice into one file overwrite each other's bytes. A shipper therefore locks the
spools that it works on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import types


def main() -> None:
    """Serve until the worker is gone."""
    # Ctrl-C and the worker's own signals must not reach the process that finishes
    # the worker's runs; the shipper inherits this.
    with contextlib.suppress(OSError):
        os.setsid()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    config = json.loads(sys.argv[1])
    for name in ("channel", "ctl", "main_pidfd"):
        if config[name] is not None:
            os.set_inheritable(config[name], False)
    _find_library()
    from runtail.worker.keeper.loop import Keeper

    kept = Keeper(config)
    signal.signal(signal.SIGTERM, kept.note_term)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    kept.serve()


def _find_library() -> None:
    """Make the modules beside this one importable without ``import runtail``, which would import all of Celery."""
    library = types.ModuleType("runtail")
    library.__path__ = [os.path.abspath(f"{os.path.dirname(__file__)}/../..")]  # noqa: PTH100, PTH120 (pathlib is slow to import)
    sys.modules["runtail"] = library


if __name__ == "__main__":
    main()
