"""Every metric of Runtail, declared once, with its type, labels and unit.

The services, ``docs/metrics.md``, dashboards and alerts take names from this
table (docs/decisions/0063). No metric is labelled by run, task process, pod or
user: those are unbounded, and the facts about one run are in its record.
"""

from __future__ import annotations

from typing import Final

from runtail.metric import (
    DELIVERY_SECONDS,
    LAG_SECONDS,
    REQUEST_SECONDS,
    RUN_SECONDS,
    STORE_SECONDS,
    WAIT_SECONDS,
    Metric,
)
from runtail.protocol import RunState

#: Why a worker refuses a message.
REJECTIONS: Final = ("format", "content", "task", "size", "unsigned", "signature", "queue")

LIVE: Final = "live"
CATCHING_UP: Final = "catching-up"


EVERY: Final = (
    Metric(
        "every",
        "runtail_build_info",
        "gauge",
        "Always 1: which component this is (web, relay, worker, canary), and its version.",
        ("component", "version"),
    ),
)

LOGIN: Final = (
    Metric("login", "runtail_auth_mode", "gauge", "1 for each way to log in (RUNTAIL_AUTH_MODE), else 0.", ("mode",)),
    Metric(
        "login",
        "runtail_auth_exposed",
        "gauge",
        "1 if there is no login, and the service may listen for other machines (RUNTAIL_AUTH_NONE_ANYWHERE): whoever "
        "reaches it is an administrator.",
    ),
    Metric(
        "login",
        "runtail_auth_policy_info",
        "gauge",
        "Always 1: which policy is in force, by the beginning of its SHA-256. All services should have the same.",
        ("digest",),
    ),
    Metric(
        "login",
        "runtail_auth_file_stale",
        "gauge",
        "1 if a file (policy, users, tokens) cannot be used as it is now: what was read before stays in force, and the "
        "log says why.",
        ("file",),
        values=("policy", "users", "tokens"),
    ),
)

RELAY: Final = (
    Metric("relay", "runtail_socket_connections", "gauge", "Clients connected to this relay."),
    Metric(
        "relay",
        "runtail_socket_max_connections",
        "gauge",
        "Clients that this relay takes (RUNTAIL_MAX_CONNECTIONS).",
    ),
    Metric(
        "relay", "runtail_socket_draining", "gauge", "1 while this relay sends its clients away and takes no new ones."
    ),
    Metric(
        "relay",
        "runtail_socket_subscriptions",
        "gauge",
        "Subscriptions by state: live, or catching-up from the store.",
        ("state",),
        values=(LIVE, CATCHING_UP),
    ),
    Metric("relay", "runtail_socket_watched_runs", "gauge", "Runs this relay reads, each once for all its viewers."),
    Metric(
        "relay",
        "runtail_socket_table_entries",
        "gauge",
        "Entries in the tables of clients and runs: 0 without clients.",
        ("table",),
    ),
    Metric("relay", "runtail_socket_frames_total", "counter", "Frames of log entries sent."),
    Metric("relay", "runtail_socket_sent_bytes_total", "counter", "Bytes of these frames, as they go over the wire."),
    Metric(
        "relay",
        "runtail_socket_sent_seconds",
        "histogram",
        "Seconds from an entry's writing to its sending, of each delivery's newest entry, by the subscription's state: "
        "live is the delay of output, catching-up is how old the output is that somebody reads.",
        ("state",),
        DELIVERY_SECONDS,
        (LIVE, CATCHING_UP),
    ),
    Metric(
        "relay",
        "runtail_socket_painted_seconds",
        "histogram",
        "Seconds from an entry's writing to its acknowledgement by a browser that has painted it.",
        buckets=DELIVERY_SECONDS,
    ),
    Metric(
        "relay", "runtail_socket_catch_ups_total", "counter", "Times a subscription began to be served from the store."
    ),
    Metric(
        "relay",
        "runtail_socket_refused_total",
        "counter",
        "Handshakes refused, by reason.",
        ("reason",),
        values=("path", "host", "origin", "draining", "login", "proxy", "client", "store", "full", "handshake"),
    ),
    Metric(
        "relay",
        "runtail_socket_sent_away_total",
        "counter",
        "Connections that the relay ended: drain (it is about to stop), slow (took nothing for 30 s), silent (answered "
        "no ping), not-joined (never joined the namespace), left (left it), login (the login has ended), proxy (it has "
        "to judge again), error (its log has the traceback).",
        ("reason",),
        values=("drain", "slow", "silent", "not-joined", "left", "login", "proxy", "error"),
    ),
    Metric(
        "relay",
        "runtail_socket_resets_total",
        "counter",
        "Runs whose viewers were told to load the log again from its start.",
    ),
    Metric(
        "relay",
        "runtail_socket_listener_stalls_total",
        "counter",
        "Times the Pub/Sub listener stalled: it was connected and received nothing, not even its own test message.",
    ),
    Metric(
        "relay",
        "runtail_socket_loop_lag_seconds",
        "histogram",
        "Seconds by which a timer of the relay's event loop, set twice a second, is late.",
        buckets=LAG_SECONDS,
    ),
    Metric(
        "relay",
        "runtail_socket_audit_lost_total",
        "counter",
        "Entries of the audit log that standard output did not take.",
    ),
    Metric("relay", "runtail_socket_store_up", "gauge", "1 if the store answered last time."),
    Metric("relay", "runtail_socket_store_evicts", "gauge", "1 if the store may delete keys by itself."),
)

#: Exposed by a worker's shipper, and counted since the shipper started.
WORKER: Final = (
    Metric("worker", "runtail_worker_runs", "gauge", "Runs this worker executes, or whose output is not stored yet."),
    Metric(
        "worker",
        "runtail_worker_slots",
        "gauge",
        "Tasks that this worker executes at once (its concurrency).",
    ),
    Metric(
        "worker",
        "runtail_worker_ended_total",
        "counter",
        "Executions that ended, by the state that the run went to; queued: it is executed again (retry, redelivery).",
        ("state",),
        values=tuple(str(state) for state in RunState if state is not RunState.RUNNING),
    ),
    Metric(
        "worker",
        "runtail_worker_run_seconds",
        "histogram",
        "Seconds from a task's start to its end, of each execution.",
        buckets=RUN_SECONDS,
    ),
    Metric(
        "worker",
        "runtail_worker_wait_seconds",
        "histogram",
        "Seconds that a run waited for a worker, from when it was queued or due; unknown for the first attempt of a "
        "plain .delay().",
        buckets=WAIT_SECONDS,
    ),
    Metric(
        "worker",
        "runtail_worker_store_seconds",
        "histogram",
        "Seconds for one append to the store, which waits for its answer.",
        buckets=STORE_SECONDS,
    ),
    Metric("worker", "runtail_worker_entries_total", "counter", "Entries of output made from what tasks wrote."),
    Metric("worker", "runtail_worker_output_bytes_total", "counter", "Bytes of output in them, after masking."),
    Metric("worker", "runtail_worker_spool_bytes", "gauge", "Output held in memory because it is not stored yet."),
    Metric("worker", "runtail_worker_spool_limit_bytes", "gauge", "The most that is held (RUNTAIL_SPOOL_BYTES)."),
    Metric(
        "worker",
        "runtail_worker_dropped_bytes_total",
        "counter",
        "Bytes of output lost because the spool was full while the store was away or full.",
    ),
    Metric(
        "worker",
        "runtail_worker_echo_dropped_bytes_total",
        "counter",
        "Bytes not repeated on the worker's own output, whose reader was too slow. The log has them.",
    ),
    Metric(
        "worker",
        "runtail_worker_late_bytes_total",
        "counter",
        "Bytes written by processes that outlived their run, while their task process had no other run.",
    ),
    Metric("worker", "runtail_worker_refused_total", "counter", "Executions refused: the run had ended or was held."),
    Metric(
        "worker", "runtail_worker_bad_headers_total", "counter", "Message headers dropped because they are malformed."
    ),
    Metric(
        "worker",
        "runtail_worker_rejected_total",
        "counter",
        "Messages refused before Celery executed them: no message or a wrong one (format), not JSON (content), of an "
        "unknown task (task), too large (size), not signed (unsigned), with a wrong signature (signature), signed for "
        "another queue (queue).",
        ("reason",),
        values=REJECTIONS,
    ),
    Metric("worker", "runtail_worker_fenced_total", "counter", "Runs taken from this worker while it executed them."),
    Metric(
        "worker", "runtail_worker_repairs_total", "counter", "Logs repaired in full after the store lost their end."
    ),
    Metric("worker", "runtail_worker_losses_total", "counter", "Logs of which the store lost more than was retained."),
    Metric("worker", "runtail_worker_store_errors_total", "counter", "Calls the store did not answer, or refused."),
    Metric("worker", "runtail_worker_store_up", "gauge", "1 if the store answered last time."),
    Metric("worker", "runtail_worker_store_evicts", "gauge", "1 if the store may delete keys by itself."),
    Metric("worker", "runtail_worker_store_full", "gauge", "1 while no output is stored: logs are at their ceiling."),
)

WEB: Final = (
    Metric(
        "web",
        "runtail_web_requests_total",
        "counter",
        "HTTP requests by the route's pattern and the answer's class (2xx, 4xx, ...).",
        ("route", "status"),
    ),
    Metric(
        "web",
        "runtail_web_request_seconds",
        "histogram",
        "Seconds from a request's arrival to the beginning of its answer.",
        ("route",),
        REQUEST_SECONDS,
    ),
    Metric(
        "web",
        "runtail_web_limited_total",
        "counter",
        "Requests refused with 429, by the limit that was exceeded. `login`: wrong passwords of one name and address; "
        "`all-logins`: of all together; `guesses`: wrong tokens, links and codes; `command-lines`: logins that command "
        "lines of one address began; `all-command-lines`: of all together; `provider-logins`, `all-provider-logins`: "
        "the same of logins at an OpenID provider; `opens`: wrong share links; `opened`: one that works.",
        ("limit",),
        values=(
            *("starts", "changes", "requests", "login", "all-logins", "guesses", "opens", "opened"),
            *("command-lines", "all-command-lines", "provider-logins", "all-provider-logins"),
            *("search", "follow", "download", "text-page"),
        ),
    ),
    Metric(
        "web",
        "runtail_web_runs",
        "gauge",
        "Runs that wait (queued) or are executed (running), in the whole installation.",
        ("state",),
        values=(str(RunState.QUEUED), str(RunState.RUNNING)),
    ),
    Metric(
        "web",
        "runtail_web_reaper_actions_total",
        "counter",
        "What this service's reaper did: runs ended (lost, cancelled), started again, aborted, or forgotten.",
        ("action",),
        values=(
            *("lost", "cancelled", "released", "restarted", "published-again"),
            *("aborted", "expired", "over-budget"),
        ),
    ),
    Metric(
        "web",
        "runtail_web_reaper_round_timestamp_seconds",
        "gauge",
        "When this service's reaper last finished a round, as a Unix time. One of all web services reaps: take the "
        "newest.",
    ),
    Metric(
        "web",
        "runtail_web_queue_waiting",
        "gauge",
        "Messages that wait at the broker, of all priorities, also those of tasks that Runtail does not know. At most "
        "50 queues have a name of their own, the rest is other.",
        ("queue",),
    ),
    Metric("web", "runtail_web_queue_workers", "gauge", "Workers with Runtail that take from the queue.", ("queue",)),
    Metric("web", "runtail_web_queue_slots", "gauge", "Tasks that these workers execute at once.", ("queue",)),
    Metric(
        "web",
        "runtail_web_queue_oldest_seconds",
        "gauge",
        "Seconds for which the oldest message or run of the queue has waited, at least: a message that Runtail did not "
        "send counts from when it was first seen. Runs whose time is to come do not wait.",
        ("queue",),
    ),
    Metric("web", "runtail_web_store_up", "gauge", "1 if the store answers."),
    Metric("web", "runtail_web_store_used_bytes", "gauge", "Memory in use by the store, as its limit counts it."),
    Metric(
        "web",
        "runtail_web_store_limit_bytes",
        "gauge",
        "The store's maxmemory, else RUNTAIL_STORE_BYTES; 0: none is known.",
    ),
    Metric("web", "runtail_web_finished_bytes", "gauge", "Memory that ended runs take in the store."),
    Metric("web", "runtail_web_budget_bytes", "gauge", "Memory that ended runs may take (RUNTAIL_BUDGET_BYTES)."),
    Metric("web", "runtail_web_store_evicts", "gauge", "1 if the store may delete keys by itself."),
    Metric(
        "web",
        "runtail_web_unreadable_total",
        "counter",
        "Values of the store that could not be read and were left out, each time: run, task, worker, audit (entry).",
        ("what",),
        values=("run", "task", "worker", "audit"),
    ),
    Metric(
        "web",
        "runtail_web_token_next_end_timestamp_seconds",
        "gauge",
        "When the next API token ends (Unix time); none while there is no token.",
    ),
    Metric(
        "web",
        "runtail_web_audit_lost_total",
        "counter",
        "Entries of the audit log that were not written, by where: stdout, store (which gets a copy as far as it takes "
        "it).",
        ("where",),
        values=("stdout", "store"),
    ),
)

#: What a viewer sees from outside.
CANARY: Final = (
    Metric(
        "canary",
        "runtail_canary_runs_total",
        "counter",
        "Runs started and watched, by how that ended.",
        ("result",),
        values=("succeeded", "failed"),
    ),
    Metric("canary", "runtail_canary_missing_lines_total", "counter", "Lines that were not seen."),
    Metric("canary", "runtail_canary_doubled_lines_total", "counter", "Lines that were seen twice."),
    Metric(
        "canary",
        "runtail_canary_first_line_seconds",
        "histogram",
        "Seconds from asking for a run to seeing its first line.",
        buckets=DELIVERY_SECONDS,
    ),
    Metric(
        "canary",
        "runtail_canary_line_seconds",
        "histogram",
        "Seconds from a line's writing to seeing it, the slowest of each run.",
        buckets=DELIVERY_SECONDS,
    ),
    Metric(
        "canary",
        "runtail_canary_last_success_timestamp_seconds",
        "gauge",
        "When a run was last seen whole, as a Unix time; the canary's start before the first.",
    ),
)

METRICS: Final = (*EVERY, *LOGIN, *WEB, *RELAY, *WORKER, *CANARY)
