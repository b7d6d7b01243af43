"""The lines of the audit log: one each, whatever the texts, without arguments and without tokens."""

from __future__ import annotations

import json
import os
import random
import select
import sys
import threading
import time
from typing import get_args

import pytest

from runtail.access.principal import Grant, Principal, anyone
from runtail.auth.audit import Audit
from runtail.auth.audit_entry import EVENTS, MAX_CHARS, Outcome, cleaned
from runtail.dev.terminal import Terminal

MEAN = (
    "\r\n", "\n", "\r", "\x1b[2J", "\x1b]52;c;aGk=\x07", "\x00", "\x7f", "\x85", "\x9b31m", "\u2028", "\u2029",
    "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\udfff", '"', "\\", '"}\n{"log": "audit"}', "\U0001f600",
    "\u0430dmin", "\U000e0041",
)  # fmt: skip
TOKEN = "rt1_abcdefghij_" + "S3cr3t-s3cr3t_" * 3 + "q_abc123"
SHARE = "rts1_" + "Sh4r3dS3cr3t-" * 3 + "abcd"


class Lines:
    """What was written."""

    def __init__(self) -> None:
        self.raw = b""

    def __call__(self, line: bytes) -> None:
        self.raw += line

    @property
    def entries(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.raw.decode().split("\n")[:-1]]


def test_500_mean_entries_are_one_line_each() -> None:
    lines, chance = Lines(), random.Random(7)
    audit = Audit(None, write=lines)

    def mean() -> str:
        text = "".join(chance.choice((*MEAN, "word", TOKEN, SHARE)) for _ in range(chance.randrange(30)))
        return text + ("x" * 1024 * 1024 if chance.random() < 0.1 else "") + chance.choice(MEAN)

    for number in range(500):
        audit.record(
            EVENTS[number % len(EVENTS)],
            chance.choice(get_args(Outcome)),
            principal=Principal("user", f"user:{number}{mean()}", mean(), frozenset((Grant(frozenset()),))),
            address=mean(), agent=mean(), run=f"{number}{mean()}", task=mean(), right=mean(), why=mean(),
            request=f"GET /api/v1/runs/{mean()}?token={TOKEN}",
        )  # fmt: skip
    assert len(lines.raw.decode().splitlines()) == len(lines.entries) == 500
    for raw, entry in zip(lines.raw.splitlines(), lines.entries, strict=True):
        assert len(raw) < select.PIPE_BUF
        assert all(character.isprintable() for character in raw.decode())
        assert list(entry) == [
            "log", "v", "t_ms", "event", "outcome", "who_id", "who", "address", "agent", "run", "task", "right", "why",
            "request", "count",
        ]  # fmt: skip
    for secret in (b"cr3t", b"Sh4r3d", b"token="):
        assert secret not in lines.raw


@pytest.mark.parametrize("filler", ["x", '"', "\\", "\u20ac", "\U0001f600"])
def test_the_longest_line_is_written_at_once(filler: str) -> None:
    lines, text = Lines(), filler * 5000
    Audit(None, write=lines).record(
        "share-revoked", "failed", principal=Principal("user", text, text, frozenset()), address=text, agent=text,
        run=text, task=text, right=text, why=text, request=text,
    )  # fmt: skip
    assert 2000 < len(lines.raw) < select.PIPE_BUF


def test_a_text_that_is_cut_says_so() -> None:
    assert cleaned("a" * MAX_CHARS) == "a" * MAX_CHARS
    assert cleaned("a" * (MAX_CHARS + 1)) == "a" * (MAX_CHARS - 1) + "…"


def test_what_cannot_be_seen_is_replaced_and_not_removed() -> None:
    assert cleaned("ad\u200bmin\u202e\r\n") == "ad\ufffdmin\ufffd\ufffd\ufffd"


def test_the_id_of_a_token_stays() -> None:
    assert cleaned(f"by {TOKEN}!") == "by rt1_abcdefghij_***!"
    assert cleaned(SHARE) == "rts1_***"
    assert cleaned("token:abcdefghij") == "token:abcdefghij"


def test_a_run_with_the_longest_id_can_be_found() -> None:
    lines, run = Lines(), "\u20ac" * 255 + "~12"
    Audit(None, write=lines).record("run-delete", principal=anyone("somebody"), run=run)
    assert lines.entries[0]["run"] == run


def test_nobody_and_somebody() -> None:
    lines = Lines()
    audit = Audit(None, write=lines)
    audit.record("login", "failed", principal=None, why="password")
    audit.record("run-start", principal=anyone("anonymous (127.0.0.1)"), run="r", task="t")
    first, second = lines.entries
    assert (first["who_id"], first["who"], first["outcome"], first["why"]) == ("", "", "failed", "password")
    assert (second["who_id"], second["who"], second["outcome"]) == ("", "anonymous (127.0.0.1)", "ok")
    assert abs(float(str(second["t_ms"])) / 1000 - time.time()) < 600


def test_threads_do_not_mix_their_lines() -> None:
    reading, writing = os.pipe()
    collected = bytearray()

    def collect() -> None:
        while data := os.read(reading, 65536):
            collected.extend(data)

    def write(line: bytes) -> None:
        # In two parts, as a pipe without room does it.
        os.write(writing, line[:10])
        time.sleep(0)
        os.write(writing, line[10:])

    audit = Audit(None, write=write)
    reader = threading.Thread(target=collect)
    reader.start()

    def work(name: str) -> None:
        for number in range(200):
            audit.record("run-start", principal=anyone(name), run=str(number))

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(writing)
    reader.join()
    os.close(reading)
    found = [json.loads(line) for line in collected.splitlines()]
    assert sorted((entry["who"], int(entry["run"])) for entry in found) == [
        (f"thread {thread}", number) for thread in range(8) for number in range(200)
    ]


def test_it_is_written_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    print("before", end="\n", flush=True, file=sys.stdout)
    Audit(None).record("service-start", principal=None)
    before, line = capfd.readouterr().out.splitlines()
    assert before == "before"
    assert json.loads(line)["event"] == "service-start"


def test_the_terminal_of_runtail_dev_shows_the_other_lines(capfd: pytest.CaptureFixture[str]) -> None:
    Audit(None).record("service-start", principal=None)
    line = capfd.readouterr().out.rstrip("\n").encode()
    Terminal({}).lines("web", [b"before", line, b"after"])
    assert [shown.split()[-1] for shown in capfd.readouterr().out.splitlines()] == ["before", "after"]


def test_a_full_disk_is_counted_and_stops_nobody() -> None:
    def full(_line: bytes) -> None:
        raise OSError(28, "No space left on device")

    audit = Audit(None, write=full)
    audit.record("run-start", principal=None)
    audit.record("run-start", principal=None)
    assert audit.lost() == {("stdout",): 2.0, ("store",): 0.0}
