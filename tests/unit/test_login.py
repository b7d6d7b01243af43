"""Files of users, modes, passwords, and which cookie a request shows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from runtail.auth.authenticator import cookies, port_of
from runtail.auth.modes import check_listening, modes_of
from runtail.auth.passwords import hash_password, is_hash, verify
from runtail.auth.policy_file import ReloadedFile
from runtail.errors import ConfigError
from runtail.settings import load_settings
from runtail_web.login.users import parse_users
from tests.support.logins import PASSWORD, hashed


def test_users_are_read_with_their_groups() -> None:
    text = f"# people\n\nann:{hashed()}:builders, admins\nbob@example.com:{hashed()}:\n"
    found = parse_users(text)
    assert {name: user.groups for name, user in found.items()} == {
        "ann": ("builders", "admins"),
        "bob@example.com": (),
    }
    assert found["ann"].id == "user:ann"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ann", "line 1 is not name:hash:group,group. `runtail passwd NAME` prints such a line"),
        ("ann:secret:x", "line 1: the user ann has no argon2id hash. `runtail passwd ann` makes one"),
        ("an n:HASH:x", "line 1: 'an n' cannot be a name. Use 1 to 64 letters, digits and any of . _ @ + -"),
        ("ann:HASH:a b", "line 1: 'a b' cannot be a group. Use the characters of a name"),
        ("ann:HASH:\nann:HASH:", "line 2: the user ann has a line already"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_users(line.replace("HASH", hashed()))
    assert str(refused.value) == sentence


def test_a_password_is_known_by_its_hash() -> None:
    assert is_hash(hashed())
    assert verify(hashed(), PASSWORD)
    assert not verify(hashed(), PASSWORD.upper())
    assert not verify(None, PASSWORD)
    assert not verify(hashed(), "x" * 2000)
    assert hash_password(PASSWORD) != hashed()


@pytest.mark.parametrize("password", ["short", "x" * 2000])
def test_passwords_have_a_length(password: str) -> None:
    with pytest.raises(ValueError, match="The password has"):
        hash_password(password)


def test_a_user_who_does_not_exist_takes_as_long() -> None:
    def cpu_seconds(known: str | None) -> float:
        began = time.process_time()
        verify(known, "wrong password")
        return time.process_time() - began

    wrong, unknown = (min(cpu_seconds(known) for _ in range(3)) for known in (hashed(), None))
    assert wrong == pytest.approx(unknown, rel=0.5)


@pytest.mark.parametrize("mode", ["none", "link", " password ", "proxy"])
def test_modes(mode: str) -> None:
    assert modes_of(load_settings({}, auth_mode=mode)) == {mode.strip()}


@pytest.mark.parametrize("mode", ["", "basic", "proxy,password", "oidc,link", "none,link", "Password"])
def test_what_is_no_mode_is_refused(mode: str) -> None:
    with pytest.raises(ConfigError, match="RUNTAIL_AUTH_MODE"):
        modes_of(load_settings({}, auth_mode=mode))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_login(host: str) -> None:
    check_listening(load_settings({}), {"RUNTAIL_WEB_HOST": host})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]", "10.1.2.3"])
def test_other_addresses_need_one(host: str) -> None:
    with pytest.raises(ConfigError, match=r"RUNTAIL_WEB_HOST=.* lets other machines in"):
        check_listening(load_settings({}), {"RUNTAIL_WEB_HOST": host})
    check_listening(load_settings({}, auth_none_anywhere=True), {"RUNTAIL_WEB_HOST": host})
    check_listening(load_settings({}, auth_mode="password"), {"RUNTAIL_WEB_HOST": host})


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({"HTTP_HOST": "127.0.0.1:8000"}, 8000),
        # The relay's own port says nothing about the page.
        ({"HTTP_HOST": "127.0.0.1:8010", "HTTP_ORIGIN": "http://127.0.0.1:8000"}, 8000),
        ({"HTTP_HOST": "[::1]:8000"}, 8000),
        ({"HTTP_HOST": "runtail.example"}, 80),
        ({"HTTP_HOST": "runtail.example", "wsgi.url_scheme": "https"}, 443),
        ({"HTTP_HOST": "h", "HTTP_ORIGIN": "https://runtail.example"}, 443),
        ({"HTTP_HOST": "h:99999999"}, 0),
        ({"HTTP_HOST": "h:8000", "HTTP_ORIGIN": "null"}, 8000),
        ({}, 80),
    ],
)
def test_the_port_of_a_page(environ: dict[str, str], port: int) -> None:
    assert port_of(environ) == port


def test_all_cookies_with_a_name_are_seen() -> None:
    environ = {"HTTP_COOKIE": "a=1; runtail-8000=x=y; b; runtail-8000=z;runtail-80=no"}
    assert cookies(environ, "runtail-8000") == ["x=y", "z"]
    assert cookies({}, "runtail-8000") == []


def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtail.auth.policy_file.LOOK_SECONDS", 0.0)

    def parse(text: str) -> int:
        if not text.isdigit():
            raise ConfigError("it is not a number")
        return int(text)

    path = tmp_path / "file"
    path.write_text("1")
    file = ReloadedFile("RUNTAIL_X", str(path), parse)
    assert file.get() == 1
    path.write_text("two")
    assert file.get() == 1
    assert file.problem == f"RUNTAIL_X={path} cannot be used: it is not a number"
    path.unlink()
    assert file.get() == 1
    assert file.problem == f"RUNTAIL_X={path} cannot be read: No such file or directory"
    path.write_text("3")
    assert file.get() == 3
    assert file.problem is None


def test_a_file_is_read_when_nobody_writes_it_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a grant, without its selectors yet, would reach everything."""
    clock = SimpleNamespace(seconds=0.0, written=0.0)
    clock.monotonic = lambda: clock.seconds
    clock.time_ns = lambda: int(clock.seconds * 1e9)
    monkeypatch.setattr("runtail.auth.policy_file.time", clock)
    path = tmp_path / "file"

    def write(text: str) -> None:
        path.write_text(text)
        os.utime(path, ns=(clock.time_ns(), clock.time_ns()))

    write("old")
    file = ReloadedFile("RUNTAIL_X", str(path), str)
    for size in range(1, 9):
        # A slow editor: some more each time that somebody looks.
        clock.seconds += 1.1
        write("whole new"[:size])
        assert file.get() == "old"
    clock.seconds += 0.5
    write("whole new")
    clock.seconds += 0.6
    assert file.get() == "old"
    clock.seconds += 1.1
    assert file.get() == "whole new"
    # What has been there for a while is read at the first look, however long ago the one before it was.
    write("the next")
    clock.seconds += 3600
    assert file.get() == "the next"
    # A file from a machine whose clock is ahead.
    write("from tomorrow")
    os.utime(path, ns=(0, int(1e15)))
    clock.seconds += 1.1
    assert file.get() == "the next"
    clock.seconds += 1.1
    assert file.get() == "from tomorrow"
