"""The web service's admin port: health, readiness, metrics."""

from __future__ import annotations

from pathlib import Path

import httpx

from runtail.auth.tokens import Tokens
from runtail.metric_table import METRICS
from tests.support.beating import beating
from tests.support.redis_server import RedisServer
from tests.support.runs import make_store, open_run
from tests.support.services import Service
from tests.support.waiting import wait_for


def test_every_metric_of_the_table_is_exposed_and_counts(
    own_redis_server: RedisServer, key_prefix: str, tmp_path: Path
) -> None:
    # Not the shared one: of the queues of all other tests only so many have names in metrics.
    redis_url = own_redis_server.url
    store = make_store(redis_url, key_prefix)
    open_run(store)
    Tokens(store).make("ci", "user:ann", "ann", ["run:read"], 1)
    with beating(store), Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix}) as web:
        httpx.get(f"{web.url}/api/v1/runs")
        httpx.get(f"{web.url}/api/v1/runs/some-unbounded-name")
        httpx.get(f"{web.url}/some/other/unbounded-name")
        admin = f"http://127.0.0.1:{web.admin_port}"
        assert httpx.get(f"{admin}/healthz").status_code == 200
        assert httpx.get(f"{admin}/readyz").status_code == 200
        # The last two that come: a round of the reaper, and a look at queues, of which there is none yet.
        store.client.sadd("_kombu.binding.builds", b"builds\x06\x16\x06\x16builds")
        wait_for(lambda: "runtail_web_reaper_round_timestamp_seconds " in httpx.get(f"{admin}/metrics").text, 20)
        wait_for(lambda: 'runtail_web_queue_waiting{queue="builds"}' in httpx.get(f"{admin}/metrics").text, 20)
        text = httpx.get(f"{admin}/metrics").text
        for metric in METRICS:
            if metric.component in ("web", "login", "every"):
                assert f"# TYPE {metric.name.removesuffix('_total')}" in text, metric.name
        assert 'runtail_web_requests_total{route="/api/v1/runs",status="2xx"} 1.0' in text
        assert 'runtail_web_requests_total{route="/api/v1/runs/<run_id>",status="4xx"} 1.0' in text
        assert 'runtail_web_runs{state="running"} 1.0' in text
        assert "runtail_web_store_up 1.0" in text
        assert "unbounded" not in text


def test_it_is_ready_once_the_store_was_seen(own_redis_server: RedisServer, tmp_path: Path) -> None:
    own_redis_server.kill()
    with Service("web", tmp_path, {"broker_url": own_redis_server.url}) as web:
        admin = f"http://127.0.0.1:{web.admin_port}"
        assert httpx.get(f"{admin}/healthz").status_code == 200
        assert httpx.get(f"{admin}/readyz", timeout=20).status_code == 503
        own_redis_server.start()
        wait_for(lambda: httpx.get(f"{admin}/readyz", timeout=20).status_code == 200, 20)
        own_redis_server.kill()
        assert httpx.get(f"{admin}/readyz", timeout=20).status_code == 200
        metrics = httpx.get(f"{admin}/metrics", timeout=20)
        assert "runtail_web_store_up 0.0" in metrics.text
