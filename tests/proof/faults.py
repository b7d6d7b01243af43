"""How each fault is done to a cluster, and healed."""

from __future__ import annotations

import contextlib
import signal
import threading

import httpx
import psutil
import redis

from tests.proof.cluster import Cluster, kill
from tests.proof.schedule import Fault
from tests.support.proxy import TcpProxy

#: What is left to a full store above what it holds, in bytes.
ROOM_BYTES = 16_384


class Faults:
    """Begins and heals faults on one cluster; not thread-safe.

    :param run_ids: runs that were started, for the faults that users are.
    """

    def __init__(self, cluster: Cluster, run_ids: list[str]) -> None:
        self._cluster = cluster
        self._run_ids = run_ids
        self._stopped: dict[Fault, list[psutil.Process]] = {}
        #: Services that a fault ended and whose healing will start them again.
        self.down: set[str] = set()

    def begin(self, fault: Fault) -> str:
        """Do it; return what was done, in a few words."""
        if fault.target.startswith("path:"):
            return self._break_path(fault)
        if fault.target == "redis":
            return self._break_redis(fault)
        if fault.target == "user":
            return self._use(fault)
        members = self._members(fault)
        action = fault.kind.partition("-")[0]
        number = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}[action]
        hit = [member for member in members if kill(member, number)]
        if action == "stop":
            self._stopped[fault] = hit
        elif fault.seconds:
            self.down.add(fault.target)
        return f"{len(hit)} processes"

    def _members(self, fault: Fault) -> list[psutil.Process]:
        """The processes that are hit: one of a part, a whole container, or a main process."""
        cluster = self._cluster
        action, _, part = fault.kind.partition("-")
        process = cluster.processes[fault.target]
        if not process.is_running():
            return []
        if part in ("child", "keeper", "shipper"):
            found = cluster.part(fault.target, part)
            return [found[fault.part % len(found)]] if found else []
        if part == "worker" and action != "term":
            return cluster.members(fault.target)
        return [psutil.Process(process.pid)]

    def heal(self, fault: Fault) -> None:
        """End it."""
        if fault.target.startswith("path:"):
            self._mend_path(fault)
        elif fault.target == "redis":
            self._mend_redis(fault)
        elif fault.kind.startswith("stop-"):
            for process in self._stopped.pop(fault, []):
                kill(process, signal.SIGCONT)
        elif fault.target in self._cluster.processes and fault.seconds:
            # One that was told to stop and runs yet has had its grace.
            self._cluster.kill_all(fault.target)
            self._cluster.start(fault.target)
            self.down.discard(fault.target)

    def heal_all(self) -> None:
        """Whatever is left of any fault ends; everything runs again."""
        cluster = self._cluster
        for processes in self._stopped.values():
            for process in processes:
                kill(process, signal.SIGCONT)
        for server in (cluster.primary, cluster.replica):
            if not server.process.is_running():
                server.start()
        for proxy in (*cluster.proxies.values(), cluster.replication, cluster.door):
            proxy.resume()
            proxy.delay_seconds = 0.0
        for name in cluster.processes:
            cluster.restart(name)
        self.down.clear()

    # Paths.

    def _path(self, fault: Fault) -> TcpProxy:
        name = fault.target.partition(":")[2]
        return self._cluster.door if name == "viewers" else self._cluster.proxies[name]

    def _break_path(self, fault: Fault) -> str:
        proxy = self._path(fault)
        if fault.kind == "blackhole":
            return f"{proxy.stall()} connections"
        if fault.kind == "cut":
            return f"{proxy.cut(reset=fault.part % 2 == 0)} connections"
        if fault.kind == "lost-replies":
            proxy.drop_reply(b"EVALSHA", times=1 + fault.part % 4)
            return f"{1 + fault.part % 4} replies"
        proxy.delay_seconds = 0.02 + fault.part / 500
        return f"{proxy.delay_seconds:.2f} s"

    def _mend_path(self, fault: Fault) -> None:
        proxy = self._path(fault)
        proxy.delay_seconds = 0.0
        if fault.kind == "blackhole":
            if fault.part % 2:
                proxy.cut()
            proxy.resume()

    # Redis.

    def _break_redis(self, fault: Fault) -> str:
        cluster = self._cluster
        if fault.kind in ("kill-redis", "empty-redis"):
            cluster.primary.kill()
        elif fault.kind == "stop-redis":
            cluster.primary.pause()
        elif fault.kind == "failover":
            return f"{cluster.replication.stall()} connections lag"
        else:
            return self._trouble_clients(fault)
        return ""

    def _trouble_clients(self, fault: Fault) -> str:
        with self._cluster.primary.client(socket_timeout=5) as client, contextlib.suppress(redis.ConnectionError):
            if fault.kind == "cut-clients":
                return f"{client.execute_command('CLIENT', 'KILL', 'TYPE', 'normal')} connections"
            if fault.kind == "cut-pubsub":
                return f"{client.execute_command('CLIENT', 'KILL', 'TYPE', 'pubsub')} connections"
            if fault.kind == "pause-clients":
                mode = ("ALL", "WRITE")[fault.part % 2]
                client.execute_command("CLIENT", "PAUSE", round(fault.seconds * 1000), mode)
                return mode
            used = int(client.info("memory")["used_memory"])
            client.config_set("maxmemory", max(1, used + ROOM_BYTES - 65_536 * (fault.part % 2)))
        return ""

    def _mend_redis(self, fault: Fault) -> None:
        cluster = self._cluster
        if fault.kind == "kill-redis":
            cluster.primary.start()
        elif fault.kind == "empty-redis":
            cluster.primary.restart(keep_data=False)
        elif fault.kind == "stop-redis":
            cluster.primary.resume()
        elif fault.kind == "failover":
            cluster.fail_over()
        elif fault.kind == "full-redis":
            with cluster.primary.client(socket_timeout=5) as client:
                client.config_set("maxmemory", 0)

    # Users.

    def _use(self, fault: Fault) -> str:
        if not self._run_ids:
            return "no run"
        run_id = self._run_ids[fault.part % len(self._run_ids)]

        def cancel() -> None:
            with contextlib.suppress(httpx.HTTPError):
                self._cluster.post(f"/api/v1/runs/{run_id}/cancel", {"why": "the schedule"})

        # The answer may take seconds, and other faults do not wait.
        threading.Thread(target=cancel, daemon=True).start()
        return run_id
