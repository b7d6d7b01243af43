"""A few short schedules of the nemesis; `make proof` runs a hundred long ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof import nemesis, schedule
from tests.proof.skew import faketime
from tests.support.continuous_integration import lacking

SCHEDULES = 10
#: Faults begin for this long in each: with start and settling a schedule takes some 15 s.
SECONDS = 5.0


def test_clocks_can_be_put_an_hour_off() -> None:
    if faketime() is None:
        lacking("no libfaketime", "apt install faketime")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_contract_holds_under_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--first", "1001", "--seeds", str(SCHEDULES), "--seconds", str(SECONDS), "--parallel", "2"]
    failed = nemesis.main([*options, "--folder", str(tmp_path)])
    assert not failed, capsys.readouterr().out
    assert len(list(tmp_path.glob("seed-*.json"))) == SCHEDULES


def test_a_seed_always_draws_the_same_schedule() -> None:
    assert schedule.make(7, 16.0) == schedule.make(7, 16.0)
    assert schedule.make(7, 16.0) != schedule.make(8, 16.0)


def test_all_kinds_of_faults_are_drawn() -> None:
    known = {kind for family, *_ in schedule.FAMILIES for kind in family}
    drawn = {fault.kind for seed in range(1, 101) for fault in schedule.make(seed, 16.0).faults}
    assert drawn == known
    assert all(len({fault.kind for fault in schedule.make(seed, 16.0).faults}) >= 5 for seed in range(1, 101))
