"""Tasks that die, and tasks that start more than they wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Annotated, Literal

from runtail_worker.app import app


class DemoError(Exception):
    """Raised by ``demo.crash``."""


@app.task(name="demo.crash")
def crash(how: Literal["exception", "exit", "os._exit", "sigkill", "memory"] = "exception") -> None:
    """Die.

    ``memory`` allocates until something stops it. Under Kubernetes with
    cgroup v2 that is the kernel killing the whole container, shipper included:
    the run is found lost, and what was written in the last moment is missing.
    On a machine without a limit it stops by itself at 8 GiB.

    :param how: In which way.
    """
    print(f"About to die by {how}")
    if how == "exception":
        raise DemoError("this is what a failing task looks like")
    if how == "exit":
        sys.exit(3)
    if how == "os._exit":
        # os._exit does not flush Python's buffers; the line above was flushed at its end.
        os._exit(3)
    if how == "sigkill":
        os.kill(os.getpid(), signal.SIGKILL)
    hoard: list[bytearray] = []
    for gibibytes in range(8):
        # Fill the memory; otherwise the kernel would only promise it.
        hoard.extend(bytearray(b"x") * (64 << 20) for _ in range(16))
        print(f"Holding {gibibytes + 1} GiB")
    raise DemoError("nothing stopped this task at 8 GiB: it runs without a memory limit")


@app.task(name="demo.tree")
def tree(seconds: Annotated[float, {"minimum": 0}] = 60.0) -> None:
    """Start children and grandchildren, some in sessions of their own, and wait.

    Cancel it: all of them are gone then.

    :param seconds: How long they live.
    """
    nap = f"sleep {seconds:g}"
    commands = {
        "child": (nap, False),
        "child and grandchild": (f"{nap} & {nap}", False),
        "own session": (nap, True),
        "daemon": (f"({nap} >/dev/null 2>&1 &) ; exit 0", True),
        "without environment": (f"env -i {nap}", True),
        "ignores TERM": (f"trap '' TERM; {nap}; {nap}", False),
    }
    started = []
    for name, (command, own_session) in commands.items():
        process = subprocess.Popen(["/bin/sh", "-c", command], start_new_session=own_session)
        print(f"{name}: pid {process.pid}")
        started.append(process)
    deadline = time.monotonic() + seconds
    for process in started:
        process.wait(timeout=max(0.0, deadline + 5 - time.monotonic()))
    print("All children are gone")
