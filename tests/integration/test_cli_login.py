"""A web service behind something that asks for a name and a password, as ``RUNTAIL_URL`` gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runtail.cli import exits
from runtail.cli.web import Web
from runtail.store import Store
from tests.support.beating import beating
from tests.support.command import Command
from tests.support.nginx import nginx_before
from tests.support.relay import Producer, Relay, make_store
from tests.support.services import Service

StartRelay = Callable[..., Relay]

#: As it stands in an address, and as it is.
WRITTEN, PASSWORD = "l%C3%A9t%40me", "lét@me"


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    """A store with this test's key prefix."""
    return make_store(redis_url, key_prefix)


@pytest.fixture
def place(redis_url: str, key_prefix: str, store: Store, tmp_path: Path, start_relay: StartRelay) -> Iterator[str]:
    """Host and port of an nginx with a login before web and relay."""
    passwords = tmp_path / "passwords"
    passwords.write_text(f"ann:{{PLAIN}}{PASSWORD}\n")
    relay = start_relay()
    more = f"""
      auth_basic "Runtail";
      auth_basic_user_file {passwords};
      location /socket.io/ {{
        proxy_pass {relay.url};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
      }}
    """
    settings = {"broker_url": redis_url, "key_prefix": key_prefix}
    with ExitStack() as stack:
        stack.enter_context(beating(store))
        web = stack.enter_context(Service("web", tmp_path, settings))
        yield stack.enter_context(nginx_before(web.url, tmp_path, more)).removeprefix("http://")


def test_the_login_of_the_address_is_sent_to_web_and_relay(place: str, store: Store, tmp_path: Path) -> None:
    producer = Producer(store)
    producer.write(3)
    command = Command(tmp_path, f"http://ann:{WRITTEN}@{place}", "follow", producer.run_id)
    command.wait_for_lines(3)
    producer.write(2)
    producer.end()
    assert command.wait() == 0, command.err
    assert command.out.splitlines() == producer.expected()
    # Over HTTP it would come as well, and later.
    assert "no relay" not in command.err
    assert "verified" in command.err


@pytest.mark.parametrize(
    ("login", "words"), [("", "asks for a name and a password (HTTP 401)"), ("ann:wrong@", "refuses this name")]
)
def test_a_login_that_lacks_or_is_wrong_is_said_without_it(place: str, tmp_path: Path, login: str, words: str) -> None:
    command = Command(tmp_path, f"http://{login}{place}", "runs")
    assert command.wait() == exits.TROUBLE
    assert words in command.err
    assert "RUNTAIL_URL=http://NAME:PASSWORD@" in command.err
    assert "wrong" not in command.err


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("ws://here.example", True), ("http://here.example:80/", True), ("wss://here.example", False),
        ("http://here.example:8010", False), ("http://there.example", False), ("http://[", False),
        ("http://here.example.there.example", False), ("http://other:login@there.example", True),
    ],
)  # fmt: skip
def test_a_login_is_sent_to_its_own_origin_alone(url: str, sent: bool) -> None:
    web = Web("http://ann:secret@here.example/below")
    assert ("Authorization" in web.login_for(url)) == sent
    assert web.origin == "http://here.example"
    assert web.url == "http://here.example/below"
