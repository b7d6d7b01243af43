"""Bugs planted in made-up histories, each with the clause of the contract that it breaks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.proof.checker import Violation, check
from tests.proof.histories import Log, Viewer, task_line

RUN = "run-1"
BUGS: dict[str, tuple[str, Callable[[], list[Violation]]]] = {}


def planted(clause: str) -> Callable[[Callable[[], list[Violation]]], Callable[[], list[Violation]]]:
    """Register a bug and the clause that it breaks."""

    def register(bug: Callable[[], list[Violation]]) -> Callable[[], list[Violation]]:
        BUGS[bug.__name__] = (clause, bug)
        return bug

    return register


class Story:
    """A log of two attempts and two viewers: one who follows, one who comes late."""

    def __init__(self) -> None:
        self.log = Log(RUN)
        self.early, self.late = Viewer("early", self.log), Viewer("late", self.log)
        self.log.event("start", attempt=1)
        self.write()
        self.early.look()

    def write(self, entries: int = 3) -> None:
        """Five lines each."""
        for _ in range(entries):
            self.log.write(5)

    def told(self) -> list[Violation]:
        """End it, let both see the end, and judge."""
        if self.log.state == "running":
            self.log.finish()
        for viewer in (self.early, self.late):
            while not viewer.ended:
                viewer.look()
        return self.judged()

    def judged(self, **more: Any) -> list[Violation]:
        """Judge what there is."""
        return check([*self.early.records, *self.late.records], {RUN: self.log.final()}, **more)

    def messages(self, viewer: Viewer) -> list[dict[str, Any]]:
        """What a viewer got."""
        return [record["message"] for record in viewer.records if "message" in record]


@planted("honesty")
def dropped_chunk() -> list[Violation]:
    story = Story()
    story.log.number += 5
    story.write()
    return story.told()


@planted("prefix")
def doubled_chunk_on_retry() -> list[Violation]:
    story = Story()
    story.log.number -= 5
    story.write()
    return story.told()


@planted("prefix")
def off_by_one_resume() -> list[Violation]:
    story = Story()
    story.early.leave()
    story.write()
    story.early.look()
    ack = [record["ack"] for record in story.early.records if "ack" in record][-1]
    ack["from"] += 1
    return story.told()


@planted("immutability")
def resume_with_the_wrong_epoch() -> list[Violation]:
    story = Story()
    story.log.lose(1)
    _, line, chain = story.early.known or (0, 0, "")
    story.early.known = (story.log.epoch, line, chain)
    return story.told()


@planted("completeness")
def tail_lost_at_the_end() -> list[Violation]:
    story = Story()
    violations = story.told()
    assert not violations
    last = max(index for index, record in enumerate(story.late.records) if "message" in record)
    del story.late.records[last]
    return story.judged()


@planted("one end")
def two_ends() -> list[Violation]:
    story = Story()
    story.log.finish()
    story.log.finish()
    return story.judged()


@planted("one end")
def ended_without_an_end() -> list[Violation]:
    story = Story()
    story.log.state = "failed"
    return story.judged()


@planted("one writer")
def zombie_append() -> list[Violation]:
    story = Story()
    story.log.retry()
    story.write(1)
    story.log.attempt, story.log.seq, story.log.number = 1, 5, 15
    story.write(1)
    story.log.finish()
    return story.judged()


@planted("one writer")
def zombie_lines_under_the_id_of_the_next_attempt() -> list[Violation]:
    story = Story()
    story.log.retry()
    story.log.entry("o", task_line(RUN, 1, 16) + "\n")
    return story.told()


@planted("prefix")
def reorder_across_relays() -> list[Violation]:
    story = Story()
    story.told()
    entries = story.messages(story.late)[0]["entries"]
    entries[1], entries[2] = entries[2], entries[1]
    return story.judged()


@planted("honesty")
def a_loss_with_a_wrong_count() -> list[Violation]:
    story = Story()
    story.log.lose(2)
    lost = story.log.items.pop()
    story.log.seq -= 1
    story.log.chain = story.log.items[-1]["chain"]
    fields = json.loads(lost["text"]) | {"to": story.log.line - 3}
    story.log.entry("e", json.dumps(fields, separators=(",", ":")))
    story.log.bytes = sum(len(i["text"].encode()) for i in story.log.items if i["type"] == "o") + fields["bytes"]
    return story.told()


@planted("honesty")
def a_cut_with_a_wrong_count() -> list[Violation]:
    story = Story()
    story.write(9)
    story.log.trim(2, 3)
    assert story.log.cut is not None
    story.log.finish()
    story.log.cut["entries"] += 1
    return story.judged()


@planted("immutability")
def a_line_renumbered_after_a_rollback() -> list[Violation]:
    story = Story()
    story.early.look()
    gone = story.log.items.pop()
    story.log.seq, story.log.line, story.log.chain = 3, gone["from"], story.log.items[-1]["chain"]
    story.log.number, story.log.bytes = 10, story.log.bytes - len(gone["text"])
    story.log.write(4)
    story.log.finish()
    while not story.late.ended:
        story.late.look()
    return story.judged()


@planted("immutability")
def an_acknowledged_entry_vanishes_without_a_new_epoch() -> list[Violation]:
    story = Story()
    story.early.look()
    story.log.items.pop()
    return story.judged()


@planted("prefix")
def a_cut_that_nobody_is_told_of() -> list[Violation]:
    story = Story()
    story.write(9)
    story.log.trim(2, 3)
    story.log.cut = None
    return story.told()


@planted("chain")
def a_flipped_byte() -> list[Violation]:
    story = Story()
    story.told()
    entry = story.messages(story.late)[0]["entries"][1]
    entry["text"] = entry["text"].replace("1", "7", 1)
    return story.judged()


@planted("prefix")
def the_last_frame_again_after_a_reconnect() -> list[Violation]:
    story = Story()
    story.told()
    index = next(index for index, record in enumerate(story.early.records) if "message" in record)
    story.early.records.insert(index + 1, copy.deepcopy(story.early.records[index]))
    return story.judged()


@planted("completeness")
def an_end_with_a_wrong_total() -> list[Violation]:
    story = Story()
    story.log.bytes += 1
    return story.told()


@planted("completeness")
def a_farewell_that_is_not_the_terminal_entry() -> list[Violation]:
    story = Story()
    story.told()
    story.late.records[-1]["end"]["state"] = "failed"
    return story.judged()


@planted("honesty")
def a_reset_without_a_reason() -> list[Violation]:
    story = Story()
    story.log.lose(1)
    story.told()
    next(record for record in story.early.records if "reset" in record)["reset"]["why"] = ""
    return story.judged()


@planted("prefix")
def messages_go_on_after_a_reset() -> list[Violation]:
    story = Story()
    story.told()
    story.late.records.insert(3, {**story.late.records[0], "reset": {"reason": "epoch", "why": "x"}})
    del story.late.records[3]["asked"]
    return story.judged()


@planted("honesty")
def output_that_left_the_process_and_is_nowhere() -> list[Violation]:
    story = Story()
    assert not story.told()
    return story.judged(written={(RUN, 1): 16})


@planted("honesty")
def a_line_that_was_changed_before_it_was_stored() -> list[Violation]:
    story = Story()
    story.log.entry("o", task_line(RUN, 1, 16)[:-1] + "x\n")
    return story.told()


@planted("honesty")
def a_record_that_hides_its_cut() -> list[Violation]:
    story = Story()
    story.write(9)
    story.log.trim(2, 3)
    story.log.finish()
    log = story.log.final()
    log["record"]["cut"] = None
    return check([], {RUN: log})


@planted("chain")
def a_cut_with_the_digest_of_another_entry() -> list[Violation]:
    story = Story()
    story.write(9)
    story.early.look(6)
    story.log.trim(2, 8)
    assert story.log.cut is not None
    story.log.cut["chain"] = story.log.items[0]["chain"]
    story.late.look()
    return story.judged()


def next_execution(story: Story) -> Log:
    """The id is used again: the next execution's log, in an epoch of its own."""
    story.told()
    following = Log(RUN, story.log.epoch + 1000)
    following.event("start", attempt=1)
    following.write(4)
    return following


@planted("one end")
def the_next_execution_writes_into_the_log_of_the_last() -> list[Violation]:
    story = Story()
    story.told()
    story.log.number = 0
    story.log.event("start", attempt=1)
    story.log.write(4)
    return check([], {RUN: story.log.final()})


@planted("immutability")
def a_view_goes_on_in_thenext_execution() -> list[Violation]:
    story = Story()
    following = next_execution(story)
    message = {"v": 1, "run": RUN, "epoch": following.epoch, "entries": following.stored()}
    story.early.note(message=message)
    return check(story.early.records, {f"{RUN}~1": story.log.final(), RUN: following.final()})


@planted("immutability")
def the_log_of_an_earlier_execution_changes() -> list[Violation]:
    story = Story()
    following = next_execution(story)
    changed = story.log.final()
    changed["entries"] = [item for item in changed["entries"] if item["id"] != "1-3"]
    logs = {f"{RUN}~1": changed, RUN: following.final()}
    return [violation for violation in check(story.early.records, logs) if violation.who != "log"]


@planted("one writer")
def an_earlier_execution_writes_into_the_next() -> list[Violation]:
    story = Story()
    following = next_execution(story)
    following.attempt, following.seq = 2, 0
    following.entry("o", task_line(RUN, 1, 16) + "\n")
    return check([], {f"{RUN}~1": story.log.final(), RUN: following.final()})
