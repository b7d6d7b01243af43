"""All settings: one frozen object, read once, whose fields program, chart and docs share.

To add a setting, add a field to :class:`Settings`. ``make docs-tables chart`` then adds it to ``docs/settings.md`` and
to the chart's schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from runtail import logline
from runtail.address import Address, is_redis, parse
from runtail.errors import ConfigError
from runtail.origins import check_base_path, read_origins, read_public_url
from runtail.selection import Selection
from runtail.setting import Setting
from runtail.setting import setting as _setting
from runtail.signature import read_keys

#: Kubernetes sets such a value in every pod for a Service named runtail-web: RUNTAIL_WEB_PORT=tcp://10.96.3.7:8000.
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")
#: The longest time for which a share link can be made.
MAX_SHARE_SECONDS: Final = 7 * 86_400


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The values in force; values not given have their defaults. There is no ``repr``, because URLs hold passwords."""

    broker_url: str = _setting("redis://127.0.0.1:6379/0", "Celery's broker.", section="Where things are", secret=True)
    store_url: str = _setting(
        "", "Redis or Valkey >= 7 that keeps runs and logs. Empty: the broker's server.", secret=True
    )
    tls_insecure: bool = _setting(
        False, "Allow `ssl_cert_reqs=none` in these URLs: TLS without a check whose certificate it is."
    )
    key_prefix: str = _setting("runtail:", "Put before every key, so that several installations can share a server.")
    admin_host: str = _setting("127.0.0.1", "Address of the admin ports (health and metrics).")
    allow_eviction: bool = _setting(False, "Use a store that deletes keys by itself when its memory is full.")
    log_format: str = _setting(logline.DEFAULT_FORMAT, "Format of the services' own logs.", logline.FORMATS)
    log_level: str = _setting(
        logline.DEFAULT_LEVEL, "Lowest level that is logged; debug adds a line for each request.", logline.LEVELS
    )

    lease_seconds: float = _setting(10.0, "A writer that is silent for this long counts as gone.", section="Runs")
    beat_seconds: float = _setting(2.0, "How often a writer renews its lease.")
    unpublished_seconds: float = _setting(30.0, "A run whose message was not published within this time is closed.")
    vanished_seconds: float = _setting(
        30.0, "A queued run whose message has vanished is published again after this time."
    )
    claim_patience_seconds: float = _setting(
        5.0, "How long a task that Runtail did not start waits for a store that does not answer."
    )
    cancel_grace_seconds: float = _setting(10.0, "Time between SIGTERM and SIGKILL when a run is cancelled.")
    log_ttl_seconds: int = _setting(604800, "How long an ended run is kept.")
    idempotency_seconds: int = _setting(86400, "How long an idempotency key is remembered.")

    quota_bytes: int = _setting(
        64 * 1024 * 1024,
        "Output stored per run, counting 64 bytes more for each entry; beyond it the middle is cut.",
        section="The log",
    )
    head_bytes: int = _setting(1024 * 1024, "How much of the beginning a cut leaves.")
    budget_bytes: int = _setting(
        1024 * 1024 * 1024, "Memory that all ended runs may take in the store; above it the oldest go."
    )
    log_ceiling: float = _setting(0.85, "No output is stored while this part of the store's memory is in use.")
    store_bytes: int = _setting(0, "Memory of a store without maxmemory; 0: all that its machine has.")
    max_markers: int = _setting(10000, "Sections, warnings and errors recorded per run; more are counted.")
    retained_seconds: float = _setting(
        10.0, "How long a writer keeps what it wrote, to repair a store that rolled back."
    )
    retained_bytes: int = _setting(8 * 1024 * 1024, "The most that a writer keeps for that.")

    capture: bool = _setting(True, "Record what tasks write. Off: tasks run as without Runtail.", section="Capture")
    tasks: str = _setting(
        "*", "Names of the tasks that are recorded, comma-separated patterns; `!` excludes; the last match decides."
    )
    cr: str = _setting(
        "last",
        "Lines that are overwritten: store what a terminal shows at the end (last) or everything (keep).",
        ("last", "keep"),
    )
    split: bool = _setting(False, "A pipe each for stdout and stderr: they can be told apart, but their order is lost.")
    results: bool = _setting(True, "Keep what tasks return, up to 4 KiB, in the records of their runs.")
    echo: bool = _setting(True, "Write captured output to the worker's own stdout as well.")
    mask_env: str = _setting(
        "*_PASSWORD,*_SECRET,*_TOKEN,*_KEY,*_CREDENTIALS",
        "Environment variables whose values (and passwords in URLs) are masked in all output, comma-separated.",
    )
    overflow: str = _setting(
        "drop",
        "When the spool is full while the store is away: drop the oldest output, or block the task.",
        ("drop", "block"),
    )
    spool_bytes: int = _setting(64 * 1024 * 1024, "Output of all runs kept in memory while the store is away.")
    flush_seconds: float = _setting(0.05, "Output is stored at least this often.")
    # Not 64 KiB: with header and digest the entry would exceed Redis's 64 KiB allocation and take 80 KiB (+25 %).
    flush_bytes: int = _setting(63 * 1024, "Output is stored as soon as there is this much.")
    max_line_bytes: int = _setting(65536, "A longer line is divided into numbered pieces.")
    live_interval_seconds: float = _setting(0.1, "The shortest time between two updates of the unfinished line.")
    live_bytes: int = _setting(4096, "The most that is shown of the unfinished line.")
    late_seconds: float = _setting(60.0, "How long after the end of a run late output is counted in its record.")
    orphan_seconds: float = _setting(
        60.0, "How long keeper and shipper go on after their worker has ended, to store what they hold."
    )
    worker_drain_seconds: float = _setting(
        575.0, "How long tasks may go on when `runtail worker` is told to stop; then they are interrupted."
    )
    worker_admin_port: int = _setting(8021, "The worker's admin port; 0 turns it off.")
    health_dir: str = _setting("", "Folder for the worker's files `alive` and `ready`, for probes; empty: none.")
    demo_tasks: bool = _setting(True, "The reference worker has the demo tasks.")

    seal_keys: str = _setting(
        "",
        "Keys that encrypt secret parameters in messages, comma-separated, newest first; the same for web and workers.",
        section="Secrets",
        secret=True,
    )

    socket_host: str = _setting("127.0.0.1", "Address the relay listens on.", section="Relay")
    socket_port: int = _setting(8010, "Port the relay listens on.")
    socket_admin_port: int = _setting(8011, "The relay's admin port.")
    socket_url: str = _setting("", "Where browsers reach the relay; empty: the page's own origin.")
    socket_async_mode: str = _setting("eventlet", "The concurrency library of the relay.", ("eventlet", "gevent"))
    direct_send: bool = _setting(True, "Write frames straight to the socket when a viewer's queue is empty.")
    max_connections: int = _setting(2000, "Viewers per relay; one more is answered 503.")
    drain_seconds: float = _setting(10.0, "How long a relay that stops takes to disconnect its viewers, one by one.")
    sweep_seconds: float = _setting(1.0, "How often a relay compares watched runs with the store.")
    coalesce_seconds: float = _setting(0.1, "The longest pause between two reads of a busy relay.")
    frame_bytes: int = _setting(262144, "The largest frame a relay sends while a viewer catches up.")
    window_bytes: int = _setting(262144, "Bytes that a viewer may have left to acknowledge.")

    web_host: str = _setting("127.0.0.1", "Address the web service listens on.", section="Web")
    web_port: int = _setting(8000, "Port the web service listens on.")
    web_admin_port: int = _setting(8001, "The web service's admin port.")
    web_threads: int = _setting(16, "Requests served at once.")
    max_body_bytes: int = _setting(65536, "The largest request body.")
    request_seconds: float = _setting(10.0, "A connection whose request is incomplete after this time is closed.")
    stalled_seconds: float = _setting(
        30.0, "A client that reads nothing of its response for this long is disconnected."
    )
    search_seconds: float = _setting(20.0, "A search stops after this time and says where to continue.")
    allowed_hosts: str = _setting(
        "localhost,127.0.0.1,[::1]", "Host names that web and relay answer to, comma-separated."
    )
    allowed_origins: str = _setting("", "Origins of other pages that may use the API and the relay, comma-separated.")
    port_forward_command: str = _setting(
        "",
        "The command that the page on a loopback address shows when its server is gone; {port}: the page's port.",
    )
    public_url: str = _setting(
        "",
        "Scheme and host at which people reach Runtail, such as `https://runtail.example`. Both are allowed then. "
        "With https, browsers are told to use nothing else.",
    )
    proxy_hops: int = _setting(
        0, "Number of proxies in front of web and relay that add to `X-Forwarded-For`; 0: the header is not believed."
    )
    base_path: str = _setting("", "Path under which everything is, such as `/tools/runtail`; empty: `/`.")

    auth_mode: str = _setting(
        "none",
        "How people log in: `none`, `link`, `password`, `proxy`, `oidc`, or `oidc,password`.",
        section="Login",
    )
    auth_none_anywhere: bool = _setting(
        False, "With `none`, listen on other addresses than loopback: whoever reaches them is an administrator."
    )
    auth_policy_file: str = _setting(
        "", "File with the rights of users and groups (TOML). It is read again when it changes."
    )
    auth_users_file: str = _setting(
        "", "With `password`: file with lines `name:hash:group,group`. It is read again when it changes."
    )
    auth_admin_password: str = _setting(
        "", "With `password`: the password of the user `admin` in the group `admins`.", secret=True
    )
    auth_oidc_issuer: str = _setting(
        "",
        "With `oidc`: the provider's issuer, such as `https://login.example/realms/team`.",
    )
    auth_oidc_client_id: str = _setting("", "With `oidc`: the client's id at the provider.")
    auth_oidc_client_secret: str = _setting("", "With `oidc`: the client's secret at the provider.", secret=True)
    auth_oidc_scopes: str = _setting("openid profile email groups", "With `oidc`: what the provider is asked for.")
    auth_oidc_groups_claim: str = _setting(
        "groups", "With `oidc`: the claim with the groups; a path with dots leads into objects."
    )
    auth_oidc_name_claim: str = _setting("preferred_username", "With `oidc`: the claim with the name that is shown.")
    auth_oidc_display_name: str = _setting("single sign-on", "With `oidc`: the provider's name on the login page.")
    auth_oidc_ca_file: str = _setting(
        "", "With `oidc`: file with the authorities that sign the provider's certificate (PEM); empty: the system's."
    )
    auth_oidc_refresh_seconds: float = _setting(
        300.0, "With `oidc` and a refresh token: groups are asked for again within this time."
    )
    auth_oidc_logout: bool = _setting(False, "With `oidc`: who logs out here is led to log out at the provider, too.")
    auth_proxy_cidrs: str = _setting(
        "", "With `proxy`: addresses and networks that the proxy connects from, comma-separated."
    )
    auth_proxy_secret: str = _setting(
        "", "With `proxy`: what the proxy sends in `Runtail-Proxy-Secret`, at least 16 characters.", secret=True
    )
    auth_proxy_user_header: str = _setting("X-Forwarded-User", "With `proxy`: the header with the user's name.")
    auth_proxy_groups_header: str = _setting(
        "", "With `proxy`: the header with the user's groups, comma-separated; empty: nobody has groups."
    )
    auth_proxy_name_header: str = _setting(
        "", "With `proxy`: the header with the name that is shown; empty: that of the user."
    )
    auth_proxy_logout_url: str = _setting(
        "", "With `proxy`: where logging out leads, an address or a path; empty: it is not offered."
    )
    auth_proxy_stream_seconds: float = _setting(
        60.0, "With `proxy`: a relay lets a page connect anew after this time, so that the proxy judges again."
    )
    auth_tokens_file: str = _setting(
        "", "File with tokens of programs, lines `name:sha256:rights`. It is read again when it changes."
    )
    auth_token_max_days: int = _setting(366, "The longest time for which people can make a token.")
    auth_share_seconds: int = _setting(
        86400, "How long a share link works unless its maker says otherwise, at most 7 days; 0: there are none."
    )
    auth_token_owner_days: int = _setting(
        45,
        "Tokens of somebody who was not here for this long do not work until the next login, in the modes `oidc` and "
        "`proxy`, where nobody tells Runtail that a person has left. 0: they always work.",
    )
    auth_session_seconds: int = _setting(43200, "A login ends after this time.")
    auth_idle_seconds: int = _setting(14400, "A login that is not used for this long ends.")
    auth_recheck_seconds: float = _setting(
        5.0, "How often logins and rights are compared with the store and the files, also those of open streams."
    )

    audit_days: float = _setting(90.0, "How long the store keeps entries of the audit log.", section="Audit")
    audit_reads: bool = _setting(False, "The audit log also says who reads which log, once an hour for each run.")

    limit_starts: int = _setting(
        60, "Runs that one user (without login: one address) may start a minute; 0: any number.", section="Limits"
    )
    limit_changes: int = _setting(
        60,
        "Runs cancelled and deleted, tokens and share links made and revoked, by one user a minute; 0: any number.",
    )
    limit_requests: int = _setting(
        50, "Other requests of one user a second, and six times as many at once; 0: any number."
    )
    limit_sockets: int = _setting(
        200, "Connections that one address may have to a relay; 0: any number. A user has 20 at most."
    )

    message_keys: str = _setting(
        "",
        "Keys that messages are signed with, comma-separated, the newest first: web and producers sign, workers check.",
        section="Messages",
        secret=True,
    )
    messages: str = _setting(
        "any",
        "Which messages a worker executes: any, or only signed ones. A wrong signature is always refused.",
        ("any", "signed"),
    )
    max_message_bytes: int = _setting(1024 * 1024, "A message with a larger body is refused by workers.")

    url: str = _setting(
        "http://127.0.0.1:8000", "Where the command line finds the web service.", section="Command line"
    )

    @property
    def effective_store_url(self) -> str:
        """The store's URL: its own, or the broker's.

        :raises ConfigError: if only a broker that cannot be the store is named.
        """
        url = self.store_url or self.broker_url
        if not is_redis(url):
            kind = url.partition(":")[0]
            if self.store_url:
                raise ConfigError(f"RUNTAIL_STORE_URL must name a Redis or Valkey server, not {kind!r} is none")
            raise ConfigError(
                f"the broker, {kind}, cannot keep runs; set RUNTAIL_STORE_URL to a Redis or Valkey server, "
                "such as redis://localhost:6379/0"
            )
        return url

    @property
    def store_address(self) -> Address:
        """The store's URL, parsed.

        :raises ConfigError: if it cannot be used, or only a broker that cannot be the store is named.
        """
        return parse(self.effective_store_url, "the store's URL")

    def environment(self) -> dict[str, str]:
        """Return the environment variables that give another process the same settings."""
        return {setting.variable: _text(getattr(self, setting.name)) for setting in SETTINGS}

    def changed(self) -> dict[str, str]:
        """Return the environment variables of the values that differ from their defaults."""
        return {
            setting.variable: _text(value)
            for setting in SETTINGS
            if (value := getattr(self, setting.name)) != setting.default
        }

    def in_words(self) -> str:
        """Return what to say of settings that differ from their defaults, except secrets and the key prefix."""
        hidden = {setting.variable for setting in SETTINGS if setting.secret or setting.name == "key_prefix"}
        changed = [f"{name}={value}" for name, value in self.changed().items() if name not in hidden]
        return f", with {' '.join(changed)}" if changed else ""


def _rows() -> tuple[Setting, ...]:
    found: list[Setting] = []
    section = ""
    for one in fields(Settings):
        default: Any = one.default
        told = one.metadata
        section = told["section"] or section
        found.append(Setting(one.name, default, told["help"], told["choices"], section, told["secret"]))
    return tuple(found)


#: The fields of :class:`Settings`, in their order, and by name.
SETTINGS: tuple[Setting, ...] = _rows()
BY_NAME = {setting.name: setting for setting in SETTINGS}


def _text(value: str | float | bool) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def load_settings(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Read all settings once. Ignore links to Kubernetes Services, whose variables may have the names of settings.

    :param environ: usually ``os.environ``.
    :param overrides: values by field name that take precedence over the environment (tests, ``runtail dev``).
    :raises ConfigError: if a value has the wrong type or cannot be used.
    """
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = setting.read(environ)
        if text is not None and setting.name.endswith("_port") and _SERVICE_LINK.match(text):
            text = None
        values[setting.name] = setting.default if text is None else setting.parse(text)
    values.update(overrides)
    settings = Settings(**values)
    if settings.beat_seconds * 2 > settings.lease_seconds:
        raise ConfigError("RUNTAIL_BEAT_SECONDS must be at most half of RUNTAIL_LEASE_SECONDS")
    if settings.head_bytes >= settings.quota_bytes:
        raise ConfigError("RUNTAIL_HEAD_BYTES must be smaller than RUNTAIL_QUOTA_BYTES")
    for url, what in ((settings.store_url, "the store's URL"), (settings.broker_url, "the broker's URL")):
        if is_redis(url) and not parse(url, what).is_verified and not settings.tls_insecure:
            raise ConfigError(
                f"{what} says ssl_cert_reqs=none: anybody between here and the server could read and change all. "
                "Name its authority with ssl_ca_certs, or set RUNTAIL_TLS_INSECURE=on to accept that"
            )
    read_keys(settings.message_keys)
    Selection(settings.tasks)
    read_public_url(settings.public_url)
    read_origins(settings.allowed_origins)
    check_base_path(settings.base_path)
    if not 0 <= settings.auth_share_seconds <= MAX_SHARE_SECONDS:
        raise ConfigError(f"RUNTAIL_AUTH_SHARE_SECONDS must be 0 to {MAX_SHARE_SECONDS}, which is 7 days")
    if not 0 < settings.log_ceiling <= 1:
        raise ConfigError("RUNTAIL_LOG_CEILING must be more than 0, and at most 1")
    return settings
