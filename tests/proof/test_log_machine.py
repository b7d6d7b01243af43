"""The log under faults, as a state machine on the real code and a real server.

A writer, its successors and its zombies, readers, the reaper and users act in
any order, and the id is used again when its run is over; the store loses
replies, connections, its latest writes and all its data, connections are
half-open, requests arrive after they were given up, and what passes is split
at any byte. What every reader saw and what is stored is judged by the checker.
RUNTAIL_TEST_EXAMPLES sets how many courses of events are tried.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from runtail.errors import Fenced, RunDeleted, RunEnded, RunNotFound, StoreUnavailable
from runtail.log.writer import LogWriter
from runtail.protocol import Awaits, RunState
from runtail.protocol import event as events
from runtail.reaper import Reaper
from runtail.runs.cancel import cancel
from runtail.runs.claim import Claimed, Delivery, Held, Refused, claim
from runtail.runs.listing import list_page
from runtail.runs.record import read_run
from runtail.runs.retention import delete
from tests.proof.checker import check
from tests.proof.relaying import Follower
from tests.proof.stored import contradictions, final_log, misplaced
from tests.proof.writer import line
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.runs import change_master, make_store, roll_back, snapshot
from tests.support.waiting import wait_for

EXAMPLES = int(os.environ.get("RUNTAIL_TEST_EXAMPLES", "30"))
FAULTS = st.sampled_from(["none"] * 5 + ["reply", "reply", "cut", "half-open", "late"])
#: Of the writer's store, so that a connection without another end costs little time.
TIMEOUT_SECONDS = 1.0
T_MS = 1_764_000_000_000


class Execution:
    """One execution of the task, and the shipper that writes for it."""

    def __init__(self, writer: LogWriter) -> None:
        self.writer = writer
        #: What the task has written and the shipper has read.
        self.lines = writer.claim.number("consumed") if writer.claim.resumed else 0

    @property
    def identity(self) -> str:
        """``run|attempt``."""
        return f"{self.writer.claim.run_id}|{self.writer.claim.attempt}"

    def add(self, count: int) -> None:
        """Take the task's next lines."""
        numbers = range(self.lines + 1, self.lines + count + 1)
        self.writer.add("o", "".join(line(self.identity, n) + "\n" for n in numbers).encode(), T_MS)
        self.lines += count

    def flush(self) -> None:
        """Store them."""
        self.writer.flush(counters={"consumed": self.lines})


class LogMachine(RuleBasedStateMachine):
    """Everything that may happen to one run."""

    url: str
    proxy: TcpProxy

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.store: Any = None

    @rule(
        retained=st.sampled_from([300, 100_000]), redelivers=st.booleans(), restart=st.booleans(), quota=st.booleans()
    )
    @precondition(lambda self: self.store is None)
    def begin(self, retained: int, redelivers: bool, restart: bool, quota: bool) -> None:
        prefix = f"m-{uuid.uuid4().hex[:8]}:"
        more = {"quota_bytes": 2500, "head_bytes": 600} if quota else {}
        self.store = make_store(self.url, prefix, retained_bytes=retained, **more)
        self.behind = make_store(self.proxy.url, prefix, retained_bytes=retained, **more)
        self.behind.client.connection_pool.connection_kwargs["socket_timeout"] = TIMEOUT_SECONDS
        self.store.uuid()
        self.run_id = "run"
        self.delivery = Delivery(self.run_id, "tests.task", "w", redelivers=redelivers, restart=restart)
        self.publish()
        self.snapshots = [snapshot(self.store)]
        self.live: Execution | None = None
        self.over: Execution | None = None
        self.zombies: list[Execution] = []
        self.tokens = 0
        self.followers = [
            Follower(self.store, self.run_id, f"reader-{n}", first) for n, first in ((0, 1), (1, 1), (2, 9))
        ]
        self.reaper = Reaper(self.store, lambda *_: None, None, clock=lambda: self.now)
        self.deleted = False
        self.a_worker_takes_the_run()

    def attempt(self, action: Callable[[], Any], fault: str = "none") -> bool:
        """Do something as a shipper: again after an outage; return False if it is fenced off."""
        if fault == "reply":
            self.proxy.drop_reply(b"EVALSHA")
        elif fault == "cut":
            self.proxy.cut()
        elif fault == "half-open":
            self.proxy.half_open()
        elif fault == "late":
            self.proxy.stall()
        try:
            for _ in range(4):
                try:
                    action()
                    return True
                except StoreUnavailable:
                    # A stalled request reaches the server now, while it is sent again.
                    self.proxy.resume()
                    continue
                except (Fenced, RunDeleted):
                    return False
        finally:
            self.proxy.drop_reply(times=0)
            self.proxy.resume()
            if fault == "late":
                # It has arrived before anything else happens: what follows must not depend on the machine's load.
                wait_for(lambda: self.proxy.connection_count() <= 1, 30)
                self.store.client.ping()
        raise AssertionError("the store did not come back")

    def started(self) -> bool:
        """There is a machine to act on."""
        return self.store is not None and not self.deleted

    def publish(self, **step: Any) -> None:
        """The next message with the run's id: what continues the run has a larger step."""
        self.delivery = replace(self.delivery, publication=str(uuid.uuid4()), **step)

    # The writer

    def take(self, token: str) -> None:
        answer: Any = None
        held: Held | None = None
        for _ in range(6):
            try:
                answer = claim(self.behind, self.delivery, owner="o", token=token, takeover=held)
            except StoreUnavailable:
                continue
            if not isinstance(answer, Held):
                break
            held = answer
        if isinstance(answer, Claimed):
            self.live = Execution(LogWriter(self.behind, answer.claim, clock=lambda: self.now))
            self.over = None
        else:
            assert isinstance(answer, Refused), answer

    @precondition(lambda self: self.started() and self.live is None)
    @rule()
    def a_worker_takes_the_run(self) -> None:
        # Those who are ahead of a store that went back speak before another writer does.
        self.sweep()
        self.tokens += 1
        self.take(f"token-{self.tokens}")
        self.sweep()

    @precondition(lambda self: self.started() and self.live is not None)
    @rule()
    def the_worker_falls_silent(self) -> None:
        assert self.live is not None
        self.zombies.append(self.live)
        self.live = None

    @precondition(lambda self: self.started() and self.live is not None)
    @rule(fault=FAULTS)
    def the_shipper_is_replaced(self, fault: str) -> None:
        assert self.live is not None
        dead, token = self.live, self.live.writer.claim.token
        self.attempt(dead.flush, fault)
        dead.writer.add("o", b"never read again\n", T_MS)
        self.live = None
        self.take(token)
        assert self.attempt(dead.flush) is False, "a dead shipper's last append was accepted"

    @precondition(lambda self: self.started() and self.live is not None)
    @rule(counts=st.lists(st.integers(1, 6), min_size=1, max_size=5), fault=FAULTS)
    def output(self, counts: list[int], fault: str) -> None:
        assert self.live is not None
        for count in counts:
            self.live.add(count)
        self.flush(fault)

    @precondition(lambda self: self.started() and self.live is not None)
    @rule(fault=FAULTS)
    def an_event(self, fault: str) -> None:
        assert self.live is not None
        self.live.writer.add("e", events.encode(events.WARNING, text="careful", line=1), T_MS)
        self.flush(fault)

    @precondition(lambda self: self.started() and self.live is not None)
    @rule(seconds=st.sampled_from([2, 12]))
    def time_passes_with_beats(self, seconds: int) -> None:
        self.now += seconds
        self.flush("none")

    def flush(self, fault: str) -> None:
        assert self.live is not None
        if not self.attempt(self.live.flush, fault):
            self.live = None

    @precondition(lambda self: self.started() and self.live is not None)
    @rule(fault=FAULTS, pending=st.booleans(), awaits=st.sampled_from([None, None, "retry", "replacement"]))
    def the_task_is_over(self, fault: str, pending: bool, awaits: Awaits | None) -> None:
        assert self.live is not None
        live, self.live = self.live, None
        if pending:
            live.add(2)
        live.writer.counters["consumed"] = live.lines
        retry = events.encode(events.RETRY, retries=1, max=3, eta_ms=None, reason="x")

        def finish() -> None:
            if awaits:
                live.writer.release("again", retry, t_ms=T_MS, awaits=awaits)
            else:
                live.writer.end(RunState.SUCCEEDED, "done", t_ms=T_MS, exit_status=0)

        if awaits == "retry":
            self.publish(retries=self.delivery.retries + 1)
        elif awaits == "replacement":
            self.publish(nesting=self.delivery.nesting + 1, retries=0)
        if self.attempt(finish, fault):
            self.over = live

    @precondition(lambda self: self.started() and self.over is not None)
    @rule()
    def the_end_is_asserted_again(self) -> None:
        assert self.over is not None
        if not self.attempt(self.over.writer.reassert):
            self.over = None

    @precondition(lambda self: self.started() and bool(self.zombies))
    @rule()
    def a_zombie_wakes_up(self) -> None:
        zombie = self.zombies.pop()
        if zombie.writer.next is None:
            zombie.add(1)
        if self.attempt(zombie.flush):
            newest = read_run(self.store, self.run_id).execution
            assert zombie.writer.claim.execution == newest, "a writer of an earlier execution was heard"
            if self.live is None:
                self.live = zombie

    @precondition(lambda self: self.started() and self.live is None)
    @rule()
    def the_id_is_used_again(self) -> None:
        try:
            run = read_run(self.store, self.run_id)
        except RunNotFound:
            return
        if not run.state.terminal:
            return
        self.sweep()
        before = final_log(self.store, self.run_id)
        if self.over is not None:
            self.zombies.append(self.over)
        self.publish(nesting=0, retries=0)
        self.tokens += 1
        self.take(f"token-{self.tokens}")
        assert self.live is not None, "an id that is used again was not executed"
        assert self.live.writer.claim.execution == run.execution + 1
        after = final_log(self.store, f"{self.run_id}~{run.execution}")
        assert (after["entries"], after["epoch"]) == (before["entries"], before["epoch"])
        self.sweep()

    # The network

    @precondition(lambda self: self.started())
    @rule(pieces=st.lists(st.integers(1, 60), max_size=3))
    def the_network_splits(self, pieces: list[int]) -> None:
        """From now on, in pieces of these sizes; not at all with none."""
        self.proxy.piece_bytes = tuple(pieces)

    # The store

    @precondition(lambda self: self.started() and len(self.snapshots) < 5)
    @rule()
    def a_replica_stands_here(self) -> None:
        self.snapshots.append(snapshot(self.store))

    @precondition(lambda self: self.started())
    @rule(index=st.integers(0, 4), emptied=st.sampled_from([False, False, False, True]))
    def the_store_goes_back(self, index: int, emptied: bool) -> None:
        self.snapshots = self.snapshots[: index + 1]
        self.zombies.clear()
        roll_back(self.store, {} if emptied else self.snapshots[-1])
        # No server goes back without another name for its history.
        change_master(self.store)
        if emptied:
            self.snapshots = [{}]
        self.proxy.cut()
        if self.live is not None:
            self.flush("none")
        elif self.over is not None:
            self.the_end_is_asserted_again()
        self.sweep()

    def sweep(self) -> None:
        """Every relay looks, and its patience is over."""
        for follower in self.followers:
            follower.look(patience=True)

    # Readers, users, the reaper

    @precondition(lambda self: self.started())
    @rule(index=st.integers(0, 2), looks=st.integers(1, 4))
    def a_reader_looks(self, index: int, looks: int) -> None:
        for _ in range(looks):
            self.followers[index].look()

    @precondition(lambda self: self.started())
    @rule(index=st.integers(0, 2))
    def a_reader_leaves(self, index: int) -> None:
        self.followers[index].leave()

    @precondition(lambda self: self.started())
    @rule()
    def somebody_cancels(self) -> None:
        try:
            cancel(self.store, self.run_id, who="ana")
        except (RunNotFound, RunEnded):
            pass

    @precondition(lambda self: self.started())
    @rule()
    def the_reaper_watches_a_silent_run(self) -> None:
        for _ in range(13):
            self.now += 1
            self.reaper.step()

    @precondition(lambda self: self.started() and self.tokens > 2)
    @rule()
    def somebody_deletes(self) -> None:
        try:
            delete(self.store, self.run_id)
        except RunNotFound:
            return
        self.deleted = True
        if self.live is not None:
            with pytest.raises(RunDeleted):
                self.live.flush()

    @precondition(lambda self: self.store is not None and self.deleted)
    @rule()
    def it_stays_deleted(self) -> None:
        with pytest.raises(RunNotFound):
            read_run(self.store, self.run_id)

    # What must hold

    @invariant()
    def the_store_agrees_with_itself(self) -> None:
        if not self.started():
            return
        logs = self.logs()
        assert [contradictions(self.store, run_id) for run_id in logs] == [[]] * len(logs)
        assert [str(violation) for violation in check([], logs)] == []

    def logs(self) -> dict[str, dict[str, Any]]:
        """The logs of all executions that the store has."""
        found = {}
        for run in list_page(self.store).runs:
            found[run.id] = final_log(self.store, run.id)
        return found

    def teardown(self) -> None:
        if self.store is None:
            return
        self.proxy.piece_bytes = ()
        try:
            if self.started():
                self.judge()
        finally:
            self.store.client.close()
            self.behind.client.close()

    def judge(self) -> None:
        """All readers read to the end; then everything that was ever seen is compared."""
        written = {}
        if self.live is not None:
            self.the_task_is_over("none", pending=True, awaits=None)
            if self.over is not None:
                written = {(self.run_id, self.over.writer.claim.attempt): self.over.lines}
        try:
            read_run(self.store, self.run_id)
        except RunNotFound:
            return
        for follower in self.followers:
            for _ in range(1000):
                if not follower.look(count=7, patience=True) and follower.connected:
                    break
            last = read_run(self.store, self.run_id).point
            assert follower.cursor is not None
            assert (follower.cursor.last, follower.cursor.chain) == (last.last, last.chain)
        logs = self.logs()  # a reader may have raised the epoch
        records = [record for follower in self.followers for record in follower.records]
        found = [str(violation) for violation in check(records, logs, written=written)]
        assert found + misplaced(self.store, self.run_id) == []


@pytest.mark.timeout(3600)
def test_the_contract_holds_whatever_happens(own_redis_server: RedisServer) -> None:
    with TcpProxy(own_redis_server.host, own_redis_server.port) as proxy:
        machine: Any = type("Machine", (LogMachine,), {"url": own_redis_server.url, "proxy": proxy})
        profile = settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            derandomize="RUNTAIL_TEST_EXAMPLES" not in os.environ,
            phases=[Phase.generate],  # a failing course is short enough to read; making it shorter takes minutes
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(machine, settings=profile)
