"""Followed through a proxy that was told nothing of it, a log is live."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from runtail.store import Store
from tests.support.beating import beating
from tests.support.continuous_integration import lacking
from tests.support.nginx import nginx_before
from tests.support.relay import Producer, make_store
from tests.support.services import Service
from tests.support.waiting import wait_for


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    """A store with this test's key prefix."""
    return make_store(redis_url, key_prefix)


@pytest.fixture
def nginx(redis_url: str, key_prefix: str, store: Store, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx before a web service."""
    with ExitStack() as stack:
        stack.enter_context(beating(store))
        web = stack.enter_context(Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix}))
        yield stack.enter_context(nginx_before(web.url, tmp_path))


def test_followed_lines_come_when_they_are_written(nginx: str, store: Store, tmp_path: Path) -> None:
    producer = Producer(store)
    producer.write(1)
    output = tmp_path / "output"
    if shutil.which("curl") is None:
        lacking("no curl", "apt install curl")
    command = ["curl", "-sN", f"{nginx}/api/v1/runs/{producer.run_id}/log.txt?follow=1"]
    with output.open("wb") as file, subprocess.Popen(command, stdout=file) as curl:
        for count in range(1, 6):
            expected = b"".join(line + b"\n" for line in producer.expected())
            # What is written next waits for this: nothing but its own bytes can bring it.
            wait_for(lambda expected=expected: output.read_bytes() == expected, 10)  # type: ignore[misc]
            producer.write(count)
        assert curl.poll() is None
        producer.end()
        assert curl.wait(20) == 0
    assert output.read_bytes().splitlines() == producer.expected()


def test_hits_come_when_they_are_found(nginx: str, store: Store) -> None:
    producer = Producer(store)
    producer.write(3)
    with httpx.stream("GET", f"{nginx}/api/v1/runs/{producer.run_id}/log/search?q=line", timeout=20) as answer:
        assert answer.headers["cache-control"] == "no-store, no-transform"
        assert [json.loads(line)["line"] for line in answer.iter_lines() if '"spans"' in line] == [1, 2, 3]


def test_what_is_not_live_is_kept_back_by_nginx_as_usual(nginx: str, store: Store) -> None:
    producer = Producer(store)
    producer.write(20_000)
    producer.end()
    began = time.monotonic()
    answer = httpx.get(f"{nginx}/api/v1/runs/{producer.run_id}/log.txt", timeout=20)
    assert answer.text.splitlines() == [line.decode() for line in producer.expected()]
    assert time.monotonic() - began < 10
