"""Where the application is mounted: ``RUNTAIL_BASE_PATH``. Routes do not know it; addresses that we write have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import request

from runtail.forwarded import WsgiApp

#: The request's key that tells that its path is not under the base path.
OUTSIDE: Final = "runtail.outside"
#: The request's key for its whole path.
PATH: Final = "runtail.path"


class Mount:
    """WSGI middleware that takes the base path off the path of every request.

    Requests for other paths go on as they are, so that their answer has the same headers as all others; see
    :mod:`runtail_web.guard`.

    :param base_path: empty, or a path like ``/a/b``.
    """

    def __init__(self, app: WsgiApp, base_path: str) -> None:
        self._app = app
        self._base_path = base_path

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request."""
        path = environ[PATH] = str(environ.get("PATH_INFO") or "/")
        environ[OUTSIDE] = not f"{path}/".startswith(f"{self._base_path}/")
        # Nobody else may say where we are mounted: neither a header nor the server's own environment.
        environ["SCRIPT_NAME"] = self._base_path
        if not environ[OUTSIDE]:
            environ["PATH_INFO"] = path[len(self._base_path) :] or "/"
        return self._app(environ, start_response)


def here(path: str) -> str:
    """Return the address, on this host, of a path of ours.

    :param path: without the base path, such as ``/runs/x``.
    """
    return f"{request.script_root}{path}"
