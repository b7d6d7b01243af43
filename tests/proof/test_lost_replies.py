"""The reply to each append is lost once, after the store has acted on it: nothing stands there twice.

RUNTAIL_TEST_LOST_REPLIES sets how many appends are tried.
"""

from __future__ import annotations

import os

import pytest

from runtail.errors import StoreUnavailable
from runtail.log.writer import LogWriter
from runtail.protocol import RunState
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.store import Store
from tests.proof.checker import check
from tests.proof.stored import contradictions, final_log
from tests.proof.writer import line
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.runs import make_store

APPENDS = int(os.environ.get("RUNTAIL_TEST_LOST_REPLIES", "300"))


def again_until_heard(writer: LogWriter, proxy: TcpProxy, *, more: bytes = b"") -> None:
    """Flush with a lost reply, then again; *more* comes in between."""
    dropped = proxy.dropped_replies
    proxy.drop_reply(b"EVALSHA")
    with pytest.raises(StoreUnavailable):
        writer.flush()
    assert proxy.dropped_replies == dropped + 1
    if more:
        writer.add("o", more, 1)
    writer.flush()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("more_comes", [False, True], ids=["the same again", "more comes meanwhile"])
def test_a_lost_reply_at_each_append_doubles_nothing(
    redis_server: RedisServer, key_prefix: str, more_comes: bool
) -> None:
    direct = make_store(redis_server.url, key_prefix)
    with TcpProxy(redis_server.host, redis_server.port) as proxy:
        store: Store = make_store(proxy.url, key_prefix)
        claimed = claim(store, Delivery("r", "tests.task", "w"), owner="o", token="t")
        assert isinstance(claimed, Claimed)
        writer, number = LogWriter(store, claimed.claim), 0
        for _ in range(APPENDS // 2):
            texts = [line("r|1", number + n).encode() + b"\n" for n in (1, 2)]
            number += 2 if more_comes else 1
            writer.add("o", texts[0], 1)
            again_until_heard(writer, proxy, more=texts[1] if more_comes else b"")
        proxy.drop_reply(b"EVALSHA")
        with pytest.raises(StoreUnavailable):
            writer.end(RunState.SUCCEEDED, "done", t_ms=1, exit_status=0)
        writer.end(RunState.SUCCEEDED, "done", t_ms=1, exit_status=0)
        store.client.close()
    log = final_log(direct, "r")
    assert log["record"]["lines"] == number
    assert [str(violation) for violation in check([], {"r": log}, written={("r", 1): number})] == []
    assert contradictions(direct, "r") == []
    assert (writer.repairs, writer.losses) == (0, 0)
    direct.client.close()
