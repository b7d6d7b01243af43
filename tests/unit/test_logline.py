"""One line of a log: text or JSON, never two lines, never one that fails."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from runtail import logline, logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook
    levels = {name: logging.getLogger(name).level for name in ("runtail", "runtail_web")}
    yield
    root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook = before
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_line_of_text_is_one_line() -> None:
    line = logline.render("text", "WARNING", "web", "runtail_web.x", "so\nit\x1b[31m is\r\tö", at=1764428635.1239)
    assert line == "2025-11-29T15:03:55.123Z WARNING web runtail_web.x: so\\nit\\x1b[31m is\\x0d\tö"
    line = logline.render("text", "ERROR", "web", "x", "failed", at=0, exception="Traceback\n  what")
    assert line == "1970-01-01T00:00:00.000Z ERROR web x: failed\nTraceback\n  what"


def test_a_line_of_json_is_one_object() -> None:
    line = logline.render(
        "json", "ERROR", "relay", "x", "so\nit \ud800 is", at=0, exception="a\nb", fields={"level": "no", "path": {1}}
    )
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.000Z", "level": "ERROR", "component": "relay", "logger": "x",
        "message": "so\nit \ud800 is", "exception": "a\nb", "path": "{1}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("level", "said"),
    [("debug", "abc"), ("info", "bc"), ("warning", "c"), ("error", ""), ("loud", "bc")],
)
def test_only_levels_from_the_chosen_one_on_are_said(capfd: pytest.CaptureFixture[str], level: str, said: str) -> None:
    logs.set_up("web", "runtail_web", {"RUNTAIL_LOG_LEVEL": level})
    log = logging.getLogger("runtail_web.part")
    log.debug("a")
    log.info("b")
    log.warning("c")
    # Libraries say what is wrong, and no more than that.
    logging.getLogger("library").info("no")
    assert "".join(line[-1] for line in capfd.readouterr().err.splitlines()) == said
    writer = logline.Writer("text", logline.read_level({"RUNTAIL_LOG_LEVEL": level}), "keeper", "runtail.keeper")
    writer.info("b")
    writer.warning("c")
    writer.error("d")
    assert "".join(line[-1] for line in capfd.readouterr().err.splitlines()) == said.replace("a", "") + "d"


def test_what_nobody_catches_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    logs.set_up("web", "runtail_web", {"RUNTAIL_LOG_FORMAT": "json"})

    def fail() -> None:
        raise ValueError("so\nit is")

    thread = threading.Thread(target=fail, name="reaper")
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
        logging.getLogger("runtail_web").exception("it %s", "failed")
    logs.set_up("web", "runtail_web", {"RUNTAIL_LOG_FORMAT": "json"})
    logging.getLogger("runtail").warning("once")
    found = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(one["level"], one["message"]) for one in found] == [
        ("ERROR", "the thread reaper has ended"),
        ("CRITICAL", "ended by an unexpected error"),
        ("ERROR", "it failed"),
        ("WARNING", "once"),
    ]
    for one in found[:3]:
        assert one["exception"].endswith("ValueError: so\nit is")
    assert {one["component"] for one in found} == {"web"}
