"""The access list on a real server: what each service's user may do, and that nobody may do more."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from runtail import acl
from runtail.errors import ConfigError
from tests.support.command import PROGRAM
from tests.support.redis_server import RedisServer

#: Letters of the table below.
USERS = {"w": "web", "k": "worker", "r": "relay", "m": "metrics", "a": "admin"}

#: A command, and who may give it.
TABLE = [
    ("GET runtail:store", "wkra"),
    ("SET runtail:store x NX", "wka"),
    ("HSET runtail:run:1 epoch 1", "wka"),
    ("HGETALL runtail:run:1", "wkra"),
    ("XRANGE runtail:log:1 - +", "wkra"),
    ("XADD runtail:log:1 * h x", "wka"),
    ("DEL runtail:run:1", "wka"),
    ("EXPIRE runtail:run:1 60", "wka"),
    ("ZCARD runtail:queued", "wkrma"),
    ("SCARD runtail:running", "wkrma"),
    ("SCAN 0", "wkra"),
    ("MEMORY USAGE runtail:run:1", "wkra"),
    ("TIME", "wkra"),
    ("INFO replication", "wkrma"),
    ("PING", "wkrma"),
    ("EVAL return 0", "a"),
    ("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 runtail:run:1", "wkra"),
    ("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 celery", "wka"),
    ("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 ", "wa"),
    ("EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 runtail:run:1", "wra"),
    ("EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 other:run:1", "a"),
    ("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 runtail-auth:session:1", "wa"),
    ("SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "wkra"),
    ("SCRIPT FLUSH", "a"),
    ("FUNCTION LOAD x", "a"),
    ("FUNCTION FLUSH", "a"),
    ("FCALL x 0", "a"),
    ("GET runtail-auth:session:1", "wra"),
    ("SET runtail-auth:session:1 x", "wa"),
    ("GETDEL runtail-auth:session:1", "wa"),
    ("GETDEL runtail-auth:ticket:1", "wra"),
    ("SET runtail-auth:ticket:1 x", "wa"),
    ("GETDEL runtail:store", "wka"),
    ("XADD runtail-auth:audit * e x", "wa"),
    ("SUBSCRIBE runtail:bells", "wkra"),
    ("PUBLISH runtail:epoch-requests x", "wkra"),
    ("PUBLISH runtail-auth:bell x", "wra"),
    ("PSUBSCRIBE runtail:*", "wka"),
    ("PSUBSCRIBE /0.celery.pidbox", "wka"),
    ("PSUBSCRIBE /0.celeryev/*", "wka"),
    ("PSUBSCRIBE /0.celeryev/worker.*", "wka"),
    ("PUBLISH /0.celeryev/worker.heartbeat x", "wka"),
    ("PUBLISH other x", "a"),
    ("LPUSH celery x", "wka"),
    ("LLEN celery", "wkma"),
    ("BRPOP builds\x06\x163 0.01", "wka"),
    ("HSET unacked tag x", "wka"),
    ("SADD _kombu.binding.celery x", "wka"),
    ("LPUSH others x", "a"),
    ("GET other:run:1", "a"),
    ("KEYS *", "a"),
    ("FLUSHALL", "a"),
    ("CONFIG SET maxmemory 0", "a"),
    ("ACL LIST", "a"),
    ("CLIENT KILL TYPE normal", "a"),
    ("SHUTDOWN NOSAVE", "a"),
    ("MONITOR", "a"),
    ("REPLICAOF 127.0.0.1 1", "a"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that was started with the list as its ``aclfile``."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "users.acl").write_text(
        acl.render({user: f"{user}-password" for user in acl.USERS}, queues=["celery", "builds"])
    )
    server = RedisServer(folder, login=("admin", "admin-password"))
    with server:
        yield server


def refused(server: RedisServer, user: str, command: str) -> bool:
    """Whether the server refuses a command to a user; for other reasons it may fail."""
    words: list[Any] = command.split(" ")
    if user == "admin":  # Who may do everything would, to this server.
        with server.client() as client:
            return client.execute_command("ACL", "DRYRUN", user, *words) not in (b"OK", "OK")
    with server.client(
        username=user, password=f"{user}-password", single_connection_client=True, protocol=2, socket_timeout=10
    ) as client:
        try:
            client.execute_command(*words)
        except NoPermissionError:
            return True
        except RedisError:
            return False
        return False


@pytest.mark.parametrize(("command", "allowed"), TABLE, ids=[command[:30] for command, _ in TABLE])
def test_each_user_may_do_what_the_table_says_and_nothing_else(server: RedisServer, command: str, allowed: str) -> None:
    assert {letter for letter, user in USERS.items() if not refused(server, user, command)} == set(allowed)


def test_nobody_comes_in_without_a_name_and_the_right_password(server: RedisServer) -> None:
    for user, password in ((None, None), (None, "x"), ("web", "relay-password")):
        with (
            redis.Redis(port=server.port, username=user, password=password) as client,
            pytest.raises(AuthenticationError),
        ):
            client.ping()


def test_workers_of_your_own_may_do_what_workers_may() -> None:
    lines = {line.split()[1]: line for line in acl.render({"worker": "x", "client": "x"}).splitlines()}
    assert lines["client"].replace("user client", "user worker") == lines["worker"]


def test_keys_of_sessions_are_never_matched_by_the_pattern_of_runs() -> None:
    line = next(line for line in acl.render({"worker": "x"}, key_prefix="x:").splitlines() if "worker" in line)
    assert [word for word in line.split() if "x" in word and word[0] in "~&%"][:1] == ["~x:*"]
    assert "x-auth:" not in line
    web = acl.render({"web": "x"}, key_prefix="x:")
    assert "~x-auth:*" in web.split()


@pytest.mark.parametrize(
    "names", [{"key_prefix": "runtail"}, {"queues": ["runtail"]}, {"queues": ["a b"]}, {"queues": [""]}]
)
def test_a_name_whose_pattern_would_say_something_else_is_refused(names: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        acl.render({"web": "x"}, **names)


def test_a_queues_name_is_matched_letter_by_letter(server: RedisServer) -> None:
    rules = acl.render({"worker": "x"}, queues=["a*[b]?"]).splitlines()[1].split()[2:]
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "letters", *rules)
        assert admin.execute_command("ACL", "DRYRUN", "letters", "LPUSH", "a*[b]?\x06\x163", "x") == b"OK"
        assert admin.execute_command("ACL", "DRYRUN", "letters", "LPUSH", "abb?", "x") != b"OK"


def test_the_command_makes_passwords_once_and_writes_only_their_digests(tmp_path: Path) -> None:
    def run() -> str:
        return subprocess.run(
            [PROGRAM, "acl", "--passwords", "passwords", "--queue", "builds"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    first = run()
    passwords = dict(line.split(":") for line in (tmp_path / "passwords").read_text().splitlines())
    assert set(passwords) == set(acl.USERS)
    assert stat.S_IMODE((tmp_path / "passwords").stat().st_mode) == 0o600
    assert first == run()
    assert not any(password in first for password in passwords.values())
    assert first == acl.render(passwords, queues=[*acl.DEFAULT_QUEUES, "builds"])


def test_the_command_says_which_line_of_passwords_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("web:x\nsomebody:y\n")
    answer = subprocess.run(
        [PROGRAM, "acl", "--passwords", tmp_path / "passwords"], capture_output=True, text=True, check=False
    )
    assert answer.returncode != 0
    assert "line 2 is not USER:PASSWORD" in answer.stderr
