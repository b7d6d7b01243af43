"""``python -m runtail_socket``: the relay."""

import os

from runtail_socket import runtime

# Before any other import: a module imported earlier keeps the blocking version.
flaw = runtime.patch(os.environ.get("RUNTAIL_SOCKET_ASYNC_MODE", "eventlet"))

import logging  # noqa: E402
import sys  # noqa: E402

from runtail import logs  # noqa: E402
from runtail.arguments import refuse_arguments  # noqa: E402
from runtail.auth.modes import check_listening  # noqa: E402
from runtail.errors import ConfigError, RuntailError  # noqa: E402
from runtail.guard import check_at_start  # noqa: E402
from runtail.settings import load_settings  # noqa: E402
from runtail_socket.service import Service  # noqa: E402

log = logging.getLogger("runtail_socket")


def main() -> int:
    """Run the relay and return its exit status."""
    logs.set_up("relay", "runtail_socket", os.environ)
    try:
        if flaw:
            raise ConfigError(flaw)
        refuse_arguments("runtail_socket", sys.argv[1:])
        runtime.log_errors()
        settings = load_settings(os.environ)
        check_listening(settings, {"RUNTAIL_SOCKET_HOST": settings.socket_host})
        check_at_start(settings)
        Service(settings).run()
    except ConfigError as error:
        log.error("%s", error)
        return 2
    except (RuntailError, OSError) as error:
        # An OSError's own text begins with its number.
        log.error("%s", getattr(error, "strerror", None) or error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
