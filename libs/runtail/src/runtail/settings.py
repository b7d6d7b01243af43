"""All settings: one table that program, chart and docs share, read once into a frozen object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from runtail import logline
from runtail.address import Address, is_redis, parse
from runtail.errors import ConfigError
from runtail.selection import Selection


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    :param name: the attribute of :class:`Settings`; the environment variable is ``RUNTAIL_`` + upper case.
    :param default: also decides the type: str, int, float or bool.
    :param choices: the only values allowed, if not empty.
    """

    name: str
    default: str | int | float | bool
    help: str
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "RUNTAIL_" + self.name.upper()

    def parse(self, text: str) -> str | int | float | bool:
        """Read a value from the environment.

        :raises ConfigError: if it is not of the type, or not one of the choices.
        """
        kind = type(self.default)
        try:
            if kind is bool:
                return {"1": True, "true": True, "on": True, "yes": True,
                        "0": False, "false": False, "off": False, "no": False}[text.strip().lower()]  # fmt: skip
            value = kind(text.strip()) if kind is not str else text
        except (ValueError, KeyError):
            raise ConfigError(f"{self.variable}={text!r} is not a {kind.__name__}") from None
        if not isinstance(value, str) and value < 0:
            raise ConfigError(f"{self.variable}={text!r} must not be negative")
        if self.choices and value not in self.choices:
            raise ConfigError(f"{self.variable}={text!r} is not one of {', '.join(self.choices)}")
        return value


SETTINGS: tuple[Setting, ...] = (
    # Where things are.
    Setting("broker_url", "redis://127.0.0.1:6379/0", "Celery's broker."),
    Setting(
        "store_url",
        "",
        "Redis or Valkey >= 7 that keeps runs and logs. Empty: the broker's server.",
    ),
    Setting("key_prefix", "runtail:", "Put before every key, so that several installations can share a server."),
    Setting("admin_host", "127.0.0.1", "Address of the admin ports (health and metrics)."),
    Setting("allow_eviction", False, "Use a store that deletes keys by itself when its memory is full."),
    Setting("log_format", logline.DEFAULT_FORMAT, "How lines of the services' own logs look.", logline.FORMATS),
    Setting("log_level", logline.DEFAULT_LEVEL, "What is logged at least; debug: each request too.", logline.LEVELS),
    # Runs.
    Setting("lease_seconds", 10.0, "A writer that is silent for this long counts as gone."),
    Setting("beat_seconds", 2.0, "How often a writer renews its lease."),
    Setting("unpublished_seconds", 30.0, "A run whose message was not published after this is closed."),
    Setting("vanished_seconds", 30.0, "A queued run whose message is nowhere is published again after this."),
    Setting("claim_patience_seconds", 5.0, "A task Runtail did not start runs after this although the store is away."),
    Setting("cancel_grace_seconds", 10.0, "Between TERM and KILL when a run is cancelled."),
    Setting("log_ttl_seconds", 604800, "How long an ended run is kept."),
    Setting("idempotency_seconds", 86400, "How long an idempotency key is remembered."),
    # The log.
    Setting(
        "quota_bytes", 64 * 1024 * 1024, "Output stored per run, 64 B added per entry; above it the middle is cut."
    ),
    Setting("head_bytes", 1024 * 1024, "How much of the beginning a cut leaves."),
    Setting(
        "budget_bytes", 1024 * 1024 * 1024, "Memory that all ended runs may take in the store; above it the oldest go."
    ),
    Setting("log_ceiling", 0.85, "No output is stored while this part of the store's memory is in use."),
    Setting("store_bytes", 0, "The store's memory where it has no maxmemory itself; 0: as much as there is."),
    Setting("max_markers", 10000, "Sections, warnings and errors recorded per run; more are counted."),
    Setting("retained_seconds", 10.0, "How much of what it wrote a writer keeps, to repair a store that rolled back."),
    Setting("retained_bytes", 8 * 1024 * 1024, "The most it keeps for that."),
    # Capture.
    Setting("capture", True, "Record what tasks write. Off: tasks run as without Runtail."),
    Setting(
        "tasks", "*", "Names of the tasks that are recorded, with commas; `!` leaves out; the last that fits decides."
    ),
    Setting(
        "cr",
        "last",
        "Lines and rows that are written over: store what a terminal shows at the end (last) or everything (keep).",
        ("last", "keep"),
    ),
    Setting("split", False, "One pipe each for stdout and stderr: tells them apart, loses their order."),
    Setting("echo", True, "Write captured output to the worker's own stdout as well."),
    Setting(
        "mask_env",
        "*_PASSWORD,*_SECRET,*_TOKEN,*_KEY,*_CREDENTIALS",
        "Variables whose values are masked in all output, with commas; so are passwords in addresses. Empty: none.",
    ),
    Setting(
        "overflow",
        "drop",
        "Spool full while the store is away: drop the oldest output, or block the task.",
        ("drop", "block"),
    ),
    Setting("spool_bytes", 64 * 1024 * 1024, "Output of all runs kept in memory while the store is away."),
    Setting("flush_seconds", 0.05, "Output is stored at least this often."),
    # Not 64 KiB: with its header and digest the entry would not fit Redis's 64 KiB allocation and take 80 (+25 %).
    Setting("flush_bytes", 63 * 1024, "Output is stored at the latest when this much has come."),
    Setting("max_line_bytes", 65536, "A longer line becomes numbered pieces."),
    Setting("live_interval_seconds", 0.1, "The unfinished line is shown at most this often."),
    Setting("live_bytes", 4096, "The most that is shown of the unfinished line."),
    Setting("late_seconds", 60.0, "How long after a run's end output that comes late is counted in its record."),
    Setting(
        "orphan_seconds",
        60.0,
        "How long keeper and shipper go on after their worker has ended, to store what they hold.",
    ),
    Setting(
        "worker_drain_seconds",
        575.0,
        "How long tasks may go on when `runtail worker` is told to stop; then they are interrupted.",
    ),
    Setting("worker_admin_port", 8021, "The worker's admin port; 0 turns it off."),
    Setting("health_dir", "", "Folder for the worker's files `alive` and `ready`, for probes; empty: none."),
    Setting("demo_tasks", True, "The reference worker has the demo tasks."),
    # Relay.
    Setting("socket_host", "127.0.0.1", "Address the relay listens on."),
    Setting("socket_port", 8010, "Port the relay listens on."),
    Setting("socket_admin_port", 8011, "The relay's admin port."),
    Setting("socket_url", "", "Where browsers reach the relay; empty: the page's own origin."),
    Setting("socket_async_mode", "eventlet", "What the relay runs on.", ("eventlet", "gevent")),
    Setting("direct_send", True, "Write frames straight to the socket when a viewer's queue is empty."),
    Setting("max_connections", 2000, "Viewers per relay; one more is answered 503."),
    Setting("drain_seconds", 10.0, "Over how long a relay that is told to stop sends its viewers away."),
    Setting("sweep_seconds", 1.0, "How often a relay compares watched runs with the store."),
    Setting("coalesce_seconds", 0.1, "A busy relay reads at most this seldom."),
    Setting("frame_bytes", 262144, "The largest frame a relay sends while a viewer catches up."),
    Setting("window_bytes", 262144, "Bytes under way to a viewer that acknowledges."),
    # Web.
    Setting("web_host", "127.0.0.1", "Address the web service listens on."),
    Setting("web_port", 8000, "Port the web service listens on."),
    Setting("web_admin_port", 8001, "The web service's admin port."),
    Setting("web_threads", 16, "Requests served at once."),
    Setting("max_body_bytes", 65536, "The largest request body."),
    Setting("request_seconds", 10.0, "A connection whose request is not whole after this is closed."),
    Setting("stalled_seconds", 30.0, "A client that takes nothing of its answer for this long is disconnected."),
    Setting("search_seconds", 20.0, "A search stops after this, and says where to go on."),
    Setting("allowed_hosts", "localhost,127.0.0.1,[::1]", "Host names that web and relay answer to, with commas."),
    Setting("allowed_origins", "", "Origins of other pages that may use API and relay, with commas."),
    Setting(
        "port_forward_command",
        "",
        "What the page, opened on a loopback address, says to run again when its server is gone; {port}: the page's.",
    ),
    # Command line.
    Setting("url", "http://127.0.0.1:8000", "Where the command line finds the web service."),
)


BY_NAME = {setting.name: setting for setting in SETTINGS}

#: What Kubernetes puts into every pod for a Service called, say, runtail-web: RUNTAIL_WEB_PORT=tcp://10.96.3.7:8000.
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force. The fields are the rows of :data:`SETTINGS`, explained there."""

    broker_url: str
    store_url: str
    key_prefix: str
    admin_host: str
    allow_eviction: bool
    log_format: str
    log_level: str
    lease_seconds: float
    beat_seconds: float
    unpublished_seconds: float
    vanished_seconds: float
    claim_patience_seconds: float
    cancel_grace_seconds: float
    log_ttl_seconds: int
    idempotency_seconds: int
    quota_bytes: int
    head_bytes: int
    budget_bytes: int
    log_ceiling: float
    store_bytes: int
    max_markers: int
    retained_seconds: float
    retained_bytes: int
    capture: bool
    tasks: str
    cr: str
    split: bool
    echo: bool
    mask_env: str
    overflow: str
    spool_bytes: int
    flush_seconds: float
    flush_bytes: int
    max_line_bytes: int
    live_interval_seconds: float
    live_bytes: int
    late_seconds: float
    orphan_seconds: float
    worker_drain_seconds: float
    worker_admin_port: int
    health_dir: str
    demo_tasks: bool
    socket_host: str
    socket_port: int
    socket_admin_port: int
    socket_url: str
    socket_async_mode: str
    direct_send: bool
    max_connections: int
    drain_seconds: float
    sweep_seconds: float
    coalesce_seconds: float
    frame_bytes: int
    window_bytes: int
    web_host: str
    web_port: int
    web_admin_port: int
    web_threads: int
    max_body_bytes: int
    request_seconds: float
    stalled_seconds: float
    search_seconds: float
    allowed_hosts: str
    allowed_origins: str
    port_forward_command: str
    url: str

    @property
    def effective_store_url(self) -> str:
        """The store's URL: its own, or the broker's.

        :raises ConfigError: if only a broker that cannot be the store is named.
        """
        url = self.store_url or self.broker_url
        if not is_redis(url):
            kind = url.partition(":")[0]
            if self.store_url:
                raise ConfigError(f"RUNTAIL_STORE_URL must name a Redis or Valkey server; {kind!r} is none")
            raise ConfigError(
                f"the broker, {kind}, cannot keep runs; set RUNTAIL_STORE_URL to a Redis or Valkey server, "
                "such as redis://localhost:6379/0"
            )
        return url

    @property
    def store_address(self) -> Address:
        """The store's URL, read.

        :raises ConfigError: if it cannot be used, or only a broker that cannot be the store is named.
        """
        return parse(self.effective_store_url, "the store's URL")

    def environment(self) -> dict[str, str]:
        """Return the variables from which a process reads these very settings."""
        return {setting.variable: _text(getattr(self, setting.name)) for setting in SETTINGS}

    def changed(self) -> dict[str, str]:
        """Return the variables whose values are not the default ones."""
        return {
            setting.variable: _text(value)
            for setting in SETTINGS
            if (value := getattr(self, setting.name)) != setting.default
        }


def _text(value: str | float | bool) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def load_settings(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Read all settings once. A link to a Kubernetes Service is no setting, although its variable is called so.

    :param environ: usually ``os.environ``.
    :param overrides: values by field name that win over the environment (tests, ``runtail dev``).
    :raises ConfigError: if a value has the wrong type or cannot be used.
    """
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.variable)
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
        if is_redis(url):
            parse(url, what)
    Selection(settings.tasks)
    if not 0 < settings.log_ceiling <= 1:
        raise ConfigError("RUNTAIL_LOG_CEILING must be more than 0, and at most 1")
    return settings


assert [f.name for f in fields(Settings)] == [s.name for s in SETTINGS], "table and object disagree"
