"""Naming runs by the beginnings of their ids, and following several, the newest, or only some lines of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtail.cli import exits
from runtail.protocol import RunState
from tests.support.command import DEADLINE_SECONDS, PROGRAM, Command
from tests.support.stack import Stack, demo_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the demo tasks."""
    with demo_stack(tmp_path_factory.mktemp("several")) as made:
        yield made


@pytest.fixture
def runtail(stack: Stack, tmp_path: Path) -> Any:
    """Calls the program: ``runtail("runs", "--json")``."""
    return lambda *arguments: Command(tmp_path, stack.web.url, *arguments)


def flood(stack: Stack, lines: int, run_id: str) -> str:
    """Start a run that prints lines as fast as it can."""
    return stack.start("demo.flood", {"lines": lines}, run_id=run_id)


@pytest.fixture(scope="module")
def named(stack: Stack) -> list[str]:
    """Seven runs whose ids begin alike, the oldest first."""
    found = [flood(stack, 1, f"alike-{number}") for number in range(7)]
    for run_id in found:
        stack.wait_ended(run_id)
    return found


@pytest.mark.parametrize("command", ["show", "follow", "open --print", "retry"])
def test_the_beginning_of_an_id_names_its_run(stack: Stack, named: list[str], runtail: Any, command: str) -> None:
    flood(stack, 1, "unlike-others") if stack.get("/api/v1/runs/unlike-others").status_code == 404 else None
    stack.wait_ended("unlike-others")
    words = command.split()
    by_beginning, by_id = runtail(*words, "unli"), runtail(*words, named[3])
    assert (by_beginning.wait(), by_id.wait()) == (0, 0), by_beginning.err + by_id.err
    several, none, short = runtail(*words, "alike"), runtail(*words, "never-was"), runtail(*words, "ali")
    assert [one.wait() for one in (several, none, short)] == [exits.TROUBLE] * 3
    said, *rows = several.err.rstrip().splitlines()
    assert said == "runtail: The ids of more than 5 runs begin with 'alike'. Write more of the one you mean:"
    assert [row.split()[:3] for row in rows[:5]] == [[run_id, "succeeded", "demo.flood"] for run_id in named[:1:-1]]
    assert rows[5:] == ["  …"]
    assert "There is no such run. No id begins with 'never-was'" in none.err
    assert short.err.startswith("runtail: There is no such run.")


def test_the_few_runs_that_may_be_meant_are_all_listed(stack: Stack, runtail: Any) -> None:
    for run_id in ("twins-1", "twins-2"):
        flood(stack, 1, run_id)
    few = runtail("show", "twins", "--json")
    assert few.wait() == exits.TROUBLE
    problem = json.loads(few.err)["problem"]
    assert (problem["code"], problem["runs"]) == ("ambiguous-run", ["twins-2", "twins-1"])


def test_what_ends_a_run_says_which_and_what_deletes_it_takes_the_whole_id(stack: Stack, runtail: Any) -> None:
    run_id = stack.start("demo.nap", {"seconds": 300}, run_id="napping-here")
    stack.wait_for_state(run_id, RunState.RUNNING)
    cancelled = runtail("cancel", "napp")
    assert cancelled.wait() == 0, cancelled.err
    assert cancelled.err.startswith("napping-here was asked to end")
    stack.wait_ended(run_id)
    deleted = runtail("delete", "napp")
    assert deleted.wait() == exits.TROUBLE
    assert stack.get(f"/api/v1/runs/{run_id}").status_code == 200


def test_the_newest_run_is_followed(stack: Stack, runtail: Any) -> None:
    mine = flood(stack, 3, "newest-mine")
    stack.wait_ended(mine)
    last, of_task = runtail("follow", "--last"), runtail("follow", "--last", "--task", "demo.fl*")
    assert (last.wait(), of_task.wait()) == (0, 0), last.err
    assert last.out == of_task.out == stack.output(mine)
    assert last.err.splitlines()[0] == f"Run {mine}"
    none = runtail("follow", "--last", "--task", "no.such")
    assert (none.wait(), none.err) == (
        exits.TROUBLE,
        "runtail: There is no run of no.such. `runtail runs` lists the runs there are.\n",
    )


def test_several_runs_are_followed_line_by_line(stack: Stack, runtail: Any) -> None:
    crash = stack.start("demo.crash", {"how": "exit"}, run_id="several-crash")
    ids = [flood(stack, 2_000, "several-a"), crash, flood(stack, 500, "several-b")]
    command = runtail("follow", *ids, ids[0])
    assert command.wait() == 3, command.err
    lines = command.out.decode().splitlines(keepends=True)
    for run_id, task in zip(ids, ("demo.flood", "demo.crash", "demo.flood"), strict=True):
        short = run_id[:9]
        own = "".join(line.partition(" │ ")[2] for line in lines if line.startswith(f"{task} {short} "))
        assert own.encode() in (stack.output(run_id), stack.output(run_id) + b"\n")
    assert re.search(r"^demo.flood several-a +│ ── complete: 2,000 lines, verified$", command.err, re.MULTILINE)
    bare = runtail("follow", *ids, "--no-prefix", "--from", "-1")
    assert bare.wait() == 3
    assert len(bare.out.splitlines()) == 3
    as_json = runtail("follow", *ids, "--json")
    assert as_json.wait() == 3
    items = [json.loads(line) for line in as_json.out.splitlines()]
    assert {item["run_id"] for item in items} == set(ids)
    assert sorted(item["verdict"]["status"] for item in items if "verdict" in item) == [0, 0, 3]


def test_ctrl_c_says_how_to_follow_what_goes_on(stack: Stack, runtail: Any) -> None:
    ended, going = flood(stack, 5, "halt-ended"), "halt-going"
    stack.start("demo.tail", {"lines": 3_000, "interval": 0.01}, run_id=going)
    command = runtail("follow", going, ended, "--grep", "e [0-9]*[02468]$")
    command.wait_for_lines(20)
    command.wait_for_words("complete: 5 lines")
    command.popen.send_signal(signal.SIGINT)
    assert command.wait() == exits.INTERRUPTED
    assert "Traceback" not in command.err
    again = re.search(r"^  runtail follow (\S+) --from (\d+) --grep '(.+)'$", command.err, re.MULTILINE)
    assert again is not None, command.err
    assert (again[1], again[3]) == (going, "e [0-9]*[02468]$")
    assert ended not in command.err.partition("goes on")[2]
    assert runtail("cancel", going).wait() == 0
    stack.wait_ended(going)
    rest = runtail("follow", again[1], "--from", again[2], "--grep", again[3])
    assert rest.wait() == exits.CANCELLED
    before = [line.partition("│ ".encode())[2] for line in command.out.splitlines() if going[:8].encode() in line]
    wanted = [line for line in stack.output(going).splitlines() if line[-1:] in b"02468"]
    assert before + rest.out.splitlines() == wanted


def test_only_lines_with_a_pattern_are_written(stack: Stack, runtail: Any) -> None:
    run_id = flood(stack, 1_000, "grepped")
    found = runtail("follow", run_id, "--grep", "^0*[0-9]7 ")
    assert found.wait() == 0, found.err
    lines = stack.output(run_id).splitlines(keepends=True)
    wanted = [line for line in lines if re.match(rb"0*[0-9]7 ", line)]
    assert found.out == b"".join(wanted)
    assert f"── {1_000 - len(wanted)} of 1,000 lines left out by --grep" in found.err.splitlines()
    wrong = runtail("follow", run_id, "--grep", "(")
    assert (wrong.wait(), "'(' is not a regular expression" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name a run, or several"),
        (["some-run", "--last"], "Name a run, or several"),
        (["some-run", "--task", "x"], "--task: it goes with --last"),
        (["some-run", "--json", "--grep", "x"], "--json: it has whole entries"),
        (["grepped", "grepped-2", "--raw"], "--raw: only the whole output of one run"),
    ],
)
def test_what_does_not_go_together_is_refused(stack: Stack, runtail: Any, arguments: list[str], words: str) -> None:
    for run_id in ("grepped", "grepped-2"):
        if stack.get(f"/api/v1/runs/{run_id}").status_code == 404:
            flood(stack, 1, run_id)
    command = runtail("follow", *arguments)
    assert (command.wait(), words in command.err) == (2, True), command.err


def test_a_terminal_gets_each_run_in_a_colour_and_a_pipe_none(stack: Stack) -> None:
    for run_id in ("colour-1", "colour-2"):
        stack.wait_ended(flood(stack, 2, run_id))
    environment = {**os.environ, "RUNTAIL_URL": stack.web.url, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    line = f"{PROGRAM} follow colour-1 colour-2"

    def shown(command: list[str], **more: str) -> str:
        found = subprocess.run(
            command, env={**environment, **more}, capture_output=True, timeout=DEADLINE_SECONDS, check=True
        )
        return found.stdout.decode()

    terminal = ["script", "-qec", line, "/dev/null"]
    on_terminal = shown(terminal)
    assert "\x1b[36mdemo.flood colour-1 │ \x1b[0m0000000000 " in on_terminal
    assert "\x1b[32mdemo.flood colour-2 │ \x1b[0m0000000000 " in on_terminal
    assert "\x1b" not in shown(terminal, NO_COLOR="1")
    assert "\x1b" not in shown(["bash", "-c", f"{line} 2>&1 | cat"])


def test_the_address_of_a_page_is_written(stack: Stack, runtail: Any) -> None:
    started = runtail("start", "demo.flood", "lines=1", "--run-id", "paged.run")
    assert started.wait() == 0
    address = f"{stack.web.url}/runs/paged.run"
    assert (started.out, started.err) == (b"paged.run\n", f"Its page: {address}\n")
    opened = runtail("open", "paged", "--print")
    assert (opened.wait(), opened.out.decode(), opened.err) == (0, f"{address}\n", "")
