"""Titles of runs: what they may be, from whom they come, and how a task sets one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runtail import titles
from runtail.worker.inband import sequence
from runtail.worker.shipper.output.processor import Event, Processor

NONCE = "n0nce"


def said(text: str) -> bytes:
    return sequence(NONCE, {"op": "title", "text": text})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Build of main", "Build of main"),
        ("  two\nlines\tand   blanks ", "two lines and blanks"),
        ("\x1b[31mred\x1b[0m\a and \u202eturned", "red and turned"),
        ("\0\r\n ", ""),
        ("x" * 201, "x" * 199 + "…"),
        ("é" * 200, "é" * 200),
    ],
)
def test_a_title_is_one_short_line(text: str, shown: str) -> None:
    assert titles.cleaned(text) == shown
    assert titles.fields_of(titles.cleaned(text)) == ({"title": shown} if shown else {})


def test_a_task_declares_a_title_that_may_name_parameters() -> None:
    assert titles.declared_by(SimpleNamespace(runtail={"title": "Build of {branch}"})) == "Build of {branch}"
    for task in (SimpleNamespace(), SimpleNamespace(runtail=None), SimpleNamespace(runtail={"title": None})):
        assert titles.declared_by(task) == ""
    with pytest.raises(ValueError, match="a title is a text"):
        titles.declared_by(SimpleNamespace(runtail={"title": 7}))


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ("{branch} for {regions} {deep}", 'main for ["eu","us"] true'),
        ("{unknown} {0} {} {branch.upper} {branch!r:>9}", "{unknown} {0} {} {branch.upper} {branch!r:>9}"),
        ("{{branch}}", "{main}"),
        ("with {nothing}!", "with !"),
        ("{long}", "x" * 199 + "…"),
    ],
)
def test_parameters_are_filled_in(declared: str, shown: str) -> None:
    kwargs = {"branch": "main", "regions": ["eu", "us"], "deep": True, "nothing": None, "long": "x" * 5000}
    assert titles.filled(declared, kwargs) == shown


def test_defaults_stand_for_parameters_that_are_not_given() -> None:
    properties = {"branch": {"default": "main"}, "token": {"writeOnly": True}, "odd": 7}
    assert titles.defaults_in({"properties": properties}) == {"branch": "main"}
    assert titles.defaults_in({}) == {}
    assert titles.names_parameters("Build of {branch}")
    assert not titles.names_parameters("Build of {}")


def test_a_task_sets_its_title_while_it_runs() -> None:
    one = Processor(NONCE, [b"hunter2-s3cret"])
    items = one.feed(b"a" + said("First") + said("Deploy\nhunter2-s3cret") + b"b\n" + said("\0"))
    assert not any(isinstance(item, Event) for item in items)
    assert one.title == "Deploy ***"
    other = Processor(NONCE)
    other.restore(one.save())
    assert other.title == "Deploy ***"


def test_a_state_that_release_0_1_0_saved_has_no_title() -> None:
    saved, _, past = Processor(NONCE).save().partition(b"\0")
    one = Processor(NONCE)
    one.restore(saved.replace(b'"title": "", ', b"") + b"\0" + past)
    assert one.title == ""
