"""The log of logins that fail, which anybody can make grow."""

from __future__ import annotations

import logging

import pytest

from runtail_web.login.oidc.few_lines import MOST_A_SECOND, FewLines


def test_a_flood_writes_a_few_lines_a_second_and_says_how_many_were_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [100.0]
    monkeypatch.setattr("runtail_web.login.oidc.few_lines.time.monotonic", lambda: clock[0])
    log = logging.getLogger("test.few-lines")
    log.addFilter(FewLines())
    for _ in range(5000):
        log.warning("a login failed: %s", "50 % of it")
    assert [record.getMessage() for record in caplog.records] == ["a login failed: 50 % of it"] * MOST_A_SECOND
    caplog.clear()
    clock[0] += 1
    log.warning("a login failed: %s", "again")
    log.warning("a login failed: %s", "and again")
    assert [record.getMessage() for record in caplog.records] == [
        f"({5000 - MOST_A_SECOND} lines like this one were left out) a login failed: again",
        "a login failed: and again",
    ]
