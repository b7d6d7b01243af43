"""The relay, run as a program, with people who have rights: ``X-Test-Principal`` says who connects."""

import os

from runtail_socket import runtime

# Before any other import, as in the relay itself.
runtime.patch(os.environ.get("RUNTAIL_SOCKET_ASYNC_MODE", "eventlet"))

from typing import Any  # noqa: E402

from runtail import logs  # noqa: E402
from runtail.access.principal import Principal  # noqa: E402
from runtail.settings import load_settings  # noqa: E402
from runtail_socket.service import Service  # noqa: E402
from tests.support.grants import GRANTS  # noqa: E402


def identify(environ: dict[str, Any]) -> Principal | None:
    """Return who connects."""
    name = environ.get("HTTP_X_TEST_PRINCIPAL", "")
    return Principal("user", f"user:{name}", name, GRANTS[name]) if name in GRANTS else None


if __name__ == "__main__":
    logs.set_up("relay", "runtail_socket", os.environ)
    Service(load_settings(os.environ), identify).run()
