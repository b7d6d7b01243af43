"""What the bench ran on, and whether it can run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.bench.node_setup import node_version
from tests.bench.rig import Unfit, cores
from tests.support.redis_server import server_binary

#: Of Python, whose versions matter here.
_PACKAGES = ("eventlet", "gevent", "flask-socketio", "python-socketio", "python-engineio", "redis", "orjson")


def describe() -> dict[str, str]:
    """Return machine and versions, and where everything runs."""
    measured, others = cores()
    redis = subprocess.run([server_binary(), "--version"], capture_output=True, text=True, check=False).stdout
    return {
        "machine": f"{psutil.cpu_count()} cores ({_cpu()}), {psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES),
        "redis": redis.strip(),
        "node": node_version() or "none",
        "cores": f"servers on core {measured}; load, clients and Redis on core {others}",
        "load average": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def check_ports(ports: Sequence[int]) -> None:
    """See that the ports can be had.

    :raises Unfit: one is taken.
    """
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Unfit(f"Port {port} of 127.0.0.1 cannot be had: {error.strerror}.") from None
