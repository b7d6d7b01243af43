"""The keeper without a shipper: no task hangs, nothing it could keep is lost."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import capture_rig
from tests.support.capture_rig import Rig, Task
from tests.support.waiting import wait_for

PLAIN_SHIPPER = Path(__file__).parent.parent / "support" / "plain_shipper.py"


class Shipped:
    """A rig whose shipper writes files, and does not start before it may."""

    def __init__(self, rig: Rig, directory: Path) -> None:
        self.rig = rig
        self.directory = directory

    def let_start(self) -> None:
        (self.directory / "may-start").touch()

    def outcome(self, task: Task) -> dict[str, object]:
        path = self.directory / f"{task.run_id}.json"
        wait_for(path.exists, 20, self.rig.evidence)
        return dict(json.loads(path.read_text()))

    def output(self, task: Task) -> bytes:
        return (self.directory / f"{task.run_id}.out").read_bytes()


MakeShipped = Callable[..., Shipped]


@pytest.fixture
def make_shipped(
    tmp_path: Path, redis_url: str, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeShipped]:
    directory = tmp_path / "shipped"
    directory.mkdir()
    script = f'test -e {directory}/may-start || exit 1; exec {sys.executable} {PLAIN_SHIPPER} {directory} "$@"'
    monkeypatch.setattr(capture_rig, "SHIPPER", ["/bin/sh", "-c", script, "sh"])
    rigs: list[Rig] = []

    def make(**settings: object) -> Shipped:
        rigs.append(Rig(tmp_path, redis_url, key_prefix, **settings).__enter__())
        return Shipped(rigs[-1], directory)

    yield make
    for rig in rigs:
        rig.__exit__(None, None, None)


#: Writes before anybody could read it: ``go`` came, then the shipper was killed.
BODY = """
import os, pathlib
for number in range({lines}):
    os.write(1, b"%099d\\n" % number)
pathlib.Path({flag!r}).touch()
"""


def lines(count: int) -> bytes:
    return b"".join(b"%099d\n" % number for number in range(count))


def shipper_dies_for_good(shipped: Shipped) -> None:
    (shipped.directory / "may-start").unlink()
    pid = int((shipped.directory / "shipper.pid").read_text())
    import os
    import signal

    os.kill(pid, signal.SIGKILL)


def start_then_lose_shipper(shipped: Shipped, count: int, flag: Path, gate: Path) -> Task:
    """A task that starts to write when its shipper is gone and none can start."""
    shipped.let_start()
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
    task = shipped.rig.run(wait + BODY.format(lines=count, flag=str(flag)))
    wait_for(lambda: (shipped.directory / f"{task.run_id}.out").exists(), 20, shipped.rig.evidence)
    shipper_dies_for_good(shipped)
    gate.touch()
    return task


def test_task_does_not_hang_on_a_full_pipe(make_shipped: MakeShipped, tmp_path: Path) -> None:
    shipped = make_shipped()
    flag = tmp_path / "written"
    # 4 MB: many times what the pipe holds, and less than the spool.
    task = start_then_lose_shipper(shipped, 40_000, flag, tmp_path / "gate")
    wait_for(flag.exists, 30, shipped.rig.evidence)
    shipped.let_start()
    found = shipped.outcome(task)
    assert found["outcome"] == {"state": "succeeded", "why": ""}
    assert shipped.output(task) == lines(40_000)


def test_what_the_spool_cannot_hold_is_counted(make_shipped: MakeShipped, tmp_path: Path) -> None:
    shipped = make_shipped(spool_bytes=1_000_000)
    flag = tmp_path / "written"
    task = start_then_lose_shipper(shipped, 40_000, flag, tmp_path / "gate")
    wait_for(flag.exists, 30, shipped.rig.evidence)
    shipped.let_start()
    found = shipped.outcome(task)
    kept = shipped.output(task)
    record = found["record"]
    assert isinstance(record, dict)
    assert record["again"] is True
    assert record["dropped"] + len(kept) == 4_000_000
    assert 0 < record["dropped"] < 4_000_000


def test_block_lets_the_task_wait_instead(make_shipped: MakeShipped, tmp_path: Path) -> None:
    shipped = make_shipped(spool_bytes=1_000_000, overflow="block")
    flag = tmp_path / "written"
    task = start_then_lose_shipper(shipped, 40_000, flag, tmp_path / "gate")
    # The spool is full when the keeper has stopped to take from the pipe.
    spool = f"/proc/{shipped.rig.keeper.pid}/fd"

    def spool_is_full() -> bool:
        size = 0
        for path in Path(spool).iterdir():
            # The keeper goes on: what was listed may be closed by now.
            with contextlib.suppress(FileNotFoundError):
                if "runtail-spool" in str(path.readlink()):
                    size += path.stat().st_size
        return size >= 900_000

    wait_for(spool_is_full, 30, shipped.rig.evidence)
    assert not flag.exists()
    shipped.let_start()
    shipped.outcome(task)
    assert shipped.output(task) == lines(40_000)
