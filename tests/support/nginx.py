"""A stock nginx before a service, as people put one there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.continuous_integration import lacking
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_for

#: `proxy_pass` and nothing that Runtail would need; the rest keeps it inside a folder, as whoever runs the tests.
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    {body}
  }}
}}
"""


@contextmanager
def nginx_before(upstream: str, folder: Path, more: str = "", body: str = "") -> Iterator[str]:
    """Run one until the end of the ``with``, and give its address.

    :param upstream: the address of the service.
    :param more: of the server's block.
    :param body: the whole block instead of *more* and the location that leads to the service.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        lacking("no nginx", "apt install nginx-light")
    port = free_port()
    configuration = folder / "nginx.conf"
    body = body or f"{more}\n    location / {{ proxy_pass {upstream}; }}"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, body=body))
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=5).status_code < 500
        except httpx.TransportError:
            return False

    with Process([program, "-c", configuration, "-e", "stderr"], folder, name=f"nginx-{port}") as process:
        wait_for(answers, 20, process.evidence)
        yield url
