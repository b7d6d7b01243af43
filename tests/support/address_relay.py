"""The relay, run as a program, that lets in only who comes from the address that ``X-Test-Address`` names."""

import os

from runtail_socket import runtime

# Before any other import, as in the relay itself.
runtime.patch(os.environ.get("RUNTAIL_SOCKET_ASYNC_MODE", "eventlet"))

from collections.abc import Mapping  # noqa: E402
from typing import Any  # noqa: E402

from runtail import logs  # noqa: E402
from runtail.access.principal import Principal  # noqa: E402
from runtail.runs.access import anyone_at  # noqa: E402
from runtail.settings import load_settings  # noqa: E402
from runtail_socket.service import Service  # noqa: E402


def identify(environ: Mapping[str, Any]) -> Principal | None:
    """Return who connects."""
    address = environ["REMOTE_ADDR"]
    return anyone_at(address) if address == environ["HTTP_X_TEST_ADDRESS"] else None


if __name__ == "__main__":
    logs.set_up("relay", "runtail_socket", os.environ)
    Service(load_settings(os.environ), identify).run()
