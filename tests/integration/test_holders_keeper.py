"""A process that outlived its run writes while no shipper can start: the keeper takes it, and it is counted."""

from pathlib import Path

import pytest

from tests.support import capture_rig
from tests.support.capture_rig import Rig
from tests.support.waiting import wait_for

LINES = 40_000


@pytest.mark.parametrize("spool_bytes", [64 << 20, 1 << 20], ids=["kept", "dropped in part"])
def test_what_comes_late_without_a_shipper_is_counted(
    tmp_path: Path, redis_url: str, key_prefix: str, monkeypatch: pytest.MonkeyPatch, spool_bytes: int
) -> None:
    may_start, go, written = tmp_path / "may-start", tmp_path / "go", tmp_path / "written"
    may_start.touch()
    command = " ".join(capture_rig.SHIPPER)
    script = f'test -e {may_start} || exit 1; exec {command} "$@"'
    monkeypatch.setattr(capture_rig, "SHIPPER", ["/bin/sh", "-c", script, "sh"])
    with Rig(tmp_path, redis_url, key_prefix, spool_bytes=spool_bytes) as rig:
        task = rig.run(
            "import os, pathlib, time\n"
            "print('own', flush=True)\n"
            "if os.fork() == 0:\n"
            f"    while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
            f"    for n in range({LINES}): os.write(1, b'%099d\\n' % n)\n"
            f"    pathlib.Path({str(written)!r}).touch()\n"
            "    os._exit(0)\n"
        )
        task.wait_ended()
        assert task.report()["done"]
        shipper = rig.wait_shipper()
        may_start.unlink()
        shipper.kill()
        go.touch()
        wait_for(written.exists, 30, rig.evidence)
        may_start.touch()

        def counted() -> bool:
            record = task.record
            return record is not None and record.number("late_bytes") == LINES * 100

        wait_for(counted, 20, lambda: f"{task.record}\n{rig.evidence()}")
        assert task.output() == b"own\n"
        # Everybody has let go of it.
        rig.hear("closed")
