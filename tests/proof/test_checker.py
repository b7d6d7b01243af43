"""The checker against bugs that were planted, and against histories without any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.proof.checker import check, read_history
from tests.proof.histories import Viewer, clean
from tests.proof.planted import BUGS, RUN, Story, next_execution


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found_under_the_clause_that_it_breaks(name: str) -> None:
    clause, bug = BUGS[name]
    found = bug()
    assert clause in {violation.clause for violation in found}, [str(violation) for violation in found]


def test_there_are_enough_planted_bugs() -> None:
    assert len(BUGS) >= 15


@pytest.mark.parametrize("seed", range(200))
def test_a_clean_history_raises_no_alarm(seed: int) -> None:
    assert [str(violation) for violation in check(*clean(seed))] == []


def test_the_clean_histories_have_everything_that_may_happen() -> None:
    seen = "".join(json.dumps(clean(seed)[0]) for seed in range(40))
    for what in ('"cut": {', '"reset"', "store-lost", "retry", '"id": "3-'):
        assert what in seen, what


def test_a_history_is_kept_as_json_lines(tmp_path: Path) -> None:
    records, logs = clean(1)
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert read_history(tmp_path / "history.jsonl") == records
    assert check(read_history(tmp_path / "history.jsonl"), logs) == []


def test_executions_of_one_id_are_clean_when_each_has_its_log() -> None:
    story = Story()
    following = next_execution(story)
    viewers = [story.early, Viewer("newcomer", following)]
    story.early.note(reset={"reason": "store-lost", "why": "The id was used again."})
    following.finish()
    while not viewers[1].ended:
        viewers[1].look()
    records = [record for viewer in viewers for record in viewer.records]
    assert check(records, {f"{RUN}~1": story.log.final(), RUN: following.final()}) == []
