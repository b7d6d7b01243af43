"""Each alert with recorded series: what it fires at, and what it must not fire at."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from helm.dashboards import DASHBOARDS
from runtail.metric_table import METRICS
from runtail.settings import SETTINGS
from tests.support.prometheus import ROOT, RULES, alerts, program, promtool_test, rules, with_threshold

SITE = 'namespace="n",release="r"'
#: Standard metrics of any Prometheus client, and of Prometheus itself.
OTHERS = {"up", "process_start_time_seconds", "process_resident_memory_bytes"}
#: A counter that stays, and one that has risen by one.
STILL, ROSE = "7x200", "0x100 1x100"


@dataclass(frozen=True)
class Case:
    """Series of an hour, in steps of 15 s, the last looked at after 30 minutes.

    :param fires: series by name and labels (those of the installation are added) with which the alert fires.
    :param holds: series, a dictionary for each case, with which it does not.
    """

    fires: dict[str, str]
    holds: list[dict[str, str]] = field(default_factory=list)
    at: str = "30m"


#: 1,000 times a second by the limits of buckets in seconds: half of it takes longer than a second, or nothing does.
SLOW = {'runtail_socket_sent_seconds_bucket{state="live",le="1"}': "0+500x200",
        'runtail_socket_sent_seconds_bucket{state="live",le="2.5"}': "0+1000x200",
        'runtail_socket_sent_seconds_bucket{state="live",le="+Inf"}': "0+1000x200"}  # fmt: skip
QUICK = dict.fromkeys(SLOW, "0+1000x200")
OLD_LOG = {name.replace("live", "catching-up"): values for name, values in SLOW.items()}

#: Two web services show the same queues: what is summed would count twice. A time of 0 is 1970, so ages are times.
CASES = {
    "RuntailStoreAway": Case(
        {"runtail_web_store_up{pod='a'}": "1x100 0x100", "runtail_web_store_up{pod='b'}": "0x200"},
        [{"runtail_web_store_up{pod='a'}": "0x200", "runtail_web_store_up{pod='b'}": "1x200"}],
    ),
    "RuntailStoreEvicts": Case(
        {"runtail_socket_store_evicts": "1x200", "runtail_web_store_evicts": "0x200"},
        [{"runtail_socket_store_evicts": "0x200", "runtail_worker_store_evicts": "0x200"}],
    ),
    "RuntailStoreFull": Case(
        {"runtail_worker_store_full{pod='a'}": "0x200", "runtail_worker_store_full{pod='b'}": "1x200"},
        [{"runtail_worker_store_full": "0x200"}],
    ),
    "RuntailStoreFilling": Case(
        {"runtail_web_store_used_bytes": "80x200", "runtail_web_store_limit_bytes": "100x200"},
        [
            {"runtail_web_store_used_bytes": "74x200", "runtail_web_store_limit_bytes": "100x200"},
            # No limit is known.
            {"runtail_web_store_used_bytes": "74x200", "runtail_web_store_limit_bytes": "0x200"},
            # Two services see the same 40 of 100 bytes.
            {
                **{f"runtail_web_store_used_bytes{{pod='{pod}'}}": "40x200" for pod in "ab"},
                **{f"runtail_web_store_limit_bytes{{pod='{pod}'}}": "100x200" for pod in "ab"},
            },
        ],
    ),
    "RuntailNobodyReaps": Case(
        {"runtail_web_reaper_round_timestamp_seconds": "900x200", "runtail_web_store_up": "1x200"},
        [
            # One of two reaps.
            {
                "runtail_web_reaper_round_timestamp_seconds{pod='a'}": "900x200",
                "runtail_web_reaper_round_timestamp_seconds{pod='b'}": "0+15x200",
                "runtail_web_store_up": "1x200",
            },
            # While the store is away nobody can, and another alert says so.
            {"runtail_web_reaper_round_timestamp_seconds": "900x200", "runtail_web_store_up": "0x200"},
        ],
    ),
    "RuntailOutputDropped": Case(
        {"runtail_worker_dropped_bytes_total": "0x110 4096x100"},
        # The second is a process that was started again.
        [{"runtail_worker_dropped_bytes_total": STILL}, {"runtail_worker_dropped_bytes_total": "9x100 0x100"}],
    ),
    "RuntailLogLost": Case(
        {"runtail_worker_losses_total": ROSE},
        [{"runtail_worker_losses_total": STILL}, {"runtail_worker_losses_total": "9x100 0x100"}],
    ),
    "RuntailSpoolFilling": Case(
        {"runtail_worker_spool_bytes": "60x200", "runtail_worker_spool_limit_bytes": "100x200"},
        [
            {"runtail_worker_spool_bytes": "49x200", "runtail_worker_spool_limit_bytes": "100x200"},
            {
                **{f"runtail_worker_spool_bytes{{pod='{pod}'}}": "40x200" for pod in "ab"},
                **{f"runtail_worker_spool_limit_bytes{{pod='{pod}'}}": "100x200" for pod in "ab"},
            },
        ],
    ),
    "RuntailQueueWithoutWorker": Case(
        {
            "runtail_web_queue_oldest_seconds{queue='misspelt'}": "0+15x200",
            "runtail_web_queue_workers{queue='misspelt'}": "0x200",
            "runtail_web_queue_workers{queue='celery'}": "1x200",
        },
        [
            {
                "runtail_web_queue_oldest_seconds{queue='celery'}": "0+15x200",
                "runtail_web_queue_workers{queue='celery'}": "1x200",
            },
            # Others than ours take from it: it moves.
            {
                "runtail_web_queue_oldest_seconds{queue='mails'}": "20x200",
                "runtail_web_queue_workers{queue='mails'}": "0x200",
            },
            # Of two web services one has not seen the new worker yet.
            {
                "runtail_web_queue_oldest_seconds{queue='celery',pod='a'}": "0+15x200",
                "runtail_web_queue_workers{queue='celery',pod='a'}": "0x200",
                "runtail_web_queue_workers{queue='celery',pod='b'}": "1x200",
            },
        ],
    ),
    "RuntailRunsWait": Case(
        {
            "runtail_web_queue_oldest_seconds{queue='celery'}": "0+15x200",
            "runtail_web_queue_workers{queue='celery'}": "2x200",
        },
        [
            {
                "runtail_web_queue_oldest_seconds{queue='celery'}": "200x200",
                "runtail_web_queue_workers{queue='celery'}": "2x200",
            },
            # Another alert says so.
            {
                "runtail_web_queue_oldest_seconds{queue='celery'}": "900x200",
                "runtail_web_queue_workers{queue='celery'}": "0x200",
            },
        ],
    ),
    "RuntailRunsLost": Case(
        {"runtail_web_reaper_actions_total{action='lost'}": ROSE},
        [
            {"runtail_web_reaper_actions_total{action='lost'}": STILL},
            {"runtail_web_reaper_actions_total{action='cancelled'}": ROSE},
        ],
    ),
    "RuntailWorkerFenced": Case(
        {"runtail_worker_fenced_total": ROSE},
        [{"runtail_worker_fenced_total": STILL}, {"runtail_worker_fenced_total": "9x100 0x100"}],
    ),
    "RuntailLinesLate": Case(SLOW, [QUICK, {**QUICK, **OLD_LOG}]),
    "RuntailRelaysFull": Case(
        {"runtail_socket_refused_total{reason='full'}": "0x100 0+1x100"},
        [
            {"runtail_socket_refused_total{reason='full'}": STILL},
            {"runtail_socket_refused_total{reason='draining'}": "0+1x200"},
        ],
    ),
    "RuntailViewersReset": Case(
        {"runtail_socket_resets_total": ROSE},
        [{"runtail_socket_resets_total": STILL}, {"runtail_socket_resets_total": "9x100 0x100"}],
    ),
    "RuntailListenerStalled": Case(
        {"runtail_socket_listener_stalls_total{pod='a'}": "0x100 4x100"},
        [
            {"runtail_socket_listener_stalls_total{pod='a'}": ROSE},
            # Once on each of four relays: the store was away.
            {f"runtail_socket_listener_stalls_total{{pod='{pod}'}}": ROSE for pod in "abcd"},
        ],
    ),
    "RuntailWebErrors": Case(
        {
            "runtail_web_requests_total{status='5xx'}": "0+1x200",
            "runtail_web_requests_total{status='2xx'}": "0+9x200",
        },
        [
            {
                "runtail_web_requests_total{status='5xx'}": "0+1x200",
                "runtail_web_requests_total{status='4xx'}": "0+99x200",
            },
            # Nobody asks.
            {"runtail_web_requests_total{status='5xx'}": "1x200", "runtail_web_requests_total{status='2xx'}": "1x200"},
        ],
    ),
    "RuntailHostRefused": Case(
        {"runtail_socket_refused_total{reason='host'}": "0+1x200"},
        [
            {"runtail_socket_refused_total{reason='host'}": "0x115 5x100"},
            {"runtail_socket_refused_total{reason='full'}": "0+9x200"},
        ],
    ),
    "RuntailNoLogin": Case(
        {"runtail_auth_exposed{pod='a'}": "0x200", "runtail_auth_exposed{pod='b'}": "1x200"},
        # The second: no login, on one machine alone.
        [
            {"runtail_auth_exposed": "0x200", "runtail_auth_mode{mode='password'}": "1x200"},
            {"runtail_auth_exposed": "0x200", "runtail_auth_mode{mode='none'}": "1x200"},
        ],
    ),
    "RuntailPoliciesDiffer": Case(
        {f"runtail_auth_policy_info{{pod='{pod}',digest='{digest}'}}": "1x200" for pod, digest in ("a1", "b2")},
        [
            {f"runtail_auth_policy_info{{pod='{pod}',digest='1'}}": "1x200" for pod in "ab"},
            # One pod is a minute later than the other.
            {
                "runtail_auth_policy_info{pod='a',digest='1'}": "1x112 _x100",
                "runtail_auth_policy_info{pod='a',digest='2'}": "_x112 1x100",
                "runtail_auth_policy_info{pod='b',digest='1'}": "1x116 _x100",
                "runtail_auth_policy_info{pod='b',digest='2'}": "_x116 1x100",
            },
        ],
    ),
    "RuntailLoginFileStale": Case(
        {f"runtail_auth_file_stale{{pod='{pod}',file='users'}}": f"{stale}x200" for pod, stale in ("a0", "b1")},
        [{"runtail_auth_file_stale{file='users'}": "0x200", "runtail_auth_file_stale{file='policy'}": "0x200"}],
    ),
    "RuntailMessagesRejected": Case(
        {"runtail_worker_rejected_total{reason='signature'}": ROSE},
        [
            {"runtail_worker_rejected_total{reason='signature'}": STILL},
            {"runtail_worker_rejected_total{reason='signature'}": "9x100 0x100"},
        ],
    ),
    "RuntailCanaryFails": Case(
        {"runtail_canary_last_success_timestamp_seconds": "900x200"},
        [{"runtail_canary_last_success_timestamp_seconds": "0+15x200"}],
    ),
    "RuntailTargetDown": Case(
        {
            "up{job='j',component='relay',pod='a'}": "0x200",
            "runtail_build_info{job='j',component='web',version='1'}": "1x200",
        },
        [
            {
                "up{job='j',component='relay',pod='a'}": "1x200",
                "runtail_build_info{job='j',component='web',version='1'}": "1x200",
            },
            # Somebody else's web.
            {
                "up{job='other',component='web'}": "0x200",
                "runtail_build_info{job='j',component='web',version='1'}": "1x200",
            },
        ],
    ),
    "RuntailVersionSkew": Case(
        {"runtail_build_info{version='1'}": "1x400", "runtail_build_info{version='2'}": "1x400"},
        [
            {"runtail_build_info{version='1',component='web'}": "1x400",
             "runtail_build_info{version='1',component='relay'}": "1x400"},
            # An upgrade that takes ten minutes.
            {"runtail_build_info{version='1'}": "1x40 _x360", "runtail_build_info{version='2'}": "1x400"},
        ],
        at="45m",
    ),
}  # fmt: skip


def series(given: dict[str, str]) -> list[dict[str, str]]:
    made = []
    for name, values in given.items():
        metric, _, labels = name.rstrip("}").replace("'", '"').partition("{")
        made.append({"series": f"{metric}{{{','.join(filter(None, [SITE, labels]))}}}", "values": values})
    return made


def test_every_alert_has_its_cases() -> None:
    assert CASES.keys() == alerts().keys()
    assert len(CASES) == 25


def test_each_fires_at_its_fault_and_at_nothing_else(tmp_path: Path) -> None:
    """All in one run of promtool, which names those that are wrong."""
    tests = []
    for name, case in CASES.items():
        assert case.holds
        firing = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
        for number, (given, fires) in enumerate([(case.fires, True), *((held, False) for held in case.holds)]):
            samples = [{"labels": "{}", "value": 1}] if fires else []
            asked = {"expr": firing, "eval_time": case.at, "exp_samples": samples}
            tests.append(
                {
                    "name": f"{name} {number}",
                    "interval": "15s",
                    "input_series": series(given),
                    "promql_expr_test": [asked],
                }
            )
    done = promtool_test(tmp_path, tests)
    assert done.returncode == 0, done.stdout + done.stderr


def test_texts_are_filled_in(tmp_path: Path) -> None:
    """With no alert expected promtool says what it got."""
    tests = [
        {
            "interval": "15s",
            "input_series": series(case.fires),
            "alert_rule_test": [{"eval_time": case.at, "alertname": name, "exp_alerts": []}],
        }
        for name, case in CASES.items()
    ]
    done = promtool_test(tmp_path, tests)
    said = done.stdout + done.stderr
    got = re.findall(r"got:\[(.*?)\]\n", said, re.DOTALL)
    assert len(got) == len(CASES), said
    for text in got:
        assert 'release="r"' in text
        assert "First: `kubectl -n n " in text, text
        assert not re.search(r"<error|<no value>|\{\{|%!|NaN", text), text


def test_prometheus_accepts_the_rules() -> None:
    command = [program("promtool"), "check", "rules", *map(str, RULES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_name_metrics_that_are_there(rule: dict[str, Any]) -> None:
    names = {metric.name for metric in METRICS} | {one["record"] for one in rules() if "record" in one} | OTHERS
    asked = set(re.findall(r"\b(?:release:)?(?:runtail|process)_\w+(?::\w+)?|\bup\b", rule["expr"]))
    patterns = set(re.findall(r'__name__=~"([^"]+)"', rule["expr"]))
    for pattern in patterns:
        assert any(re.fullmatch(pattern, name) for name in names)
        asked -= set(re.findall(r"\w+", pattern))
    assert asked | patterns
    assert {re.sub(r"_bucket$", "", name) for name in asked} - names == set()


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_what_to_do(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{name}.md")
    # So that the chart can put another threshold there.
    assert with_threshold(rule["expr"], 123.0).endswith(" 123")


@pytest.mark.parametrize("name", alerts())
def test_a_runbook_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    text = (ROOT / "docs/runbooks" / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["What it means", "Look", "Do", "What is lost"]
    look = re.search(r"## Look\n\n```sh\n(.*?)```\n\n\S", text, re.DOTALL)
    assert look, "commands first, then what to look for"
    for command in look[1].splitlines():
        assert re.match(r"(kubectl( -n \$NS| get| top)|helm -n \$NS) ", f"{command} "), command
    # Only settings that there are.
    settings = {setting.variable for setting in SETTINGS}
    assert set(re.findall(r"RUNTAIL_[A-Z_]+", text)) <= settings
    titles = {panel.title for dashboard in DASHBOARDS for panel in dashboard.panels}
    titles |= {dashboard.title for dashboard in DASHBOARDS}
    assert {" ".join(named.split()) for named in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text)} <= titles


def test_there_is_no_runbook_without_an_alert() -> None:
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} - {"README"}
    assert pages == alerts().keys()
