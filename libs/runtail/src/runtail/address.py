"""The address of a Redis or Valkey server: one parser of its URL for the store, the broker and results.

::

    redis://user:password@host:6379/0                         rediss:// the same over TLS
    unix://user:password@/path?db=0                           redis+socket://, kombu's word for it, too
    redis+sentinel://user:password@host:26379,host/0?master=  rediss+sentinel:// the same over TLS
    sentinel://:password@host:26379/0;sentinel://host:26379   kombu's way to write that

Each client library reads such a URL in its own way: kombu does not verify a certificate unless told to, while redis-py
does; kombu has no options for sentinels in a URL. So this module reads it once and gives each library its own options.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypedDict
from urllib.parse import parse_qsl, quote, unquote, urlencode

from runtail.errors import ConfigError

_SERVER: Final = {"redis": False, "rediss": True}
_SOCKET: Final = ("unix", "redis+socket")
_SENTINEL: Final = {"sentinel": False, "redis+sentinel": False, "rediss+sentinel": True}
_PORT, _SENTINEL_PORT = 6379, 26379

_CERT_REQS: Final = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}
_ON: Final = ("true", "on", "1", "yes")
_OFF: Final = ("false", "off", "0", "no")
_HOST: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]*))(?::([^:]*))?")
#: Text in the place of a port that is not a number: perhaps a password.
_NO_PORT: Final = re.compile(r":[^\]:,;/]*[^\d\]:,;/][^\]:,;/]*(?=[,;/]|$)")


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server's certificate is checked, and which one we present. The names are redis-py's and kombu's."""

    ssl_cert_reqs: str = "required"
    ssl_check_hostname: bool = True
    #: Paths; empty: the system's authorities, and no certificate of our own.
    ssl_ca_certs: str = ""
    ssl_certfile: str = ""
    ssl_keyfile: str = ""

    def options(self) -> dict[str, Any]:
        """Return the options for redis-py, also through kombu.

        :raises ConfigError: if a file cannot be read.
        """
        found: dict[str, Any] = {
            "ssl_cert_reqs": _CERT_REQS[self.ssl_cert_reqs],
            # Python refuses to check the name of a certificate that is not verified.
            "ssl_check_hostname": self.ssl_check_hostname and self.ssl_cert_reqs != "none",
        }
        for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
            path = getattr(self, name)
            if path:
                try:
                    with Path(path).open("rb"):
                        found[name] = path
                except OSError as error:
                    raise ConfigError(f"{name}={path} cannot be read: {error.strerror}") from None
        return found


_TLS_NAMES: Final = tuple(field.name for field in fields(Tls))
_KNOWN: Final = {
    "redis": ("db",),
    "rediss": ("db", *_TLS_NAMES),
    "unix": ("db", "virtual_host"),
    "sentinel": (
        *("db", "master", "master_name", "sentinel_username", "sentinel_password", "sentinel_tls"),
        *_TLS_NAMES,
        *(f"sentinel_{name}" for name in _TLS_NAMES),
    ),
}


class _Login(TypedDict):
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Address:
    """One server, or the group of sentinels that know which server it is.

    :param hosts: name or address and port of the server or of each sentinel; empty for a socket.
    :param path: the path of the socket.
    :param master: the server's name among the sentinels; empty if the hosts are not sentinels.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    database: int = 0
    username: str = ""
    password: str = ""
    tls: Tls | None = None
    master: str = ""
    sentinel_username: str = ""
    sentinel_password: str = ""
    sentinel_tls: Tls | None = None

    @property
    def login(self) -> dict[str, str]:
        """``username`` and ``password``, if they are set."""
        return _login(self.username, self.password)

    @property
    def sentinel_login(self) -> dict[str, str]:
        """The login at the sentinels, in the same form."""
        return _login(self.sentinel_username, self.sentinel_password)

    @property
    def is_verified(self) -> bool:
        """False if certificates of the server or of the sentinels are not checked; without TLS there are none."""
        return all(tls is None or tls.ssl_cert_reqs != "none" for tls in (self.tls, self.sentinel_tls))

    @property
    def scheme(self) -> str:
        """The scheme of its URL."""
        if self.path:
            return "unix"
        return ("rediss" if self.tls else "redis") + ("+sentinel" if self.master else "")

    @property
    def shown(self) -> str:
        """Its URL in a form that may be shown: without login and options, one of which is a password."""
        if self.path:
            return f"unix://{self.path}"
        return f"{self.scheme}://{','.join(map(_host_and_port, self.hosts))}/{self.database}"

    @property
    def url(self) -> str:
        """A URL that parses to this same address, with all secrets in it."""
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@" if self.login else ""
        options: dict[str, str] = {}
        if self.path:
            options["db"] = str(self.database)
        if self.master:
            options["master"] = self.master
            options |= {f"sentinel_{name}": text for name, text in self.sentinel_login.items()}
            if bool(self.sentinel_tls) != bool(self.tls):
                options["sentinel_tls"] = _word(bool(self.sentinel_tls))
        if self.tls:
            options |= _differing(self.tls, "ssl_", Tls())
        if self.sentinel_tls:
            options |= _differing(self.sentinel_tls, "sentinel_ssl_", self.tls or Tls())
        scheme, _, rest = self.shown.partition("://")
        return f"{scheme}://{login}{rest}" + (f"?{urlencode(options)}" if options else "")


def host_in_url(host: str) -> str:
    """Return a name or an address as written in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def is_redis(url: str) -> bool:
    """Tell whether a URL names a Redis or Valkey server, even if it is wrong otherwise."""
    return url.partition("://")[0] in {*_SERVER, *_SOCKET, *_SENTINEL}


def hide_password(url: str) -> str:
    """Return any URL, even a malformed one, in a form that may be shown: without login and options."""
    scheme, separator, rest = url.partition("://")
    before, mark, query = rest.partition("?")
    if mark and "@" in query:
        # Either a password contains a "?", or an option contains an "@".
        return f"{scheme}{separator}…"
    # A wrong address may have its "@" anywhere: everything before the last one is hidden.
    return scheme + separator + _NO_PORT.sub(":…", before.rpartition("@")[2].partition("#")[0])


def parse(url: str, what: str) -> Address:
    """Read a URL for which :func:`is_redis` holds.

    :param what: the name of the URL in an error message, such as "the store's URL".
    :raises ConfigError: if the URL cannot be used; the message contains no secret.
    """
    try:
        return _parse(url)
    except ValueError as error:
        raise ConfigError(f"{what} {hide_password(url)} cannot be used: {error}") from None


def _parse(url: str) -> Address:
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    kind = "unix" if scheme in _SOCKET else "sentinel" if scheme in _SENTINEL else scheme
    if kind == "sentinel":
        # kombu repeats the scheme, and may repeat login and database, for each sentinel.
        rest = re.sub(rf";(?:{re.escape(scheme)}://)?", ",", rest)
    if "#" in rest or "@" in query or "#" in query or any("@" in one.partition("/")[2] for one in rest.split(",")):
        raise ValueError("write '/', '?', '#', ',' and '@' in a user or password as %2F, %3F, %23, %2C and %40")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in _KNOWN[kind]:
            hint = "; TLS begins with rediss://" if name.startswith("ssl_") else ""
            raise ValueError(f"it has the option {name!r:.80}; known are {', '.join(_KNOWN[kind])}{hint}")
    if kind == "unix":
        login, _, path = rest.rpartition("@")
        database = options.get("db", options.get("virtual_host", "0"))
        if not path.strip("/"):
            raise ValueError("it names no socket; write unix:///path/to/the.sock")
        return Address(path="/" + path.strip("/"), database=_database(database), **_read_login(login))
    logins, hosts, databases = [], [], []
    for one in rest.split(","):
        place, _, database = one.partition("/")
        login, _, host = place.rpartition("@")
        logins.append(login)
        hosts.append(_read_host(host, _SENTINEL_PORT if kind == "sentinel" else _PORT))
        databases.append(database.strip("/"))
    database = options.get("db") or next(filter(None, databases), "0")
    account = _read_login(next(filter(None, logins), ""))
    if kind != "sentinel":
        if len(hosts) > 1:
            raise ValueError("it names several servers; sentinels are written redis+sentinel://HOST,HOST/0?master=NAME")
        return Address(
            (hosts[0],), database=_database(database), tls=_read_tls(options) if _SERVER[scheme] else None, **account
        )
    return _read_sentinels(options, tuple(hosts), _database(database), account, tls=_SENTINEL[scheme])


def _read_sentinels(
    options: dict[str, str], hosts: tuple[tuple[str, int], ...], database: int, login: _Login, *, tls: bool
) -> Address:
    master = options.get("master") or options.get("master_name")
    if not master:
        raise ValueError("sentinels need the name of the server that they watch: ?master=NAME")
    sentinels_tls = _switch("sentinel_tls", options["sentinel_tls"]) if "sentinel_tls" in options else tls
    if not tls and not sentinels_tls and any(name in options for name in _TLS_NAMES):
        raise ValueError("it has options for TLS, which begins with rediss+sentinel://")
    return Address(
        hosts,
        database=database,
        tls=_read_tls(options) if tls else None,
        master=master,
        sentinel_username=options.get("sentinel_username", ""),
        sentinel_password=options.get("sentinel_password", ""),
        sentinel_tls=_read_tls(options, "sentinel_") if sentinels_tls else None,
        **login,
    )


def _read_tls(options: dict[str, str], prefix: str = "") -> Tls:
    """Read the TLS options with a prefix; the server's options apply to sentinels unless these have their own."""
    texts = {name: options.get(prefix + name, options.get(name)) for name in _TLS_NAMES}
    values: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
    if "ssl_check_hostname" in values:
        values["ssl_check_hostname"] = _switch("ssl_check_hostname", values["ssl_check_hostname"])
    if "ssl_cert_reqs" in values:
        values["ssl_cert_reqs"] = str(values["ssl_cert_reqs"]).lower().removeprefix("cert_")
        if values["ssl_cert_reqs"] not in _CERT_REQS:
            raise ValueError(f"ssl_cert_reqs is not one of {', '.join(_CERT_REQS)}")
    return Tls(**values)


def _switch(name: str, text: str) -> bool:
    if text.lower() not in (*_ON, *_OFF):
        raise ValueError(f"{name} is neither on nor off")
    return text.lower() in _ON


def _read_login(text: str) -> _Login:
    username, _, password = text.partition(":")
    return {"username": unquote(username), "password": unquote(password)}


# The errors below do not quote text that could be a misplaced password.


def _read_host(text: str, default_port: int) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    if found is None:
        raise ValueError(f"the host cannot be read; write an IPv6 address in brackets, as in [::1]:{default_port}")
    port = found[3] or str(default_port)
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise ValueError("the port is not a number from 1 to 65535")
    return found[1] or unquote(found[2]) or "localhost", int(port)


def _database(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError("the database is not a number; the usual one is 0")
    return int(text[:9])


def _login(username: str, password: str) -> dict[str, str]:
    return {name: text for name, text in (("username", username), ("password", password)) if text}


def _host_and_port(place: tuple[str, int]) -> str:
    host, port = place
    return f"{host_in_url(host)}:{port}"


def _word(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _differing(tls: Tls, prefix: str, usual: Tls) -> dict[str, str]:
    names = (name.removeprefix("ssl_") for name in _TLS_NAMES)
    return {
        f"{prefix}{name}": _word(value)
        for name in names
        if (value := getattr(tls, f"ssl_{name}")) != getattr(usual, f"ssl_{name}")
    }
