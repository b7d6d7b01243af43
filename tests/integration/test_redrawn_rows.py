"""Rows that a task draws again and again: shown while they change, stored at their last state."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.capture_rig import Rig, Task
from tests.support.waiting import wait_for

#: Three layers, as an image pull draws them; every step waits until it is told to go on.
LAYERS = """
import os, pathlib, time
steps = pathlib.Path({steps!r})
def step(n):
    while not (steps / str(n)).exists(): time.sleep(0.01)
def put(layer, text):
    os.write(1, b"\\x1b[%dA\\x1b[2K\\r%b: %b \\r\\x1b[%dB" % (3 - layer, b"abc"[layer:layer + 1], text, 3 - layer))
os.write(1, b"pulling\\na: waiting\\r\\nb: waiting\\r\\nc: waiting\\r\\n")
for n in range(4):
    step(n)
    for layer in range(3): put(layer, b"step %d" % n)
step(4)
put(1, b"failed")
os.write(1, b"error\\r\\n")
step(5)
"""


@pytest.fixture
def rig(tmp_path: Path, redis_url: str, key_prefix: str) -> Iterator[Rig]:
    with Rig(tmp_path, redis_url, key_prefix) as rig:
        yield rig


def live(task: Task) -> dict[str, Any]:
    record = task.record
    return (record.json("live") if record else None) or {}


def shown(task: Task) -> list[str]:
    """The layers' rows; what comes at once with them may be held back above them."""
    return list(live(task).get("rows") or ())[-3:]


def go(tmp_path: Path, step: int) -> None:
    (tmp_path / str(step)).touch()


def test_rows_are_shown_while_they_change_and_stored_once(rig: Rig, tmp_path: Path) -> None:
    task = rig.run(LAYERS.format(steps=str(tmp_path)))
    wait_for(lambda: task.record and task.output().count(b"\n") == 4, 20, rig.evidence)
    for n in range(4):
        go(tmp_path, n)
        wait_for(lambda n=n: shown(task) == [f"{c}: step {n}" for c in "abc"], 20, rig.evidence)  # type: ignore[misc]
    assert live(task)["text"] == "c: step 3"
    assert task.output().count(b"\n") == 4
    go(tmp_path, 4)
    go(tmp_path, 5)
    task.wait_ended()
    assert task.output() == (
        b"pulling\na: waiting\r\nb: waiting\r\nc: waiting\r\na: step 3\nb: failed\nc: step 3\nerror\n"
    )
    (redrawn,) = [event for event in task.events() if event["kind"] == "redrawn"]
    assert (redrawn["from"], redrawn["to"]) == (2, 4)


def test_rows_that_stand_still_are_stored(rig: Rig, tmp_path: Path) -> None:
    task = rig.run(LAYERS.format(steps=str(tmp_path)))
    go(tmp_path, 0)
    wait_for(lambda: task.record and b"c: step 0\n" in task.output(), 30, rig.evidence)
    assert not shown(task)
    for n in range(1, 6):
        go(tmp_path, n)
    task.wait_ended()
    assert task.output().endswith(b"a: step 3\nb: failed\nc: step 3\nerror\n")


def test_a_killed_shipper_loses_no_row(rig: Rig, tmp_path: Path) -> None:
    task = rig.run(LAYERS.format(steps=str(tmp_path)))
    for n in range(4):
        go(tmp_path, n)
        wait_for(lambda n=n: shown(task) == [f"{c}: step {n}" for c in "abc"], 30, rig.evidence)  # type: ignore[misc]
        rig.wait_shipper()
        rig.kill_shipper()
    go(tmp_path, 4)
    go(tmp_path, 5)
    task.wait_ended()
    assert task.output().endswith(b"a: step 3\nb: failed\nc: step 3\nerror\n")
    assert str(task.wait_ended().state) == "succeeded"
