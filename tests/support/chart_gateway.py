"""The chart's gateway before services of a test: an nginx with the chart's own configuration."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.chart import find, render
from tests.support.continuous_integration import lacking
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_for

START_SECONDS = 30.0


@contextmanager
def started(
    folder: Path, relay: str, web: str, webs: Sequence[str] = (), values: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Run an nginx with the chart's configuration, of which only names, ports and folders are others; give its address.

    :param relay: the address of the relay.
    :param web: the address of the web service.
    :param webs: where connections for assets go in turn, as a Service's do by chance; empty: to the same one.
    :param values: the chart's.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        lacking("no nginx", "apt install nginx-light")
    data = find(render(values), "ConfigMap", "runtail-gateway")["data"]
    port = free_port()
    text = data["nginx.conf"].replace("/tmp/", f"{folder}/").replace("/etc/runtail/", f"{folder}/")
    services = {"runtail-web-http:8000": chain([web], cycle(webs or [web])), "runtail-relay-ws:8010": repeat(relay)}
    for name, addresses in services.items():
        first, *others = text.split(name)
        assert others
        text = first + "".join(urlsplit(next(addresses)).netloc + rest for rest in others)
    text = re.sub(r"listen 8080\b", f"listen 127.0.0.1:{port}", text)
    (folder / "nginx.conf").write_text(text)
    (folder / "headers.conf").write_text(data["headers.conf"])
    address = f"http://127.0.0.1:{port}"
    (folder / "start.sh").write_text(data["start.sh"])
    command = ["sh", str(folder / "start.sh"), str(folder / "nginx.conf")]
    path = {"PATH": f"{Path(program).parent}:{os.environ['PATH']}"}
    with Process(command, folder, name="gateway", environment=path) as process:

        def answers() -> bool:
            try:
                return httpx.get(f"{address}/healthz").text == "alive\n"
            except httpx.TransportError:
                return False

        wait_for(answers, START_SECONDS, process.evidence)
        yield address
