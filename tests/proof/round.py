"""One schedule from its start to its verdict."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from runtail.errors import RunNotFound, RuntailError
from runtail.log import reader
from runtail.protocol import RunState
from runtail.runs.record import Run, read_run
from tests.proof import judging, lags
from tests.proof.cluster import SHORTENED, Cluster
from tests.proof.faults import Faults
from tests.proof.schedule import Schedule, Start
from tests.proof.subscribers import Subscriber

SUBSCRIBERS = 10
#: After everything is healed: for services to serve, for runs to end, for viewers to see the end.
READY_SECONDS = 40.0
ENDS_SECONDS = 45.0
SEEN_SECONDS = 20.0
#: A run that is still queued then is cancelled: its message may be gone for good.
CANCEL_AFTER_SECONDS = 20.0
#: With the default leases and graces the ends take so much longer.
DEFAULTS_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How a round is run, beside its schedule."""

    async_mode: str = "eventlet"
    #: Leases and graces as they are by default, not shortened.
    defaults: bool = False
    #: Leave data and output also when nothing was wrong.
    keep: bool = False


class Round:
    """Runs one schedule.

    :param folder: for data, output and histories; removed at the end unless something was wrong.
    """

    def __init__(self, plan: Schedule, folder: Path, settings: Settings) -> None:
        self._plan, self._folder, self._settings = plan, folder, settings
        self._patience = DEFAULTS_FACTOR if settings.defaults else 1.0
        self._run_ids: list[str] = []
        self._starts: dict[str, Start] = {}
        self._healed = threading.Event()
        self._never = threading.Event()
        self._notes: list[str] = []
        self._began = 0.0
        self._own_deaths: list[str] = []
        self._starting: list[threading.Thread] = []
        self.violations: list[str] = []

    def run(self) -> dict[str, Any]:
        """Return the result, as JSON."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        begun = time.monotonic()
        more: dict[str, Any] = {} if self._settings.defaults else dict(SHORTENED)
        more["socket_async_mode"] = self._settings.async_mode
        if self._plan.small_quota:
            more |= {"quota_bytes": 60_000, "head_bytes": 8_000}
        with Cluster(self._folder, skewed=self._plan.skewed, **more) as cluster:
            self._began = time.monotonic()
            ready_seconds = self._began - begun
            url = f"http://127.0.0.1:{cluster.door.port}"
            viewers = [
                Subscriber(f"viewer{number}", url, self._run_ids, self._plan.seed * 100 + number)
                for number in range(SUBSCRIBERS)
            ]
            for viewer in viewers:
                viewer.start()
            faults = Faults(cluster, self._run_ids)
            self._act(cluster, faults)
            self._settle(cluster, faults, viewers)
            logs = self._logs(cluster)
        records = [record for viewer in viewers for record in viewer.records]
        self.violations += [f"viewer failed: {viewer.error!r}" for viewer in viewers if viewer.error]
        self.violations += judging.judge(records, logs, self._folder / "counters", self._plan.faults)
        result = {
            "seed": self._plan.seed,
            "violations": self.violations,
            "states": {run_id: log["record"]["state"] if log["record"] else "gone" for run_id, log in logs.items()},
            "resets": sum("reset" in record for record in records),
            "messages": sum("message" in record for record in records),
            "took_seconds": round(time.monotonic() - begun, 1),
            "ready_seconds": round(ready_seconds, 1),
            "async_mode": self._settings.async_mode,
            "defaults": self._settings.defaults,
            "own_deaths": self._own_deaths,
            "delays": lags.by_fault(
                records, self._plan.summary()["faults"], self._began, time.time() - time.monotonic()
            ),
            "notes": self._notes,
            **{key: value for key, value in self._plan.summary().items() if key != "seed"},
        }
        self._leave(records, logs)
        return result

    def _leave(self, records: list[dict[str, Any]], logs: dict[str, Any]) -> None:
        if not self.violations and not self._settings.keep:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        with (self._folder / "history.jsonl").open("wb") as file:
            for record in records:
                file.write(orjson.dumps(record) + b"\n")
        (self._folder / "logs.json").write_bytes(orjson.dumps(logs, option=orjson.OPT_INDENT_2))
        (self._folder / "notes.txt").write_text("\n".join(self._notes) + "\n")
        for name in ("redis-a", "redis-b"):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def _note(self, text: str) -> None:
        self._notes.append(f"{time.monotonic() - self._began:6.2f} {time.strftime('%H:%M:%S')} {text}")

    # The course of events.

    def _act(self, cluster: Cluster, faults: Faults) -> None:
        for at, word, what in self._plan.actions():
            self._never.wait(max(0.0, self._began + at - time.monotonic()))
            self._supervise(cluster, faults)
            if isinstance(what, Start):
                thread = threading.Thread(target=self._start, args=(cluster, what), daemon=True)
                thread.start()
                self._starting.append(thread)
                continue
            if word == "begin":
                self._note(f"begin {what.kind} {what.target}: {faults.begin(what)}")
            elif what.seconds:
                faults.heal(what)
                self._note(f"healed {what.kind} {what.target}")
        faults.heal_all()
        self._note("all healed")
        self._healed.set()

    def _supervise(self, cluster: Cluster, faults: Faults) -> None:
        """What ended by itself is started again, as any orchestrator does, and told."""
        for name, process in cluster.processes.items():
            if not process.is_running() and name not in faults.down:
                self._note(f"{name} ended by itself with {process.returncode}")
                self._own_deaths.append(name)
                cluster.restart(name)

    def _start(self, cluster: Cluster, start: Start) -> None:
        """Start a run as a stubborn user does: again with the same key until it is known to be started."""
        key = f"{start.task}-{start.at}-{start.lines}"
        body = {"task": start.task, "kwargs": {"lines": start.lines, "per_second": start.per_second}}
        for trial in itertools.count():
            try:
                answer = cluster.post("/api/v1/runs", body, **{"Idempotency-Key": f"{key}-{trial // 100}"})
                if answer.status_code in (200, 201, 202):
                    run_id = str(answer.json()["id"])
                    self._note(f"started {start.task} {run_id}")
                    self._starts[run_id] = start
                    self._run_ids.append(run_id)
                    return
            except httpx.HTTPError:
                pass
            if self._healed.wait(0.3) and trial > 3:
                self._note(f"never started: {start.task}")
                return

    # The end.

    def _settle(self, cluster: Cluster, faults: Faults, viewers: list[Subscriber]) -> None:
        for viewer in viewers:
            viewer.stay()
        try:
            self._wait(lambda: self._serves(cluster), READY_SECONDS)
        except TimeoutError:
            self.violations.append(f"liveness: not everything serves {READY_SECONDS:.0f} s after the last fault")
        self._note("everything serves")
        try:
            self._wait(lambda: self._all_ended(cluster, faults), ENDS_SECONDS * self._patience)
        except TimeoutError:
            states = {run_id: str(run.state) for run_id, run in self._records(cluster).items() if run}
            left = {run_id: state for run_id, state in states.items() if not RunState(state).terminal}
            self.violations.append(f"liveness: runs never ended: {left}")
        self._note("all runs ended")
        ended = {run_id for run_id, run in self._records(cluster).items() if run and run.state.terminal}
        seen_from = time.monotonic()
        try:
            self._wait(lambda: all(viewer.settled(ended) for viewer in viewers), SEEN_SECONDS)
        except TimeoutError:
            late = [f"{v.name} on {v.current}" for v in viewers if not v.settled(ended)]
            self.violations.append(f"completeness: {', '.join(late)} saw no end within {SEEN_SECONDS:.0f} s")
        self._note(f"all viewers saw the ends after {time.monotonic() - seen_from:.2f} s")
        for viewer in viewers:
            viewer.stop()
        for viewer in viewers:
            viewer.join(10)

    def _serves(self, cluster: Cluster) -> bool:
        cluster.wait_until_ready()
        return True

    def _all_ended(self, cluster: Cluster, faults: Faults) -> bool:
        self._supervise(cluster, faults)
        # Somebody may still be starting a run, who was refused before.
        if any(thread.is_alive() for thread in self._starting):
            return False
        open_runs = [run for run in self._records(cluster).values() if run and not run.state.terminal]
        now_ms = cluster.store.now_ms()
        for run in open_runs:
            waited_seconds = (now_ms - run.number("since_ms")) / 1000
            if run.state is RunState.QUEUED and waited_seconds > CANCEL_AFTER_SECONDS * self._patience:
                self._note(f"cancelling {run.id}, queued for {waited_seconds:.0f} s: {run.text('why')}")
                with contextlib.suppress(httpx.HTTPError):
                    cluster.post(f"/api/v1/runs/{run.id}/cancel", {"why": "queued for too long"})
        return not open_runs

    def _records(self, cluster: Cluster) -> dict[str, Run | None]:
        found: dict[str, Run | None] = {}
        for run_id in list(self._run_ids):
            try:
                found[run_id] = read_run(cluster.store, run_id)
            except RunNotFound:
                found[run_id] = None
        return found

    def _wait(self, condition: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            self._never.wait(0.1)

    def _logs(self, cluster: Cluster) -> dict[str, Any]:
        """The final stored logs: record, epoch, entries and cuts in wire form."""
        logs: dict[str, Any] = {}
        for run_id, run in self._records(cluster).items():
            start = self._starts[run_id]
            told = {"task": start.task, "lines": start.lines}
            if run is None:
                logs[run_id] = {"record": None, "epoch": 0, "entries": None, "told": told}
                continue
            items: list[Any] = []
            try:
                items = [item.wire() for item in reader.entries(cluster.store, run_id)]
            except RuntailError as error:
                self.violations.append(f"chain: the final log of {run_id} cannot be read: {error}")
            logs[run_id] = {"record": run.summary(), "epoch": run.number("epoch"), "entries": items, "told": told}
        return logs
