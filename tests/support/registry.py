"""A registry of images and charts on this machine: Debian's docker-registry."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.continuous_integration import lacking
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_for

START_SECONDS = 30.0


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Start one with its data in a folder, and give its ``host:port``, without TLS."""
    program = shutil.which("docker-registry")
    if program is None:
        lacking("no registry", "apt install docker-registry")
    address = f"127.0.0.1:{free_port()}"
    configuration = folder / "registry.yml"
    settings = {"storage": {"filesystem": {"rootdirectory": str(folder / "data")}}, "http": {"addr": address}}
    # JSON is YAML.
    configuration.write_text(json.dumps({"version": 0.1, **settings}))
    with Process([program, "serve", configuration], folder, name="registry") as process:

        def answers() -> bool:
            try:
                return httpx.get(f"http://{address}/v2/").status_code == 200
            except httpx.TransportError:
                return False

        wait_for(answers, START_SECONDS, process.evidence)
        yield address
