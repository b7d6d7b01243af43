"""The counting of requests: windows in the store and in memory, whom they count, and how long they say to wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, request

from runtail.access.principal import Principal
from runtail.forwarded import HOPS
from runtail.settings import Settings, load_settings
from runtail.store import Store
from runtail_web import limits as limits_module
from runtail_web.limits import LimitName, Limits
from runtail_web.problems import Problem
from tests.support.passing_time import let_pass
from tests.support.ports import free_port
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.runs import make_store
from tests.support.waiting import wait_for

NOBODY: Any = None


def settings_on(url: str, prefix: str, **more: Any) -> Settings:
    """Settings with a store."""
    return load_settings({}, broker_url=url, store_url=url, key_prefix=prefix, **more)


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix)


@contextmanager
def asked(address: str = "192.0.2.1", **headers: str) -> Iterator[None]:
    """The current request comes from an address."""
    with Flask("test").test_request_context(environ_base={"REMOTE_ADDR": address}, headers=headers):
        yield


def ann(name: str = "user:ann") -> Principal:
    """Somebody who is logged in."""
    return Principal("user", name, "Ann", frozenset())


def taken(limits: Limits, name: LimitName, who: Principal | None, most: int = 1000) -> tuple[int, Problem]:
    """Send requests until one is refused; return how many were not, and the refusal."""
    for count in range(most):
        try:
            limits.count(name, who)
        except Problem as problem:
            return count, problem
    raise AssertionError(f"{most} requests and no limit")


def retry_after(problem: Problem) -> int:
    """What a refusal says."""
    assert problem.status == 429
    seconds = int(problem.headers["Retry-After"])
    assert f"Try again in {seconds} s." in problem.detail
    return seconds


@pytest.mark.parametrize(("name", "most", "seconds"), [("starts", 60, 60), ("changes", 60, 60), ("requests", 300, 6)])
def test_a_full_window_refuses_until_its_oldest_request_has_left(
    redis_url: str, key_prefix: str, store: Store, name: LimitName, most: int, seconds: int
) -> None:
    limits = Limits(settings_on(redis_url, key_prefix))
    with asked():
        count, problem = taken(limits, name, ann())
        assert count >= most
        assert problem.members == {"limit": name}
        told = retry_after(problem)
        assert 1 <= told <= seconds + 1
        # What is refused is not counted: asking again and again does not make it longer.
        for _ in range(5):
            with pytest.raises(Problem) as again:
                limits.count(name, ann())
            assert retry_after(again.value) <= told
        let_pass(store, told)
        limits.count(name, ann())
    assert limits.refused == {name: 6}


def test_the_wait_is_that_of_the_oldest_request(redis_url: str, key_prefix: str, store: Store) -> None:
    limits = Limits(settings_on(redis_url, key_prefix, limit_starts=3))
    with asked():
        limits.count("starts", ann())
        let_pass(store, 40)
        limits.count("starts", ann())
        limits.count("starts", ann())
        _, problem = taken(limits, "starts", ann())
        assert 10 <= retry_after(problem) <= 21
        let_pass(store, retry_after(problem))
        limits.count("starts", ann())
        _, problem = taken(limits, "starts", ann())
        assert 25 <= retry_after(problem) <= 60


def test_a_limit_of_0_is_none(redis_url: str, key_prefix: str, store: Store) -> None:
    off = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
    limits = Limits(settings_on(redis_url, key_prefix, **off))
    names: tuple[LimitName, ...] = ("starts", "changes", "requests")
    with asked():
        for name in names:
            for _ in range(400):
                limits.count(name, ann())
    assert not list(store.client.scan_iter(match=f"{store.keys.limits()}*"))


def test_web_services_count_together_whatever_their_clocks_say(
    redis_url: str, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Limits(settings_on(redis_url, key_prefix, limit_starts=10)) for _ in range(2))
    real = time.time
    with asked():
        for number in range(10):
            ahead = 3600.0 * (number % 2)
            monkeypatch.setattr(time, "time", lambda ahead=ahead: real() + ahead)
            (other if ahead else one).count("starts", ann())
        for limits, ahead in ((one, 0.0), (other, 3600.0), (one, -3600.0)):
            monkeypatch.setattr(time, "time", lambda ahead=ahead: real() + ahead)
            with pytest.raises(Problem) as refused:
                limits.count("starts", ann())
            assert retry_after(refused.value) <= 61


def test_everybody_has_a_window_of_their_own(redis_url: str, key_prefix: str) -> None:
    limits = Limits(settings_on(redis_url, key_prefix, limit_starts=2))
    nobody = Principal("anonymous", "", "anonymous (192.0.2.1)", frozenset())
    with asked("192.0.2.1"):
        assert taken(limits, "starts", ann())[0] == 2
        assert taken(limits, "starts", ann("user:bob"))[0] == 2
        assert taken(limits, "starts", nobody)[0] == 2
        assert taken(limits, "starts", NOBODY)[0] == 0, "without a principal it is the address, too"
    with asked("192.0.2.2"):
        assert taken(limits, "starts", nobody)[0] == 2
        assert taken(limits, "starts", ann())[0] == 0, "who is logged in is the same from everywhere"
        guest = Principal("share", "share:1", "a guest", frozenset())
        for _ in range(2):
            assert taken(limits, "starts", guest)[0] == 0, "a share link is not a person"
    with asked("2001:db8::1"):
        assert taken(limits, "starts", nobody)[0] == 2
    with asked("2001:db8::ffff:1"):
        assert taken(limits, "starts", nobody)[0] == 0, "a network of IPv6 is one"
    with asked("2001:db8:0:1::1"):
        assert taken(limits, "starts", nobody)[0] == 2
    with asked("::ffff:192.0.2.9"):
        assert taken(limits, "starts", nobody)[0] == 2
    with asked("192.0.2.9"):
        assert taken(limits, "starts", nobody)[0] == 0


def test_clients_of_a_proxy_that_nobody_told_of_are_not_taken_for_one(redis_url: str, key_prefix: str) -> None:
    limits = Limits(settings_on(redis_url, key_prefix, limit_starts=2))
    with asked("192.0.2.1", **{"X-Forwarded-For": "198.51.100.7"}):
        for _ in range(10):
            limits.count("starts", NOBODY)
        request.environ[HOPS] = 1
        assert taken(limits, "starts", NOBODY)[0] == 2, "this one, somebody told of"
        assert taken(limits, "starts", ann())[0] == 2
        # Login is counted in any case: the proxy's address is better than none.
        for _ in range(5):
            limits.begin_login("ann", "192.0.2.1")
        with pytest.raises(Problem):
            limits.begin_login("ann", "192.0.2.1")


def test_wrong_logins_wait_longer_the_more_there_are(redis_url: str, key_prefix: str, store: Store) -> None:
    limits = Limits(settings_on(redis_url, key_prefix))
    tried = 0
    waits = []
    while tried < 50:
        for _ in range(min(5, 50 - tried)):
            limits.begin_login("ann", "192.0.2.1")
            limits.login_failed()
            tried += 1
        if tried < 50:
            with pytest.raises(Problem) as refused:
                limits.begin_login("ann", "192.0.2.1")
            assert refused.value.members == {"limit": "login"}
            waits.append(retry_after(refused.value))
            let_pass(store, waits[-1])
    assert len(waits) == 9
    assert max(waits) <= 61, "five a minute"
    with pytest.raises(Problem) as refused:
        limits.begin_login("ann", "192.0.2.1")
    assert 61 < retry_after(refused.value) <= 3601, "and fifty an hour"
    # Nobody else is locked out, and the same name is not elsewhere.
    limits.begin_login("bob", "192.0.2.1")
    limits.begin_login("ann", "192.0.2.2")


def test_a_right_login_forgets_the_wrong_ones(redis_url: str, key_prefix: str, store: Store) -> None:
    limits = Limits(settings_on(redis_url, key_prefix))
    for _ in range(20):
        for _ in range(4):
            limits.begin_login("ann", "192.0.2.1")
            limits.login_failed()
        limits.begin_login("ann", "192.0.2.1")
        limits.login_succeeded("ann", "192.0.2.1")
        let_pass(store, 61)
    keys = b"".join(store.client.scan_iter(match=f"{store.keys.limits()}*"))
    assert b"ann" not in keys, "people type their password into the field for the name"


def test_all_wrong_logins_together_have_a_limit(redis_url: str, key_prefix: str, store: Store) -> None:
    limits = Limits(settings_on(redis_url, key_prefix))
    for number in range(100):
        limits.begin_login(f"user-{number}", f"192.0.2.{number}")
        limits.login_failed()
    with pytest.raises(Problem) as refused:
        limits.begin_login("ann", "198.51.100.1")
    assert refused.value.members == {"limit": "all-logins"}
    let_pass(store, retry_after(refused.value))
    limits.begin_login("ann", "198.51.100.1")


def test_wrong_tokens_and_codes_have_a_limit_and_right_ones_have_none(
    redis_url: str, key_prefix: str, store: Store
) -> None:
    limits = Limits(settings_on(redis_url, key_prefix))
    for _ in range(30):
        limits.check_guesses("192.0.2.1")
        limits.guessed_wrong("192.0.2.1")
    for question in (limits.check_guesses, limits.guessed_wrong):
        with pytest.raises(Problem) as refused:
            question("192.0.2.1")
        assert refused.value.members == {"limit": "guesses"}
    for _ in range(100):
        limits.check_guesses("192.0.2.2")
    let_pass(store, retry_after(refused.value))
    limits.guessed_wrong("192.0.2.1")


def test_without_a_store_each_service_counts_by_itself(
    own_redis_server: RedisServer, key_prefix: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "AWAY_SECONDS", 0.0)
    monkeypatch.setattr(limits_module, "TIMEOUT_SECONDS", 0.3)
    caplog.set_level("INFO", "runtail_web.limits")
    with TcpProxy(own_redis_server.host, own_redis_server.port) as proxy, asked():
        limits = Limits(settings_on(proxy.url, key_prefix, limit_starts=3))
        assert taken(limits, "starts", ann())[0] >= 3
        proxy.stall()
        count, problem = taken(limits, "starts", ann())
        assert count == 3
        assert retry_after(problem) <= 61
        limits.begin_login("ann", "192.0.2.1")
        limits.login_succeeded("ann", "192.0.2.1")
        limits.login_failed()
        proxy.resume()

        def counted_by_the_store() -> bool:
            # It has not forgotten.
            taken(limits, "starts", ann())
            return caplog.messages[-1] == "the store counts requests again"

        wait_for(counted_by_the_store, 10)
    assert caplog.messages[0].startswith("each web service counts requests by itself, because the store does not: ")
    assert len(caplog.messages) == 2


def test_a_store_that_is_away_is_not_asked_for_every_request(key_prefix: str) -> None:
    limits = Limits(settings_on(f"redis://127.0.0.1:{free_port()}/0", key_prefix, limit_requests=0))
    began = time.monotonic()
    with asked():
        for _ in range(50):
            limits.count("starts", ann())
    assert time.monotonic() - began < limits_module.AWAY_SECONDS


def test_a_store_that_lets_us_not_count_stops_nobody(
    own_redis_server: RedisServer, key_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    with own_redis_server.client() as client, asked():
        client.acl_setuser("web", enabled=True, passwords=["+word"], keys=["runtail:*"], categories=["+@all"])
        url = own_redis_server.url.replace("redis://", "redis://web:word@")
        limits = Limits(settings_on(url, key_prefix, limit_starts=3))
        assert taken(limits, "starts", ann())[0] == 3
    assert any("because the store does not" in record.message for record in caplog.records)
