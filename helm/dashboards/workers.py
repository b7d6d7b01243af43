"""Queues, runs, and what happens to their output on the way to the store."""

from helm.dashboards.panels import PROCESS, Dashboard, Panel, Query

BUSY = "sum by (pool) (runtail_worker_runs{SCOPE}) / sum by (pool) (runtail_worker_slots{SCOPE})"
RUN = "sum by (le, pool) (rate(runtail_worker_run_seconds_bucket{SCOPE}[RATE]))"
WAIT = "sum by (le, pool) (rate(runtail_worker_wait_seconds_bucket{SCOPE}[RATE]))"
ENDED = "sum(rate(runtail_worker_ended_total{SCOPE}[RATE]))"

WORKERS = Dashboard(
    "runtail-workers",
    "Runtail / Workers",
    "Whether work waits, how runs go, and whether all of their output is stored.",
    [
        Panel(
            "Waiting messages",
            "How many messages wait in each queue?",
            "short",
            [Query("max by (queue) (runtail_web_queue_waiting{SCOPE})", "{{queue}}")],
            alerts=("RuntailRunsWait",),
        ),
        Panel(
            "Oldest message",
            "For how long has the oldest message or run of each queue waited, at least?",
            "s",
            [Query("max by (queue) (runtail_web_queue_oldest_seconds{SCOPE})", "{{queue}}")],
            alerts=("RuntailRunsWait",),
            red_from=300,
        ),
        Panel(
            "Nobody takes from",
            "Does something wait in a queue that no worker with Runtail takes from?",
            "short",
            [
                Query(
                    "max by (queue) (runtail_web_queue_waiting{SCOPE}) > 0"
                    " unless max by (queue) (runtail_web_queue_workers{SCOPE}) > 0",
                    "{{queue}}",
                )
            ],
            alerts=("RuntailQueueWithoutWorker",),
            red_from=1,
            empty="every queue in which something waits has a worker",
        ),
        Panel(
            "Busy slots",
            "Which part of the slots of each pool executes something?",
            "percentunit",
            [Query(BUSY, "{{pool}}")],
            alerts=("RuntailRunsWait",),
        ),
        Panel(
            "Run time",
            "How long do runs take?",
            "s",
            [
                Query(f"histogram_quantile(0.5, {RUN})", "{{pool}} p50"),
                Query(f"histogram_quantile(0.95, {RUN})", "{{pool}} p95"),
            ],
        ),
        Panel(
            "Time in the queue",
            "How long did runs wait for a worker? (Of plain .delay() only retries are known.)",
            "s",
            [
                Query(f"histogram_quantile(0.5, {WAIT})", "{{pool}} p50"),
                Query(f"histogram_quantile(0.95, {WAIT})", "{{pool}} p95"),
            ],
            alerts=("RuntailRunsWait",),
        ),
        Panel(
            "Failed",
            "Which part of the runs fails?",
            "percentunit",
            [Query(f'sum(rate(runtail_worker_ended_total{{SCOPE,state="failed"}}[RATE])) / {ENDED}')],
        ),
        Panel(
            "Entries",
            "How many entries of output are stored?",
            "cps",
            [Query("sum(rate(runtail_worker_entries_total{SCOPE}[RATE]))")],
        ),
        Panel(
            "Bytes per entry",
            "How large are entries? Small ones say that tasks print little at a time.",
            "bytes",
            [
                Query(
                    "sum(rate(runtail_worker_output_bytes_total{SCOPE}[RATE]))"
                    " / sum(rate(runtail_worker_entries_total{SCOPE}[RATE]))"
                )
            ],
        ),
        Panel(
            "Held in memory",
            "How much of the memory for output that is not stored yet is used?",
            "percentunit",
            [
                Query(
                    "max by (pod, instance) "
                    "(runtail_worker_spool_bytes{SCOPE} / runtail_worker_spool_limit_bytes{SCOPE})",
                    PROCESS,
                )
            ],
            alerts=("RuntailSpoolFilling",),
            red_from=0.5,
        ),
        Panel(
            "Dropped",
            "Is output lost, or not repeated on the worker's own output?",
            "Bps",
            [
                Query("sum(rate(runtail_worker_dropped_bytes_total{SCOPE}[RATE]))", "lost"),
                Query("sum(rate(runtail_worker_echo_dropped_bytes_total{SCOPE}[RATE]))", "not repeated"),
                Query("sum(rate(runtail_worker_late_bytes_total{SCOPE}[RATE]))", "after the end"),
            ],
            alerts=("RuntailOutputDropped",),
        ),
        Panel(
            "Messages refused",
            "Which messages do workers refuse before Celery executes them, and why?",
            "short",
            [Query("sum by (reason) (increase(runtail_worker_rejected_total{SCOPE}[RATE]))", "{{reason}}")],
            alerts=("RuntailMessagesRejected",),
        ),
        Panel(
            "Refused, fenced, repaired",
            "Were executions refused or taken from a worker, were logs repaired or lost?",
            "short",
            [
                Query("sum(increase(runtail_worker_refused_total{SCOPE}[RATE]))", "refused"),
                Query("sum(increase(runtail_worker_fenced_total{SCOPE}[RATE]))", "fenced"),
                Query("sum(increase(runtail_worker_repairs_total{SCOPE}[RATE]))", "logs repaired"),
                Query("sum(increase(runtail_worker_losses_total{SCOPE}[RATE]))", "logs lost"),
            ],
            alerts=("RuntailWorkerFenced", "RuntailLogLost"),
        ),
        Panel(
            "Reaper",
            "What did the reaper end, start again or remove?",
            "short",
            [Query("sum by (action) (increase(runtail_web_reaper_actions_total{SCOPE}[RATE]))", "{{action}}")],
            alerts=("RuntailRunsLost", "RuntailNobodyReaps"),
        ),
        Panel(
            "Shippers started again",
            "Does capture crash? A worker's shipper that ends is started again, and its counts start at 0.",
            "short",
            [
                Query(
                    'sum by (pod, instance) (changes(process_start_time_seconds{SCOPE,component="worker"}[RATE]))',
                    PROCESS,
                )
            ],
        ),
        Panel(
            "Memory of shippers",
            "How much memory does capture take?",
            "bytes",
            [
                Query(
                    'sum by (pod, instance) (process_resident_memory_bytes{SCOPE,component="worker"})',
                    PROCESS,
                )
            ],
        ),
    ],
)
