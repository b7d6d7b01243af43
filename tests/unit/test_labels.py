"""Labels: what they may be, where a record has them, and what a task may set while it runs."""

from types import SimpleNamespace
from typing import Any

import pytest

from runtail import labels
from runtail.access.labels import MAX_LABELS, check_labels
from runtail.worker.inband import sequence
from runtail.worker.shipper.output.processor import Event, Output, Processor

NONCE = "0123456789abcdef"
MANY = {f"k{number:02}": "v" for number in range(MAX_LABELS)}


@pytest.mark.parametrize("good", [{}, {"team": "builders"}, {"a/b.c_d-1": "ü ok"}, {"k" * 63: "v" * 100}, MANY])
def test_labels_are_short_texts(good: dict[str, str]) -> None:
    assert check_labels(good) == good


@pytest.mark.parametrize(
    ("bad", "part"),
    [
        (["team"], "an object of texts"),
        ("team=a", "an object of texts"),
        ({"": "a"}, "'' cannot be the key"),
        ({"-a": "a"}, "'-a' cannot be the key"),
        ({"a:b": "a"}, "'a:b' cannot be the key"),
        ({"a b": "a"}, "'a b' cannot be the key"),
        ({"a\n": "a"}, "cannot be the key"),
        ({"k" * 64: "a"}, "1 to 63"),
        ({7: "a"}, "7 cannot be the key"),
        ({"team": ""}, "'' cannot be the value of the label team"),
        ({"team": "v" * 101}, "1 to 100"),
        ({"team": "a\nb"}, "printable"),
        ({"team": "a\u202eb"}, "printable"),
        ({"team": 7}, "7 cannot be the value"),
        ({"team": ["a"]}, "cannot be the value"),
        ({**MANY, "one": "more"}, "there are 21 labels: at most 20"),
    ],
)
def test_what_cannot_be_a_label_is_refused_in_words(bad: Any, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        check_labels(bad)
    # What somebody else wrote into the store or a message gives no right.
    assert labels.checked(bad) == {}


@pytest.mark.parametrize("text", ["", "no json", "[]", "7", '{"team": ["a"]}', '{"team": "a\\u0000"}', "\ud800"])
def test_a_field_that_holds_anything_else_declares_nothing(text: str) -> None:
    assert labels.declared_in(text) == {}


def test_a_declared_label_cannot_be_replaced() -> None:
    fields = labels.fields_of({"team": "builders"}, {"ticket": "7"})
    assert fields == {"labels": '{"team":"builders"}', "label:ticket": "7"}
    assert labels.declared_in(fields["labels"]) == {"team": "builders"}
    stored = {**fields, "label:team": "others", "label:a b": "x", "label:long": "v" * 101, "state": "queued"}
    assert labels.added_in(stored, {"team": "builders"}) == {"ticket": "7"}
    with pytest.raises(ValueError, match="the task declares the label team"):
        labels.check_added({"team": "builders"}, {"team": "builders"})


def test_a_task_declares_labels_in_its_options() -> None:
    assert labels.declared_by(SimpleNamespace(runtail={"labels": {"team": "builders"}})) == {"team": "builders"}
    for task in (SimpleNamespace(), SimpleNamespace(runtail=None), SimpleNamespace(runtail={"labels": None})):
        assert labels.declared_by(task) == {}
    with pytest.raises(ValueError, match="an object of texts"):
        labels.declared_by(SimpleNamespace(runtail={"labels": ["team"]}))


def processor() -> Processor:
    return Processor(NONCE, [b"hunter2-s3cret"], declared={"team": "builders"}, max_markers=3)


def warnings(items: list[Output | Event]) -> list[str]:
    return [item.fields["text"] for item in items if isinstance(item, Event)]


def label(key: Any, value: Any) -> bytes:
    return sequence(NONCE, {"op": "label", "key": key, "value": value})


def test_a_task_sets_labels_while_it_runs() -> None:
    one = processor()
    items = one.feed(b"a\n" + label("ticket", "7") + b"b\n" + label("ticket", "8") + label("branch", "main"))
    assert b"".join(item.chunk.payload for item in items if isinstance(item, Output)) == b"a\nb\n"
    assert warnings(items) == []
    assert one.labels.values == {"ticket": "8", "branch": "main"}
    other = processor()
    other.restore(one.save())
    assert other.labels.values == one.labels.values


def test_a_label_that_cannot_be_set_is_told_in_the_log() -> None:
    one = processor()
    items = one.feed(label("team", "others") + label("a b", "x") + label("x", "y\n"))
    declared, key, value = warnings(items)
    assert declared == "A label is not set: the task declares the label team, so it cannot be set."
    assert "'a b' cannot be the key" in key
    assert "cannot be the value of the label x" in value
    assert one.labels.values == {}
    # These are marks like others, and so is their limit.
    assert warnings(one.feed(label("a b", "x"))) == []
    assert one.capped_markers == 1


def test_no_secret_becomes_a_label() -> None:
    one = processor()
    items = one.feed(label("note", "it is hunter2-s3cret") + label("hunter2-s3cret", "x"))
    assert one.labels.values == {"note": "it is ***"}
    assert "hunter2" not in str(warnings(items))


def test_a_run_has_a_limited_number_of_labels() -> None:
    one = processor()
    items = one.feed(
        b"".join(label(key, value) for key, value in MANY.items()) + label("more", "x") + label("k00", "w")
    )
    assert warnings(items) == ["The label more is not set: a run can have 20 labels."]
    assert one.labels.values == {**MANY, "k00": "w"}


def test_a_state_that_release_0_1_0_saved_is_read() -> None:
    saved, _, past = processor().save().partition(b"\0")
    one = processor()
    one.restore(saved.replace(b'"labels": {}, ', b"") + b"\0" + past)
    assert one.labels.values == {}
