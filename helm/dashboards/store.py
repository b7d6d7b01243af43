"""The store, as web, relays and workers see it: managed servers have no exporter."""

from helm.dashboards.panels import PROCESS, Dashboard, Panel, Query

APPEND = "sum by (le) (rate(runtail_worker_store_seconds_bucket{SCOPE}[RATE]))"

STORE = Dashboard(
    "runtail-store",
    "Runtail / Store",
    "Whether the store answers, how full it is, and how quick.",
    [
        Panel(
            "Seen by each component",
            "Do all of them reach the store?",
            "bool_yes_no",
            [Query('min by (component) ({__name__=~"runtail_.*_store_up",SCOPE})', "{{component}}")],
            alerts=("RuntailStoreAway",),
            red_below=1,
        ),
        Panel(
            "Memory of the store",
            "How much of the store's limit is used? At the ceiling no output is stored.",
            "percentunit",
            [Query("max(runtail_web_store_used_bytes{SCOPE} / (runtail_web_store_limit_bytes{SCOPE} > 0))")],
            alerts=("RuntailStoreFilling", "RuntailStoreFull"),
            red_from=0.75,
            empty="the store has no maxmemory, and RUNTAIL_STORE_BYTES is not set",
        ),
        Panel(
            "Memory of ended runs",
            "How much of the budget do ended runs take? Above it the oldest go.",
            "percentunit",
            [Query("max(runtail_web_finished_bytes{SCOPE}) / max(runtail_web_budget_bytes{SCOPE})")],
            alerts=("RuntailStoreFilling",),
        ),
        Panel(
            "Memory, in bytes",
            "How much does the store hold in all, and how much of it are ended runs?",
            "bytes",
            [
                Query("max(runtail_web_store_used_bytes{SCOPE})", "in use"),
                Query("max(runtail_web_finished_bytes{SCOPE})", "ended runs"),
                Query("max(runtail_web_budget_bytes{SCOPE})", "their budget"),
            ],
            alerts=("RuntailStoreFilling",),
        ),
        Panel(
            "At the ceiling",
            "Is output held back because the store is full?",
            "bool_yes_no",
            [Query("max(runtail_worker_store_full{SCOPE})")],
            "stat",
            ("RuntailStoreFull",),
            red_from=1,
        ),
        Panel(
            "May delete keys",
            "May the store delete keys by itself? It must not.",
            "bool_yes_no",
            [Query('max({__name__=~"runtail_.*_store_evicts",SCOPE})')],
            "stat",
            ("RuntailStoreEvicts",),
            red_from=1,
        ),
        Panel(
            "Audit entries lost",
            "Were entries of the audit log not written? The store's copy may miss some; standard output must not.",
            "short",
            [
                Query("sum by (where) (increase(runtail_web_audit_lost_total{SCOPE}[RANGE]))", "web: {{where}}"),
                Query("sum(increase(runtail_socket_audit_lost_total{SCOPE}[RANGE]))", "relay: stdout"),
            ],
            "stat",
            red_from=1,
        ),
        Panel(
            "Appends",
            "How long does the store take for one append?",
            "s",
            [
                Query(f"histogram_quantile(0.5, {APPEND})", "p50"),
                Query(f"histogram_quantile(0.99, {APPEND})", "p99"),
            ],
            alerts=("RuntailSpoolFilling", "RuntailLinesLate"),
            width=12,
        ),
        Panel(
            "Errors",
            "How many calls does the store not answer, or refuse?",
            "cps",
            [
                Query(
                    "sum by (pod, instance) (rate(runtail_worker_store_errors_total{SCOPE}[RATE]))",
                    PROCESS,
                )
            ],
            alerts=("RuntailStoreAway",),
            width=12,
        ),
    ],
)
