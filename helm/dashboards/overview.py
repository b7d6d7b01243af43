"""Is everything well, and what goes on."""

from helm.dashboards.panels import Dashboard, Panel, Query

LIVE = 'runtail_socket_sent_seconds_bucket{SCOPE,state="live"}'

OVERVIEW = Dashboard(
    "runtail-overview",
    "Runtail / Overview",
    "Whether everything is well, and how much goes on. The other three say why.",
    [
        Panel(
            "Store answers",
            "Does the store answer web?",
            "bool_yes_no",
            [Query("max(runtail_web_store_up{SCOPE})")],
            "stat",
            ("RuntailStoreAway",),
            width=4,
            red_below=1,
        ),
        Panel(
            "Bytes lost",
            "Was output lost in the shown time? It must be 0.",
            "bytes",
            [Query("sum(increase(runtail_worker_dropped_bytes_total{SCOPE}[RANGE]))")],
            "stat",
            ("RuntailOutputDropped",),
            width=4,
            red_from=1,
        ),
        Panel(
            "Logs that the store lost",
            "Did the store lose more of a log than could be written again? It must be 0.",
            "short",
            [Query("sum(increase(runtail_worker_losses_total{SCOPE}[RANGE]))")],
            "stat",
            ("RuntailLogLost",),
            width=4,
            red_from=1,
        ),
        Panel(
            "Canary: last success",
            "When did the canary last see one of its own runs whole, as a browser would?",
            "s",
            [Query("time() - max(runtail_canary_last_success_timestamp_seconds{SCOPE})")],
            "stat",
            ("RuntailCanaryFails",),
            width=4,
            red_from=300,
            empty="canary.enabled is false unless you set it",
        ),
        Panel(
            "Processes up",
            "How many processes of each component does Prometheus reach?",
            "short",
            [Query('sum by (component) (up{SCOPE,component=~"web|relay|worker|canary"})', "{{component}}")],
            "stat",
            ("RuntailTargetDown",),
            width=4,
            red_below=1,
        ),
        Panel(
            "Versions",
            "Which versions run? During an upgrade there are two.",
            "short",
            [Query("count by (component, version) (runtail_build_info{SCOPE})", "{{component}} {{version}}")],
            "stat",
            ("RuntailVersionSkew",),
            width=4,
        ),
        Panel(
            "Runs now",
            "How many runs wait, and how many are executed?",
            "short",
            [Query("max by (state) (runtail_web_runs{SCOPE})", "{{state}}")],
            width=6,
        ),
        Panel(
            "How runs ended",
            "How did executions end in the shown time? Queued: they are executed again.",
            "short",
            [Query("sum by (state) (increase(runtail_worker_ended_total{SCOPE}[RANGE]))", "{{state}}")],
            "stat",
            width=6,
        ),
        Panel(
            "Viewers now",
            "How many clients are connected?",
            "short",
            [Query("sum(runtail_socket_connections{SCOPE})")],
            width=6,
        ),
        Panel(
            "Output",
            "How much output do tasks write?",
            "Bps",
            [Query("sum(rate(runtail_worker_output_bytes_total{SCOPE}[RATE]))")],
            width=6,
        ),
        Panel(
            "Written to sent",
            "How long does live output take from the task's pipe to the relay's socket?",
            "s",
            [
                Query(f"histogram_quantile(0.5, sum by (le) (rate({LIVE}[RATE])))", "p50"),
                Query(f"histogram_quantile(0.99, sum by (le) (rate({LIVE}[RATE])))", "p99"),
            ],
            alerts=("RuntailLinesLate",),
            width=12,
            red_from=1,
        ),
        Panel(
            "Written to painted",
            "How long does output take until a browser has painted it?",
            "s",
            [
                Query(
                    "histogram_quantile(0.95, sum by (le) (rate(runtail_socket_painted_seconds_bucket{SCOPE}[RATE])))",
                    "p95",
                )
            ],
            alerts=("RuntailLinesLate",),
            width=12,
        ),
    ],
)
