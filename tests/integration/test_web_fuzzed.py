"""Schemathesis against a real web service: what its description allows and what it does not, the same each time.

``test_web_schema.py`` tries each operation with few values and no server. Here they come over the network, with the
values at each edge of the description, and one request follows from the answer to another.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, write_lines
from tests.support.services import Service

TASK = {"name": "tests.echo", "schema": {"type": "object"}, "queue": "fuzzed", "doc": "Prints."}
#: A run that there is: a made-up one is rarely found. The deletion has another, or nothing would be left.
CONFIG = """
[parameters]
"path.run_id" = "over"

[[operations]]
include-method = "DELETE"
parameters = { "path.run_id" = "gone" }

[checks.positive_data_acceptance]
# 403: a share link is opened by pages only.
expected-statuses = ["2xx", 400, 403, 404, 409, 422]

[checks.negative_data_rejection]
expected-statuses = [400, 403, 404, 405, 409, 413, 414, 415, 422]
"""


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    """A store with a task and two ended runs."""
    made = make_store(redis_url, key_prefix)
    made.client.hset(made.keys.tasks(), "tests.echo", orjson.dumps(TASK))
    for run_id in ("over", "gone"):
        writer = open_run(made, run_id)
        write_lines(writer, 1, 30)
        writer.add("o", b"\x1b[31m\xff no text", 1)
        finish(writer)
    return made


@pytest.fixture
def web(redis_url: str, key_prefix: str, tmp_path: Path, store: Store) -> Iterator[Service]:
    """A running web service."""
    # Nobody else sends as many requests; what the limits answer is not what is looked at here.
    unlimited = dict.fromkeys(("limit_starts", "limit_changes", "limit_requests"), 0)
    with Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix, **unlimited}) as service:
        yield service


@pytest.mark.timeout(240)
def test_no_request_breaks_the_service_or_gets_an_answer_that_is_not_described(web: Service, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", tmp_path / "schemathesis.toml"),
            *("run", f"{web.url}/api/v1/openapi.json", "--generation-deterministic", "--max-examples", "100"),
            *("--request-timeout", "20", "--suppress-health-check", "all", "--warnings", "off", "--no-color"),
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("SCHEMATHESIS")},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    (tried,) = re.findall(r"(\d+) generated", done.stdout)
    assert int(tried) >= 1000, done.stdout
    assert web.get("/readyz")[0] == 200
