"""Bounded memory, whatever a task writes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.capture_rig import Rig, Task
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

MB = 1_000_000


@pytest.fixture
def rig(tmp_path: Path, own_redis_server: RedisServer, key_prefix: str) -> Iterator[Rig]:
    with Rig(tmp_path, own_redis_server.url, key_prefix) as rig:
        rig.hear("ready")
        yield rig


def resident(process: psutil.Process, field: str = "VmRSS") -> int:
    """Bytes of memory of a process, ``VmHWM`` for the most it ever had."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")


def spooled(process: psutil.Process) -> int:
    """Bytes of memory in the spools that a process holds."""
    total = 0
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            if "runtail-spool" in str(link.readlink()):
                total += link.stat().st_blocks * 512
        except OSError:
            pass
    return total


def most(rig: Rig, task: Task, measure: Callable[[psutil.Process], int]) -> int:
    """The largest measurement until the run is over."""
    largest = 0
    shipper = rig.wait_shipper()

    def over() -> bool:
        nonlocal largest
        largest = max(largest, measure(shipper))
        record = task.record
        return record is not None and record.state.terminal

    wait_for(over, 110, rig.evidence)
    return largest


@pytest.mark.slow
def test_a_flood_of_two_million_lines(rig: Rig) -> None:
    shipper = rig.wait_shipper()
    before = resident(shipper)
    task = rig.run("for n in range(2_000_000): print('%099d' % n)")
    spool = most(rig, task, spooled)
    grown = resident(shipper, "VmHWM") - before
    run = task.wait_ended()
    key = rig.store.keys.log(task.run_id)
    stored = rig.store.client.memory_usage(key, samples=0) or 0
    quota = rig.settings.quota_bytes
    print(f"\nshipper +{grown / MB:.0f} MB, spool {spool / MB:.0f} MB, ", end="")
    print(f"stored {run.number('stored_bytes') / MB:.1f} MB, in Redis {stored / MB:.1f} MB")
    assert run.number("bytes") == 2_000_000 * 100
    assert run.number("overflow_bytes") == 0
    assert grown + spool < 80 * MB
    assert run.number("stored_bytes") <= quota * 1.05


@pytest.mark.slow
def test_a_gigabyte_without_a_newline(rig: Rig) -> None:
    shipper = rig.wait_shipper()
    before = resident(shipper)
    task = rig.run("import os\nb = b'x' * 65536\nfor _ in range(16384): os.write(1, b)")
    spool = most(rig, task, spooled)
    grown = resident(shipper, "VmHWM") - before
    run = task.wait_ended()
    print(f"\nshipper +{grown / MB:.0f} MB, spool {spool / MB:.0f} MB")
    assert run.number("bytes") == 1 << 30
    assert run.number("line") == 16385
    assert grown + spool < 80 * MB
    pieces = [entry for entry in task.entries() if entry.type == "o"]
    assert all(len(entry.payload) == 65536 for entry in pieces)
    assert all(entry.continues for entry in pieces[:-1])


def test_a_ten_megabyte_line_is_whole(rig: Rig) -> None:
    task = rig.run("import os; os.write(1, b'y' * 10_000_000 + b'\\n')")
    task.wait_ended()
    assert task.output() == b"y" * 10_000_000 + b"\n"


def test_many_secrets_in_much_output(rig: Rig) -> None:
    secrets = [f"secret-number-{n}-is-this" for n in range(20)]
    body = "import os\n" + "for n in range(50000): os.write(1, b'secret-number-%d-is-this line\\n' % (n % 20))"
    task = rig.run(body, masks=secrets)
    run = task.wait_ended(60)
    assert task.output() == b"*** line\n" * 50000
    assert run.number("masked") == 50000
