"""``python -m runtail_web``."""

from __future__ import annotations

import logging
import os
import sys

from runtail.errors import ConfigError
from runtail.settings import load_settings
from runtail_web.server import WebServer


def main() -> int:
    """Serve until told to stop; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        server = WebServer(load_settings(os.environ))
    except ConfigError as error:
        sys.stderr.write(f"runtail-web: {error}\n")
        return 2
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
