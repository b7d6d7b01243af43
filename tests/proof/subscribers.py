"""Viewers that come and go, resume where they were, and write down what they received.

They judge nothing: the checker does, afterwards. What one received is a list
of records, each with ``subscriber``, ``run``, ``at`` (monotonic seconds) and
one of ``asked`` (the request), ``ack``, ``message``, ``reset``, ``end`` (wire
form, as it came) and ``left`` (why the connection is over).
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import orjson
import websocket

from tests.support.relay import NAMESPACE, Client

#: For a connection, its greeting and the answer to ``subscribe``.
PATIENCE_SECONDS = 4.0
#: One look at the socket; how soon a subscriber notices that it is to leave.
LOOK_SECONDS = 0.25
#: Who hears nothing for so long comes back by another connection, as a page does that missed its pings.
SILENCE_SECONDS = 8.0


class Position:
    """Where a subscriber stands, told from the wire without checking anything."""

    def __init__(self, first_line: int) -> None:
        self.first_line = first_line
        self.known: dict[str, Any] | None = None

    def request(self, run_id: str) -> dict[str, Any]:
        """The subscribe request that goes on from here."""
        return {"v": 1, "run": run_id, **(self.known or {"from": self.first_line})}

    def begin(self, ack: dict[str, Any]) -> None:
        """The answer to a subscribe."""
        self.known = {"epoch": ack["epoch"], "from": ack["from"], "chain": ack["chain"]}

    def move(self, message: dict[str, Any]) -> None:
        """A message came."""
        assert self.known is not None
        for item in message["entries"]:
            if "cut" in item:
                self.known |= {"from": item["cut"]["to"] + 1, "chain": item["cut"]["chain"]}
            else:
                self.known |= {"from": item["from"] + item["n"], "chain": item["chain"]}

    def forget(self) -> None:
        """A reset came: begin anew, at the first line asked for."""
        self.known = None


class Subscriber(threading.Thread):
    """Follows one run after another until it is told to stop.

    :param name: in the records.
    :param url: where relays are reached.
    :param run_ids: shared list of runs that were started; only grows.
    :param seed: of its choices: which run, from where, how long it stays.
    """

    def __init__(self, name: str, url: str, run_ids: list[str], seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self._url = url
        self._run_ids = run_ids
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self._stays = threading.Event()
        self.records: list[dict[str, Any]] = []
        #: Runs whose end it was told, and those the relays do not know.
        self.ended: set[str] = set()
        self.unknown: dict[str, int] = {}
        self.current = ""
        #: A defect of this program, not of the product.
        self.error: BaseException | None = None

    def stay(self) -> None:
        """Stop leaving of its own accord: follow to the end."""
        self._stays.set()

    def stop(self) -> None:
        """Leave for good."""
        self._stop_asked.set()

    def settled(self, run_ids: set[str]) -> bool:
        """Whether it saw the end of every one of *run_ids* that it follows or followed."""
        followed = {record["run"] for record in self.records} | {self.current}
        return not ((followed & run_ids) - self.ended - {run for run, times in self.unknown.items() if times >= 3})

    def run(self) -> None:
        """Follow runs."""
        try:
            while not self._stop_asked.is_set():
                run_id = self._choose()
                if run_id:
                    self._follow(run_id)
                else:
                    self._stop_asked.wait(0.1)
        except BaseException as error:  # noqa: BLE001 - shown by the nemesis
            self.error = error

    def _choose(self) -> str:
        left = [run_id for run_id in self._run_ids if run_id not in self.ended and self.unknown.get(run_id, 0) < 3]
        self.current = self._random.choice(left) if left else ""
        return self.current

    def _follow(self, run_id: str) -> None:
        position = Position(self._random.choice((1, 1, 1, -20, 300)))
        acknowledges = self._random.random() < 0.5
        while not self._stop_asked.is_set() and run_id not in self.ended and self.unknown.get(run_id, 0) < 3:
            stay_seconds = self._random.uniform(0.5, 6.0)
            try:
                client = Client(self._url, timeout_seconds=PATIENCE_SECONDS).join()
            except (OSError, websocket.WebSocketException, AssertionError) as error:
                self._note(run_id, left=repr(error))
                self._stop_asked.wait(self._random.uniform(0.05, 0.5))
                continue
            try:
                self._stay(client, run_id, position, stay_seconds, acknowledges)
            except (OSError, websocket.WebSocketException) as error:
                self._note(run_id, left=repr(error))
            finally:
                if self._random.random() < 0.5:
                    client.close()
                else:
                    client.drop()
            pause = self._random.choice((0.0, 0.1, self._random.uniform(0.0, 2.0)))
            self._stop_asked.wait(pause)

    def _stay(self, client: Client, run_id: str, position: Position, seconds: float, acknowledges: bool) -> None:
        request = position.request(run_id)
        self._note(run_id, asked=request)
        answer = client.emit("subscribe", request)
        self._note(run_id, ack=answer)
        if not answer.get("ok"):
            if answer.get("code") == "unknown-run":
                self.unknown[run_id] = self.unknown.get(run_id, 0) + 1
                self._stop_asked.wait(1.0)
            return
        if answer.get("reset"):
            position.forget()
            return
        position.begin(answer)
        client.ws.settimeout(LOOK_SECONDS)
        leave_at, heard_at, received = time.monotonic() + seconds, time.monotonic(), 0
        while not self._stop_asked.is_set() and run_id not in self.ended:
            now = time.monotonic()
            if (now > leave_at and not self._stays.is_set()) or now > heard_at + SILENCE_SECONDS:
                self._note(run_id, left="its own wish")
                return
            try:
                name, data = client.next_event()
            except (TimeoutError, websocket.WebSocketTimeoutException):
                continue
            heard_at = time.monotonic()
            if name == "tail-message":
                self._note(run_id, message=data)
                position.move(data)
                received += sum(len(item.get("text", "")) for item in data["entries"])
                if acknowledges:
                    ack = {"run": run_id, "bytes": received}
                    client.send(f"42{NAMESPACE},{orjson.dumps(['ack', ack]).decode()}")
            elif name == "tail-end":
                self._note(run_id, end=data)
                self.ended.add(run_id)
            elif name == "tail-reset":
                self._note(run_id, reset=data)
                position.forget()
                return

    def _note(self, run_id: str, **what: Any) -> None:
        self.records.append({"subscriber": self.name, "run": run_id, "at": round(time.monotonic(), 4), **what})
