"""The chart's own store, as its pod starts it: the users, what a restart keeps, and a backup put back."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from redis.exceptions import NoPermissionError

from runtail import acl
from runtail.log.writer import LogWriter
from tests.support import earlier
from tests.support.helm import helm
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.redis_server import server_binary
from tests.support.runs import make_store, open_run, snapshot, write_lines
from tests.support.waiting import wait_for

CHART = Path(__file__).resolve().parents[2] / "helm/runtail"
#: Of workers of somebody's own; each letter must stand for itself.
QUEUE = "a*[b]?"
USERS = ("web", "relay", "worker", "client", "metrics")


class BundledStore:
    """The chart's script and configuration, with folders of a test instead of a container's.

    :param folder: has the data.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.data = folder / "data"
        for name in ("data", "run", "etc"):
            (folder / name).mkdir()
        self.configure(CHART, f"auth.mode=none,store.auth.queues={{{QUEUE}}}")
        self.process: Process | None = None

    def configure(self, chart: Path, values: str) -> None:
        """Take script and configuration from a chart, from the next start on.

        :param values: as ``helm --set`` takes them.
        """
        rendered = subprocess.run(
            [helm(4), "template", "runtail", chart, "--set", values], capture_output=True, text=True, check=True
        )
        (files,) = (
            one["data"]
            for one in yaml.safe_load_all(rendered.stdout)
            if one and one["kind"] == "ConfigMap" and "valkey.conf" in one["data"]
        )
        configuration = files["valkey.conf"].replace("port 6379", f"port {self.port}\nbind 127.0.0.1")
        (self.folder / "etc/valkey.conf").write_text(self._here(configuration))
        script = self._here(files["start.sh"]).replace("exec valkey-server", f"exec {server_binary()}")
        (self.folder / "etc/start.sh").write_text(script)

    def _here(self, text: str) -> str:
        found = text.replace("/run/valkey", f"{self.folder}/run").replace("/etc/valkey", f"{self.folder}/etc")
        return re.sub(r"(?<![\w/])/data\b", str(self.data), found)

    def run(self, **passwords: str) -> Process:
        """Start it as the container does."""
        environment = {f"PASSWORD_{user}": f"{user}-password" for user in USERS}
        environment |= {f"PASSWORD_{user}": password for user, password in passwords.items()}
        self.process = Process(["sh", "etc/start.sh"], self.folder, name="store", environment=environment)
        return self.process

    def start(self, **passwords: str) -> None:
        """Start it, and return when it has loaded what it has."""
        process = self.run(**passwords)
        wait_for(self._answers, 30, process.evidence)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.is_running(), self.process.evidence()
        try:
            return bool(self.client("probe", "none").ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """End it as Kubernetes does."""
        if self.process is not None and self.process.is_running():
            self.process.terminate()

    def client(self, user: str, password: str | None = None) -> redis.Redis:
        """A client of one of the users."""
        return redis.Redis(
            port=self.port, username=user, password=password or f"{user}-password", decode_responses=True
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BundledStore]:
    """One that is not started yet."""
    made = BundledStore(tmp_path)
    try:
        yield made
    finally:
        made.stop()


def test_a_restart_keeps_what_was_written_in_transactions(store: BundledStore) -> None:
    store.start()
    with store.client("worker") as worker, worker.pipeline(transaction=True) as transaction:
        transaction.hset("runtail:run:1", "state", "running").lpush("celery", "message").execute()
    store.stop()
    store.start()
    with store.client("web") as web:
        assert web.hgetall("runtail:run:1") == {"state": "running"}
        assert web.lrange("celery", 0, -1) == ["message"]


def test_an_upgrade_and_a_rollback_lose_nothing_and_a_log_continues_in_its_epoch(
    store: BundledStore, tmp_path: Path
) -> None:
    """The version before has another access list, and its server reads what this version's wrote, and the reverse.

    The writer is back within a lease. After a whole one it would begin a new epoch, because another server than it knew
    may hide that the reaper had ended the run: that is what viewers of an upgrade may see, and no loss.
    """
    earlier.check_out(tmp_path / "before")
    before = tmp_path / "before/helm/runtail"
    known = yaml.safe_load((before / "values.yaml").read_text())
    charts = {CHART: "auth.mode=none", before: "auth.mode=none" if "auth" in known else "access.protectedBy=the tests"}
    store.configure(before, charts[before])
    store.start()
    runs = make_store(f"redis://worker:worker-password@127.0.0.1:{store.port}/0", "runtail:")
    with closing(runs.client) as client:
        now = time.monotonic()
        writer = LogWriter(runs, open_run(runs).claim, clock=lambda: now)
        epoch = writer.epoch
        for number, chart in enumerate((CHART, before), 1):
            write_lines(writer, 100 * number, 100 * number + 99)
            client.lpush("celery", f"message {number}")
            written = snapshot(runs)
            store.stop()
            store.configure(chart, charts[chart])
            store.start()
            assert snapshot(runs) == written
            now += runs.settings.lease_seconds - 0.1
            writer.flush()
            assert writer.epoch == epoch
        assert client.lrange("celery", 0, -1) == [b"message 2", b"message 1"]


def test_nobody_comes_in_without_a_name_or_with_a_wrong_password(store: BundledStore) -> None:
    store.start()
    with redis.Redis(port=store.port) as nobody, pytest.raises(redis.AuthenticationError):
        nobody.ping()
    for user, password in (("default", ""), ("default", "any"), ("worker", "wrong"), ("probe", "any")):
        with redis.Redis(port=store.port, username=user, password=password or "none") as client:
            if user == "probe":
                assert client.ping()
                with pytest.raises(NoPermissionError):
                    client.get("runtail:run:1")
            else:
                with pytest.raises(redis.AuthenticationError):
                    client.ping()


def test_the_users_are_those_of_runtail_acl(store: BundledStore) -> None:
    store.start(admin="admin-password")
    with store.client("admin") as admin:

        def rights(name: str) -> set[str]:
            listed: Any = admin.execute_command("ACL", "LIST")
            (line,) = [one for one in listed if one.startswith(f"user {name} ")]
            # (The default, which a server names for some users and not for others.)
            return set(line.split()[2:]) - {"sanitize-payload"}

        passwords = {user: f"{user}-password" for user in acl.USERS}
        lines = acl.render(passwords, queues=[*acl.DEFAULT_QUEUES, QUEUE], results=True).splitlines()
        for _, name, *rules in (line.split() for line in lines[1:]):
            admin.execute_command("ACL", "SETUSER", "wanted", "reset", *rules)
            assert rights("wanted") == rights(name), name
            admin.execute_command("ACL", "DELUSER", "wanted")
        names: Any = admin.execute_command("ACL", "USERS")
        assert set(names) == {"default", "probe", *acl.USERS}


def test_without_a_password_there_is_no_admin(store: BundledStore) -> None:
    store.start()
    with store.client("admin", "any") as admin, pytest.raises(redis.AuthenticationError):
        admin.ping()


@pytest.mark.parametrize("user", ["worker", "client", "relay", "metrics"])
def test_sessions_and_tokens_are_not_for_workers(store: BundledStore, user: str) -> None:
    store.start()
    with store.client(user) as client, pytest.raises(NoPermissionError):
        client.set("runtail-auth:session:1", "x")
    with store.client("web") as web:
        assert web.set("runtail-auth:session:1", "x")


@pytest.mark.parametrize("command", ["FLUSHALL", "CONFIG SET maxmemory 1", "SHUTDOWN", "ACL LIST"])
def test_no_user_may_empty_or_stop_it(store: BundledStore, command: str) -> None:
    store.start()
    for user in USERS:
        with store.client(user) as client, pytest.raises(NoPermissionError):
            client.execute_command(*command.split())


def test_a_relay_reaches_the_keys_of_runtail_only(store: BundledStore) -> None:
    store.start()
    with store.client("relay") as relay:
        assert relay.xrange("runtail:log:1") == []
        with pytest.raises(NoPermissionError):
            relay.lrange("celery", 0, -1)
        with pytest.raises(NoPermissionError):
            relay.delete("runtail:log:1")


def test_a_backup_that_is_unpacked_beside_the_data_takes_its_place(store: BundledStore) -> None:
    store.start()
    with store.client("worker") as worker:
        worker.set("runtail:first", "1")
        backup = store.folder / "backup"
        wait_for(lambda: "runtail:first" in _aof(store.data / "appendonlydir"), 30)
        subprocess.run(["cp", "-r", store.data / "appendonlydir", backup], check=True)
        worker.set("runtail:second", "2")
    backup.rename(store.data / "restore")
    store.stop()
    store.start()
    with store.client("web") as web:
        assert (web.get("runtail:first"), web.get("runtail:second")) == ("1", None)
    assert not (store.data / "restore").exists()


def _aof(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.glob("*.incr.aof"))


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "The password of the store's user relay is empty: set the key relay of the Secret."),
        ("a b", "The password of the store's user relay may have letters, digits, - and _ only"),
    ],
)
def test_a_password_that_cannot_be_used_is_refused(store: BundledStore, password: str, said: str) -> None:
    process = store.run(relay=password)
    wait_for(lambda: not process.is_running(), 30, process.evidence)
    assert said in process.log_path.read_text()
