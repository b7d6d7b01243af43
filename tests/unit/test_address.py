"""One reading of a Redis URL: what it means, what it is shown as, what it must not be."""

from __future__ import annotations

import re
import ssl
from typing import Any

import pytest
from celery import Celery
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.sentinel import SentinelConnectionPool

from runtail.address import Address, Tls, hide_password, parse
from runtail.celery_settings import celery_settings
from runtail.errors import ConfigError
from runtail.settings import load_settings
from runtail.store import connect

LOGIN: Any = {"username": "ann", "password": "p@ss/w:?#"}
WRITTEN = "ann:p%40ss%2Fw%3A%3F%23@"
SENTINELS = (("a", 26380), ("b", 26379))
#: Something that can be read.
FILE = __file__


@pytest.mark.parametrize(
    ("url", "address", "shown"),
    [
        ("redis://", Address((("localhost", 6379),)), "redis://localhost:6379/0"),
        ("redis://h", Address((("h", 6379),)), "redis://h:6379/0"),
        ("redis://h:7/3", Address((("h", 7),), database=3), "redis://h:7/3"),
        ("redis://h:7?db=3", Address((("h", 7),), database=3), "redis://h:7/3"),
        ("redis://h//", Address((("h", 6379),)), "redis://h:6379/0"),
        ("redis://[::1]:7/0", Address((("::1", 7),)), "redis://[::1]:7/0"),
        (f"redis://{WRITTEN}h/0", Address((("h", 6379),), **LOGIN), "redis://h:6379/0"),
        ("redis://:pw@h", Address((("h", 6379),), password="pw"), "redis://h:6379/0"),
        ("rediss://h", Address((("h", 6379),), tls=Tls()), "rediss://h:6379/0"),
        (
            "rediss://h?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=%2Fca&ssl_certfile=/c&ssl_keyfile=/k",
            Address((("h", 6379),), tls=Tls("none", True, "/ca", "/c", "/k")),
            "rediss://h:6379/0",
        ),
        (
            "rediss://h?ssl_check_hostname=false",
            Address((("h", 6379),), tls=Tls(ssl_check_hostname=False)),
            "rediss://h:6379/0",
        ),
        ("unix:///run/r.sock", Address(path="/run/r.sock"), "unix:///run/r.sock"),
        ("unix://:pw@/run/r.sock?db=2", Address(path="/run/r.sock", database=2, password="pw"), "unix:///run/r.sock"),
        ("redis+socket:///r.sock?virtual_host=2", Address(path="/r.sock", database=2), "unix:///r.sock"),
        (
            f"redis+sentinel://{WRITTEN}a:26380,b/2?master=m",
            Address(SENTINELS, database=2, master="m", **LOGIN),
            "redis+sentinel://a:26380,b:26379/2",
        ),
        (
            "sentinel://:pw@a:26380/2;sentinel://:pw@b/2?master_name=m",
            Address(SENTINELS, database=2, master="m", password="pw"),
            "redis+sentinel://a:26380,b:26379/2",
        ),
        (
            "rediss+sentinel://a:26380,b?master=m&sentinel_password=s%26p&sentinel_username=eve&ssl_ca_certs=/ca",
            Address(
                SENTINELS, master="m", tls=Tls(ssl_ca_certs="/ca"), sentinel_tls=Tls(ssl_ca_certs="/ca"),
                sentinel_username="eve", sentinel_password="s&p",
            ),
            "rediss+sentinel://a:26380,b:26379/0",
        ),
        (
            "rediss+sentinel://[::1]:1?master=m&sentinel_tls=off",
            Address((("::1", 1),), master="m", tls=Tls()),
            "rediss+sentinel://[::1]:1/0",
        ),
        (
            "redis+sentinel://a?master=m&sentinel_tls=on&sentinel_ssl_cert_reqs=none",
            Address((("a", 26379),), master="m", sentinel_tls=Tls("none")),
            "redis+sentinel://a:26379/0",
        ),
    ],
)  # fmt: skip
def test_what_a_url_means(url: str, address: Address, shown: str) -> None:
    found = parse(url, "it")
    assert found == address
    assert found.shown == shown
    assert parse(found.url, "it") == address


hosts = st.one_of(st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True), st.ip_addresses(v=6).map(str))
places = st.tuples(hosts, st.integers(1, 65535))
texts = st.text(st.characters(codec="utf-8"), max_size=12)
tls = st.builds(
    Tls, st.sampled_from(["required", "optional", "none"]), st.booleans(), texts, texts, texts
)  # fmt: skip
addresses = st.one_of(
    st.builds(
        Address, st.tuples(places), database=st.integers(0, 99), username=texts, password=texts, tls=st.none() | tls
    ),
    st.builds(
        Address, st.lists(places, min_size=1, max_size=4).map(tuple), database=st.integers(0, 99), username=texts,
        password=texts, tls=st.none() | tls, master=texts.filter(bool), sentinel_username=texts,
        sentinel_password=texts, sentinel_tls=st.none() | tls,
    ),
)  # fmt: skip


@given(addresses)
def test_an_address_survives_its_url(address: Address) -> None:
    assert parse(address.url, "it") == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://h:many/0", "the port is not a number from 1 to 65535"),
        ("redis://h:0/0", "the port is not a number"),
        ("redis://h:65536/0", "the port is not a number"),
        ("redis://::1/0", "the host cannot be read; write an IPv6 address in brackets, as in [::1]:6379"),
        ("redis://h/first", "the database is not a number; the usual one is 0"),
        ("redis://h/-1", "the database is not a number"),
        ("redis://a,b/0", "it names several servers; sentinels are written redis+sentinel://HOST,HOST/0?master=NAME"),
        ("redis://h/0?no_such_option=1", "it has the option 'no_such_option'; known are db"),
        ("redis://h/0?ssl_ca_certs=/ca", "known are db; TLS begins with rediss://"),
        ("rediss://h/0?ssl_cert_reqs=maybe", "ssl_cert_reqs is not one of required, optional, none"),
        ("rediss://h/0?ssl_check_hostname=perhaps", "ssl_check_hostname is neither on nor off"),
        ("unix://", "it names no socket; write unix:///path/to/the.sock"),
        ("redis+sentinel://a,b/0", "sentinels need the name of the server that they watch: ?master=NAME"),
        ("sentinel://a:1/0;sentinel://b:2/0", "sentinels need the name"),
        ("redis+sentinel://a/0?master=m&ssl_ca_certs=/ca", "TLS, which begins with rediss+sentinel://"),
        ("redis+sentinel://a/0?master=m&sentinel_tls=sure", "sentinel_tls is neither on nor off"),
        (
            "redis://:open/sesame@h/0",
            "write '/', '?', '#', ',' and '@' in a user or password as %2F, %3F, %23, %2C and %40",
        ),
        ("redis://:open?sesame@h/0", "write '/'"),
        ("redis://ann:opensesame", "the port is not a number"),
        ("redis://:open#sesame@h/0", "write '/'"),
    ],
)
@pytest.mark.parametrize("name", ["RUNTAIL_STORE_URL", "RUNTAIL_BROKER_URL"])
def test_what_it_must_not_be(name: str, url: str, why: str) -> None:
    what = "the store's URL" if "STORE" in name else "the broker's URL"
    with pytest.raises(ConfigError, match=re.escape(why)) as raised:
        load_settings({name: url})
    assert str(raised.value).startswith(f"{what} {hide_password(url)} cannot be used: ")
    assert "sesame" not in str(raised.value)


@given(
    st.sampled_from(["redis", "rediss", "redis+sentinel", "sentinel", "unix", "redis+socket", "rediss+sentinel"]),
    st.text(st.sampled_from(":/?#@;,[]&=%x0"), max_size=8),
    st.text(st.sampled_from(":/?#@;,[]&=%x0"), max_size=8),
    st.sampled_from(["{before}:{secret}{after}@host/0", "host:6379/0?{before}password={secret}{after}"]),
)
@settings(max_examples=500)
def test_no_error_shows_a_password(scheme: str, before: str, after: str, shape: str) -> None:
    """Wherever it has slipped to."""
    url = f"{scheme}://" + shape.format(before=before, secret="opensesame", after=after)
    assert "opensesame" not in hide_password(url)
    try:
        said = parse(url, "it").shown
    except ConfigError as error:
        said = str(error)
    assert "opensesame" not in said


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("rediss://h", {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}),
        ("rediss://h?ssl_cert_reqs=none", {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}),
        (
            f"rediss://h?ssl_ca_certs={FILE}&ssl_check_hostname=off",
            {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": False, "ssl_ca_certs": FILE},
        ),
    ],
)
def test_the_store_and_celery_verify_alike(url: str, wanted: dict[str, Any]) -> None:
    client = connect(load_settings({"RUNTAIL_STORE_URL": url, "RUNTAIL_TLS_INSECURE": "on"}))
    kwargs = client.connection_pool.connection_kwargs
    assert {name: kwargs[name] for name in wanted} == wanted
    found = celery_settings(url, results=True)
    assert found["broker_use_ssl"] == found["redis_backend_use_ssl"] == wanted
    app = Celery("any", set_as_current=False)
    app.conf.update(found)
    assert app.connection_for_write().ssl == wanted


def test_sentinels_with_passwords_of_their_own() -> None:
    url = "rediss+sentinel://ann:pw@a:1,b:2/3?master=m&sentinel_username=eve&sentinel_password=spw&ssl_cert_reqs=none"
    client = connect(load_settings({"RUNTAIL_STORE_URL": url, "RUNTAIL_TLS_INSECURE": "on"}))
    pool = client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert (pool.service_name, pool.connection_kwargs["username"], pool.connection_kwargs["password"]) == (
        "m", "ann", "pw",
    )  # fmt: skip
    own = [sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"], one["username"], one["password"]) for one in own] == [
        ("a", 1, "eve", "spw"), ("b", 2, "eve", "spw"),
    ]  # fmt: skip
    found = celery_settings(url)
    assert found["broker_url"] == "sentinel://ann:pw@a:1/3;sentinel://ann:pw@b:2/3"
    options = found["broker_transport_options"]
    assert options["master_name"] == "m"
    kwargs = options["sentinel_kwargs"]
    assert (kwargs["username"], kwargs["password"], kwargs["ssl"]) == ("eve", "spw", True)


@pytest.mark.parametrize("name", ["RUNTAIL_STORE_URL", "RUNTAIL_BROKER_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "rediss://:opensesame@h?ssl_cert_reqs=none",
        "rediss+sentinel://h/0?master=m&ssl_cert_reqs=none",
        "redis+sentinel://h/0?master=m&sentinel_tls=on&sentinel_ssl_cert_reqs=none",
    ],
)
def test_a_certificate_that_nobody_checks_is_refused_unless_a_setting_allows_it(name: str, url: str) -> None:
    with pytest.raises(ConfigError, match="ssl_cert_reqs=none") as refused:
        load_settings({name: url})
    assert "RUNTAIL_TLS_INSECURE=on" in str(refused.value)
    assert "opensesame" not in str(refused.value)
    assert load_settings({name: url, "RUNTAIL_TLS_INSECURE": "on"}).tls_insecure


def test_a_file_that_cannot_be_read() -> None:
    url = "rediss://h?ssl_ca_certs=/no/such/ca.pem"
    for use in (lambda: connect(load_settings({"RUNTAIL_STORE_URL": url})), lambda: celery_settings(url)):
        with pytest.raises(ConfigError, match=r"^ssl_ca_certs=/no/such/ca\.pem cannot be read: No such file"):
            use()


@pytest.mark.parametrize("url", ["amqp://guest:guest@h//", "sqs://", "memory://"])
def test_another_broker_is_handed_on(url: str) -> None:
    assert celery_settings(url) == {"broker_url": url}
    assert load_settings({"RUNTAIL_BROKER_URL": url, "RUNTAIL_STORE_URL": "redis://h"}).broker_url == url
