"""A client written from ``docs/protocol.md`` alone: nothing of Runtail is imported here, on purpose."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import urllib.request
from typing import Any

import websocket

from tests.support.goodbye import read_goodbye

#: A position: epoch, next line, digest of all before it.
Position = tuple[int, int, bytes]


class Defect(AssertionError):
    """What came is not what the document says."""


class DocumentClient:
    """Follows one run and checks all of it.

    :param web: the address of the web service.
    :param relay: the relay's, if not where the web service says.
    """

    def __init__(self, web: str, relay: str = "") -> None:
        with urllib.request.urlopen(f"{web}/api/v1/config") as answer:
            config = json.load(answer)
        if config["v"] != 1:
            raise Defect(f"version {config['v']}")
        relay = relay or config["socket_url"] or web
        address = relay.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        self._socket = websocket.create_connection(address, timeout=20, suppress_origin=True)
        opened = self._receive()
        if not opened.startswith("0{"):
            raise Defect(opened)
        self.opened: dict[str, Any] = json.loads(opened[1:])
        self._socket.send("40/tail,")
        if not self._receive().startswith("40/tail,{"):
            raise Defect("not joined")
        self._number = 0
        #: Everything in the order in which it came: events, and acknowledgements as ("ack", …).
        self.heard: list[tuple[str, Any]] = []
        self.begin(None)

    def begin(self, position: Position | None) -> None:
        """Forget what was read, and stand at a position."""
        self.position = position
        self.began = position
        self.last_id: tuple[int, int] | None = None
        self.lines: list[str] = []
        self.items: list[dict[str, Any]] = []
        self.bytes = 0
        self.end: dict[str, Any] | None = None
        self.over = False

    def _receive(self) -> str:
        while True:
            packet = self._socket.recv()
            if packet == "2":
                self._socket.send("3")
            elif packet != "6":
                return str(packet)

    def emit(self, event: str, argument: Any) -> dict[str, Any]:
        """Send an event, and return its acknowledgement."""
        self._number += 1
        self._socket.send(f"42/tail,{self._number}{json.dumps([event, argument])}")
        prefix = f"43/tail,{self._number}"
        while True:
            packet = self._receive()
            if packet.startswith(prefix):
                (answer,) = json.loads(packet[len(prefix) :])
                self.heard.append(("ack", answer))
                return dict(answer)
            self._event(packet)

    def subscribe(self, run: str, **more: Any) -> dict[str, Any]:
        """Follow a run, from where this client stands if it stands anywhere."""
        argument = {"v": 1, "run": run, **more}
        if self.position is not None:
            epoch, line, chain = self.position
            argument |= {"epoch": epoch, "from": line, "chain": chain.hex()}
        answer = self.emit("subscribe", argument)
        if answer["ok"] and "reset" not in answer:
            position = (answer["epoch"], answer["from"], bytes.fromhex(answer["chain"]))
            if self.position not in (None, position):
                raise Defect(f"resumed at {position}, not at {self.position}")
            self.position = position
            self.began = self.began or position
        return answer

    def listen(self, seconds: float = 20.0) -> str:
        """Take the next event, and return its name."""
        self._socket.settimeout(seconds)
        return self._event(self._receive())

    def until(self, condition: Any, seconds: float = 30.0) -> None:
        """Take events until something holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.listen(max(0.1, deadline - time.monotonic()))

    def _event(self, packet: str) -> str:
        if not packet.startswith("42/tail,"):
            raise Defect(packet)
        name, data = json.loads(packet[len("42/tail,") :])
        self.heard.append((name, data))
        if name == "tail-message":
            if self.position is None or data["epoch"] != self.position[0]:
                raise Defect(f"a message of epoch {data['epoch']} at {self.position}")
            for item in data["entries"]:
                self._item(item)
        elif name == "tail-end":
            self.over = True
        return str(name)

    def _item(self, item: dict[str, Any]) -> None:
        assert self.position is not None
        epoch, line, chain = self.position
        self.items.append(item)
        if "cut" in item:
            cut = item["cut"]
            if cut["from"] != line:
                raise Defect(f"a cut from {cut['from']} at line {line}")
            attempt, seq = cut["last"].split("-")
            self.last_id = (int(attempt), int(seq))
            self.position = (epoch, cut["to"] + 1, bytes.fromhex(cut["chain"]))
            return
        payload = item["text"].encode() if "text" in item else base64.b64decode(item["b64"])
        expected = hashlib.sha256(chain + item["type"].encode() + payload).digest()
        event = json.loads(payload) if item["type"] == "e" else {}
        jumps = event.get("kind") == "store-lost"
        if bytes.fromhex(item["chain"]) != expected:
            raise Defect(f"entry {item['id']} has another digest")
        attempt, seq = map(int, item["id"].split("-"))
        if self.last_id is not None and not jumps:
            before = self.last_id
            if (attempt, seq) != (before[0], before[1] + 1) and not (attempt > before[0] and seq == 1):
                raise Defect(f"entry {item['id']} after {before}")
        if item["from"] != line and not (jumps and item["from"] > line):
            raise Defect(f"entry {item['id']} is from line {item['from']}, not {line}")
        count = 0
        if item["type"] == "o":
            count = payload.count(b"\n") + (bool(payload) and not payload.endswith(b"\n"))
            self.bytes += len(payload)
            self.lines += payload.decode("utf-8", "replace").splitlines()
        if item["n"] != count:
            raise Defect(f"entry {item['id']} takes {item['n']} lines, not {count}")
        if event.get("kind") == "end":
            if event["chain"] != chain.hex():
                raise Defect("the end names another digest")
            self.end = event
        self.last_id = (attempt, seq)
        self.position = (epoch, item["from"] + count, expected)

    def claim(self) -> str:
        """What may be claimed now: nothing, or from which line on the log is verified."""
        if self.end is None or self.position is None or self.began is None:
            return ""
        if self.end["lines"] != self.position[1] - 1:
            raise Defect(f"{self.end['lines']} lines at the end of {self.position[1] - 1}")
        return "complete, verified" if self.began[1] == 1 else f"verified from line {self.began[1]}"

    def goodbye(self) -> tuple[int, str]:
        """Read until the relay closes; its code and reason."""
        return read_goodbye(self._socket)

    def send_raw(self, text: str) -> None:
        """Send a packet as it is."""
        self._socket.send(text)

    def close(self) -> None:
        """Leave."""
        self._socket.close()
