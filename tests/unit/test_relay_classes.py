"""Events of the list: decided and encoded once for each class of viewers, however many they are."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from runtail.access.decision import allowed
from runtail.access.policy import parse_policy
from runtail.access.principal import Principal, anyone
from runtail.runs.record import Run
from runtail_socket.clients import states
from runtail_socket.clients.viewer import Viewer
from runtail_socket.delivery.frames import run_changed
from runtail_socket.transport.websocket import WriteResult

POLICY = parse_policy("""
[[grant]]
to = ["group:builders"]
role = "viewer"
tasks = ["build.*"]

[[grant]]
to = ["group:watchers"]
rights = ["run:read"]

[[grant]]
to = ["group:owners"]
role = "viewer"
who = "self"
""")


class Link:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.closed = False
        self.queued = 0

    def try_send(self, frame: Any) -> WriteResult:
        self.frames.append(frame)
        return WriteResult.ALL


def viewer(name: str, *groups: str) -> Viewer:
    who = f"user:{name}"
    made = Viewer(Link(), Principal("user", who, name, POLICY.grants_of(who, groups)))  # type: ignore[arg-type]
    made.lists = True
    return made


def told(viewers: list[Viewer], monkeypatch: pytest.MonkeyPatch, **fields: str) -> tuple[Counter[str], Counter[str]]:
    """Tell viewers of a change; return how often it was decided by right, and encoded by "shown" and "hidden"."""
    run = Run("r", {"state": "queued", "kwargs": '{"a":1}', "who_id": "", **fields}, b"")
    asked, encoded = Counter[str](), Counter[str]()

    def counted(principal: Principal, right: Any, thing: Any) -> bool:
        asked[right] += 1
        return allowed(principal, right, thing)

    def encode(summary: dict[str, Any]) -> Any:
        encoded["hidden" if summary["kwargs"] is None else "shown"] += 1
        return run_changed(summary)

    monkeypatch.setattr(states, "allowed", counted)
    monkeypatch.setattr(states, "run_changed", encode)
    monkeypatch.setattr(states, "read_runs", lambda _store, _ids: [run])
    states.States(SimpleNamespace(), lambda: viewers).tell(["r"], states.lists)  # type: ignore[arg-type]
    return asked, encoded


def frames(one: Viewer) -> list[Any]:
    return one.link.frames  # type: ignore[attr-defined, no-any-return]


def test_a_class_is_asked_once_and_shares_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    builders = [viewer(f"b{number}", "builders") for number in range(100)]
    watchers = [viewer(f"w{number}", "watchers") for number in range(100)]
    others = [viewer(f"o{number}") for number in range(100)]
    asked, encoded = told([*builders, *watchers, *others], monkeypatch, task="build.app")
    assert asked == {"run:read": 3}
    assert encoded == {"shown": 1, "hidden": 1}
    assert len({id(frame) for one in builders for frame in frames(one)}) == 1
    assert all(b'"kwargs":null' in orjson.dumps(str(frames(one)[0])).replace(b"\\", b"") for one in watchers)
    assert not any(frames(one) for one in others)


def test_grants_for_own_runs_are_asked_for_each_person(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = [viewer(name, "owners") for name in ("ann", "bob", "cid")] + [viewer("ann", "owners")]
    asked, encoded = told(owners, monkeypatch, task="any", who_id="user:ann")
    assert asked == {"run:read": 3}
    assert encoded == {"shown": 1}
    assert [len(frames(one)) for one in owners] == [1, 0, 0, 1]


def test_everybody_without_a_login_is_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [Viewer(Link(), anyone(f"anonymous ({number})")) for number in range(100)]  # type: ignore[arg-type]
    for one in people:
        one.lists = True
    asked, encoded = told(people, monkeypatch, task="any")
    assert (asked, encoded) == ({"run:read": 1}, {"shown": 1})
    assert all(len(frames(one)) == 1 for one in people)
