"""Who watches, how quickly they see it, and who is turned away."""

from helm.dashboards.panels import PROCESS, Dashboard, Panel, Query

VIEWERS = Dashboard(
    "runtail-viewers",
    "Runtail / Viewers",
    "The relays and the web service, as those who look at logs meet them.",
    [
        Panel(
            "Viewers per relay",
            "Are viewers spread over the relays?",
            "short",
            [Query("sum by (pod, instance) (runtail_socket_connections{SCOPE})", PROCESS)],
        ),
        Panel(
            "Room taken",
            "How much of what all relays may take is taken?",
            "percentunit",
            [Query("sum(runtail_socket_connections{SCOPE}) / sum(runtail_socket_max_connections{SCOPE})")],
            alerts=("RuntailRelaysFull",),
            red_from=0.8,
        ),
        Panel(
            "Live or catching up",
            "Do viewers see live output, or are they still served from the store?",
            "short",
            [
                Query("sum by (state) (runtail_socket_subscriptions{SCOPE})", "{{state}}"),
                Query("sum(runtail_socket_watched_runs{SCOPE})", "runs watched"),
            ],
        ),
        Panel(
            "Frames per relay",
            "How many frames of output does each relay send?",
            "cps",
            [Query("sum by (pod, instance) (rate(runtail_socket_frames_total{SCOPE}[RATE]))", PROCESS)],
        ),
        Panel(
            "Bytes per relay",
            "How much does each relay send?",
            "Bps",
            [
                Query(
                    "sum by (pod, instance) (rate(runtail_socket_sent_bytes_total{SCOPE}[RATE]))",
                    PROCESS,
                )
            ],
        ),
        Panel(
            "Delay of live output",
            "How is the delay from written to sent distributed?",
            "s",
            [Query('sum by (le) (increase(runtail_socket_sent_seconds_bucket{SCOPE,state="live"}[RATE]))')],
            "heatmap",
            ("RuntailLinesLate",),
        ),
        Panel(
            "Refused",
            "Which handshakes are refused, and why?",
            "cps",
            [Query("sum by (reason) (rate(runtail_socket_refused_total{SCOPE}[RATE]))", "{{reason}}")],
            alerts=("RuntailRelaysFull", "RuntailHostRefused"),
        ),
        Panel(
            "Sent away",
            "Whom do relays send away: at a drain, or because they are slow or silent?",
            "cps",
            [Query("sum by (reason) (rate(runtail_socket_sent_away_total{SCOPE}[RATE]))", "{{reason}}")],
        ),
        Panel(
            "Resets, stalls and catch-ups",
            "Were logs loaded again from their start, did a listener stall, how often does the store serve somebody?",
            "short",
            [
                Query("sum(increase(runtail_socket_resets_total{SCOPE}[RATE]))", "resets"),
                Query("sum(increase(runtail_socket_listener_stalls_total{SCOPE}[RATE]))", "listener stalls"),
                Query("sum(increase(runtail_socket_catch_ups_total{SCOPE}[RATE]))", "catch-ups"),
            ],
            alerts=("RuntailViewersReset", "RuntailListenerStalled"),
        ),
        Panel(
            "Event loop lag",
            "Is a relay so busy that everybody on it waits?",
            "s",
            [
                Query(
                    "histogram_quantile(0.99, "
                    "sum by (le, pod, instance) (rate(runtail_socket_loop_lag_seconds_bucket{SCOPE}[RATE])))",
                    PROCESS,
                )
            ],
            alerts=("RuntailLinesLate",),
        ),
        Panel(
            "Memory of relays",
            "Does a relay come near its limit?",
            "bytes",
            [
                Query(
                    'sum by (pod, instance) (process_resident_memory_bytes{SCOPE,component="relay"})',
                    PROCESS,
                )
            ],
        ),
        Panel(
            "Requests",
            "How many requests does web answer, and how?",
            "reqps",
            [Query("sum by (status) (rate(runtail_web_requests_total{SCOPE}[RATE]))", "{{status}}")],
            alerts=("RuntailWebErrors",),
        ),
        Panel(
            "Slowest routes",
            "Which pages and calls are slow?",
            "s",
            [
                Query(
                    "histogram_quantile(0.99, "
                    "sum by (le, route) (rate(runtail_web_request_seconds_bucket{SCOPE}[RATE])))",
                    "{{route}}",
                )
            ],
            alerts=("RuntailWebErrors",),
            width=16,
        ),
        Panel(
            "Limited",
            "Which limits do requests exceed? They are answered 429. Guessed passwords are among them.",
            "reqps",
            [Query("sum by (limit) (rate(runtail_web_limited_total{SCOPE}[RATE]))", "{{limit}}")],
        ),
        Panel(
            "Policies in force",
            "How many services judge by each policy? While it changes there are two.",
            "short",
            [Query("count by (digest) (runtail_auth_policy_info{SCOPE})", "{{digest}}")],
            alerts=("RuntailPoliciesDiffer",),
        ),
        Panel(
            "Login",
            "Is there a service without a login that others reach, or with a file that it cannot read again?",
            "short",
            [
                Query("max(runtail_auth_exposed{SCOPE})", "no login"),
                Query("max by (file) (runtail_auth_file_stale{SCOPE})", "{{file}}"),
            ],
            alerts=("RuntailNoLogin", "RuntailLoginFileStale"),
            red_from=1,
        ),
    ],
)
