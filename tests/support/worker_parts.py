"""The processes of a worker by what they do, and killing them in any order."""

import contextlib
import time
from collections.abc import Sequence

import psutil

from tests.support.fleet import Member

ROLES = ("main", "child", "keeper", "shipper")


def part(member: Member, role: str) -> psutil.Process | None:
    """The process of a worker that has this part now, if there is one."""
    for process in member.processes():
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            found = {
                "main": process.pid == member.process.pid,
                "keeper": "worker/keeper" in command,
                "shipper": "runtail.worker.shipper" in command and "worker/keeper" not in command,
                "child": process.ppid() == member.process.pid and "worker/keeper" not in command,
            }
            if found[role]:
                return process
    return None


def kill_in_order(member: Member, roles: Sequence[str], pause_seconds: float) -> None:
    """SIGKILL one after the other; one that is gone already is passed over."""
    for role in roles:
        process = part(member, role)
        if process is not None:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(pause_seconds)
