"""The relay, run as a program, with people who have rights: ``X-Test-Principal`` says who connects."""

import os

from runtail_socket import runtime

# Before any other import, as in the relay itself.
runtime.patch(os.environ.get("RUNTAIL_SOCKET_ASYNC_MODE", "eventlet"))

from collections.abc import Mapping  # noqa: E402
from typing import Any  # noqa: E402

from runtail import logs  # noqa: E402
from runtail.access.principal import Principal  # noqa: E402
from runtail.settings import load_settings  # noqa: E402
from runtail.store import Store  # noqa: E402
from runtail_socket.service import Service  # noqa: E402
from tests.support.grants import principal  # noqa: E402

STORE = Store(load_settings(os.environ))


def identify(environ: Mapping[str, Any]) -> Principal | None:
    """Return who connects."""
    return principal(environ.get("HTTP_X_TEST_PRINCIPAL", ""), STORE, "run-of-own")


if __name__ == "__main__":
    logs.set_up("relay", "runtail_socket", os.environ)
    Service(load_settings(os.environ), identify).run()
