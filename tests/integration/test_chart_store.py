"""The users of the chart's bundled store, on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.redis_server import RedisServer

SCRIPT = Path(__file__).parents[2] / "helm/runtail/files/store/start.sh"


class BundledStore(RedisServer):
    """A server with the chart's users, whose passwords are their names here."""

    def client(self, **options: Any) -> redis.Redis:
        """A new client, which logs in as a worker of one's own would."""
        return super().client(**{"username": "client", "password": "client", **options})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BundledStore]:
    """A running server with the chart's users and an append-only file."""
    users = re.search(r"<<ACL\n(.*?)^ACL$", SCRIPT.read_text(), re.M | re.S)
    assert users is not None
    text = re.sub(r"\$PASSWORD_(\w+)", r"\1", users[1])
    text = re.sub(r"\{\{.*?\}\}", "runtail:", text)
    (tmp_path / "users.acl").write_text(text)
    settings = {"aclfile": str(tmp_path / "users.acl"), "protected-mode": "no"}
    with BundledStore(tmp_path, append_only="always", settings=settings) as server:
        yield server


def test_what_transactions_and_scripts_wrote_is_there_after_a_restart(store: BundledStore) -> None:
    with store.client() as client:
        client.set("alone", 1)
        with client.pipeline(transaction=True) as pipeline:
            pipeline.set("first", 1).set("second", 2).execute()
        client.eval("redis.call('SET', KEYS[1], 3) redis.call('SET', KEYS[2], 4)", 2, "third", "fourth")
        keys = {"alone", "first", "second", "third", "fourth"}
        assert client.exists(*keys) == len(keys)
    store.restart()
    with store.client() as client:
        assert client.exists(*keys) == len(keys), store.process.evidence()


def test_nobody_comes_in_without_a_login(store: BundledStore) -> None:
    for login in ({}, {"username": "default", "password": ""}, {"username": "default", "password": "default"}):
        with store.client(**{"username": None, "password": None, **login}) as client, pytest.raises(redis.RedisError):
            client.ping()
    with store.client(username="probe", password="none") as probe:
        assert probe.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            probe.get("alone")
