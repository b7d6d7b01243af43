"""The command line against the real product: web, relay, worker; and faults in between."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtail.cli import exits
from runtail.protocol import RunState, View
from tests.support.command import DEADLINE_SECONDS, PROGRAM, Command
from tests.support.ports import free_port
from tests.support.services import Service
from tests.support.stack import Stack, demo_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the demo tasks."""
    with demo_stack(tmp_path_factory.mktemp("cli")) as made:
        yield made


@pytest.fixture
def runtail(stack: Stack, tmp_path: Path) -> Any:
    """Calls the program: ``runtail("runs", "--json")``."""
    return lambda *arguments: Command(tmp_path, stack.web.url, *arguments)


def flood(stack: Stack, lines: int, interval: float) -> str:
    """Start a run that prints at a steady pace; the task is exclusive."""
    return stack.start("demo.tail", {"lines": lines, "interval": interval})


def test_start_and_follow_ends_with_the_whole_output_and_the_tasks_own_status(stack: Stack, runtail: Any) -> None:
    command = runtail("start", "demo.crash", "how=exit", "--follow", "--run-id", "cli-exit")
    assert command.wait() == 3
    assert command.out == stack.output("cli-exit") == b"About to die by exit\n"
    assert "── Failed: the task called sys.exit(3)" in command.err
    assert "verified" in command.err.splitlines()[-1]


@pytest.mark.parametrize(("how", "status"), [("exception", 1), ("sigkill", 137)])
def test_other_ends_have_their_statuses(runtail: Any, how: str, status: int) -> None:
    assert runtail("start", "demo.crash", f"how={how}", "-f").wait() == status


def test_follow_goes_on_where_it_was_when_relay_and_web_are_killed(stack: Stack, runtail: Any) -> None:
    run_id = flood(stack, 2_000, 0.01)
    command = runtail("follow", run_id)
    command.wait_for_lines(50)
    stack.relay.restart()
    command.wait_for_words("connected, from line")
    stack.web.restart()
    stack.relay.restart()
    assert command.wait() == 0
    assert command.out == stack.output(run_id) == b"".join(b"Task message %d\n" % n for n in range(2_000))
    assert command.err.count("connection lost") == 2
    assert command.err.splitlines()[-1] == "── complete: 2,000 lines, verified"


def test_follow_reads_over_http_while_there_is_no_relay(stack: Stack, runtail: Any) -> None:
    stack.relay.process.kill()
    run_id = flood(stack, 400, 0.01)
    command = runtail("follow", run_id)
    command.wait_for_lines(50)
    assert "reading over HTTP meanwhile" in command.err
    stack.relay.start()
    assert command.wait() == 0
    assert command.out == stack.output(run_id)
    assert command.err.splitlines()[-1] == "── complete: 400 lines, verified"


def test_ctrl_c_leaves_the_run_alone_and_the_rest_can_be_had(stack: Stack, runtail: Any) -> None:
    run_id = flood(stack, 500, 0.01)
    first = runtail("follow", run_id)
    first.wait_for_lines(50)
    first.popen.send_signal(signal.SIGINT)
    assert first.wait() == exits.INTERRUPTED
    assert stack.run(run_id).state is RunState.RUNNING
    again = re.search(r"runtail follow (\S+) --from (\d+)$", first.err.strip())
    assert again is not None, first.err
    rest = runtail("follow", again[1], "--from", again[2])
    assert rest.wait() == 0
    assert first.out + rest.out == stack.output(run_id)
    assert f"complete: 500 lines, verified from line {again[2]}" in rest.err


def test_from_begins_exactly_at_the_line(stack: Stack, runtail: Any) -> None:
    run_id = stack.start("demo.flood", {"lines": 5_000})
    stack.wait_ended(run_id)
    lines = stack.output(run_id).splitlines(keepends=True)
    for line, expected in (("1234", lines[1233:]), ("-7", lines[-7:]), ("5000", lines[-1:]), ("6000", [])):
        command = runtail("follow", run_id, "--from", line)
        assert command.wait() == 0, command.err
        assert command.out == b"".join(expected)


def test_json_can_be_checked_again(stack: Stack, runtail: Any) -> None:
    command = runtail("start", "demo.flood", "lines=300", "--follow", "--json")
    assert command.wait() == 0
    first, *items, last = map(json.loads, command.out.splitlines())
    view = View()
    view.begin(first["run"]["epoch"], 1, bytes(32))
    view.feed([item for item in items if "note" not in item], epoch=first["run"]["epoch"])
    assert view.verdict is not None
    assert view.verdict.text == "complete: 300 lines, verified"
    assert last == {
        "verdict": {"verified": True, "from": 1, "lines": 300, "text": view.verdict.text, "status": 0},
    }
    listed = runtail("runs", "--json", "--limit", "1")
    assert listed.wait() == 0
    assert json.loads(listed.out)["runs"][0]["id"] == first["run"]["id"]
    tasks = runtail("tasks", "--json")
    assert tasks.wait() == 0
    assert "demo.flood" in [task["name"] for task in json.loads(tasks.out)["tasks"]]


def test_lists_are_plain_in_a_pipe(stack: Stack, runtail: Any) -> None:
    run_id = stack.start("demo.crash", {"how": "exit"})
    stack.wait_ended(run_id)
    runs, tasks = runtail("runs"), runtail("tasks")
    assert (runs.wait(), tasks.wait()) == (0, 0)
    cells = next(line.split("\t") for line in runs.out.decode().splitlines() if line.startswith(run_id))
    assert (cells[1], cells[2], cells[6]) == ("failed", "demo.crash", "3")
    assert "demo.crash\thow=exception\tcelery\tDie." in tasks.out.decode().splitlines()


def test_a_terminal_shows_rows_dim_and_output_as_it_is(stack: Stack) -> None:
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"RUNTAIL_URL": stack.web.url}
    command = [str(PROGRAM), "start", "demo.flood", "lines=2", "--follow"]
    popen = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65_536):
            shown += chunk
    except OSError:
        pass  # The other end was closed.
    os.close(ours)
    assert popen.wait(DEADLINE_SECONDS) == 0
    assert "\x1b[2m── complete: 2 lines, verified\x1b[0m".encode() in shown
    assert b"\r\n0000000001 " in shown


def test_cancel_and_delete(stack: Stack, runtail: Any) -> None:
    run_id = stack.start("demo.nap", {"seconds": 300})
    stack.wait_for_state(run_id, RunState.RUNNING)
    followed = runtail("follow", run_id)
    cancelled = runtail("cancel", run_id, "--why", "enough")
    assert cancelled.wait() == 0
    assert f"runtail follow {run_id}" in cancelled.err
    assert followed.wait() == exits.CANCELLED
    assert "enough" in followed.err
    deleted = runtail("delete", run_id)
    assert (deleted.wait(), deleted.out) == (0, b"")
    gone = runtail("follow", run_id)
    assert gone.wait() == exits.TROUBLE
    assert gone.err == "runtail: This run was deleted. `runtail runs` lists the runs there are.\n"


def test_retry_starts_the_same_again(stack: Stack, runtail: Any) -> None:
    run_id = stack.start("demo.flood", {"lines": 3})
    stack.wait_ended(run_id)
    command = runtail("retry", run_id)
    assert command.wait() == 0, command.err
    again = command.out.decode().strip()
    assert again != run_id
    stack.wait_ended(again)
    assert stack.output(again) == stack.output(run_id)


def test_runs_are_filtered_and_paged(stack: Stack, runtail: Any) -> None:
    made = [stack.start("demo.crash", {"how": "exit"}) for _ in range(3)]
    for run_id in made:
        stack.wait_ended(run_id)
    wanted = ["runs", "--task", "demo.crash", "--state", "failed", "--state", "lost", "--since", "1h", "--limit", "2"]
    first = runtail(*wanted)
    assert first.wait() == 0, first.err
    cursor = first.err.split("--cursor ")[1].strip()
    second = runtail(*wanted, "--cursor", cursor)
    assert second.wait() == 0, second.err
    listed = [line.split("\t")[0] for line in (first.out + second.out).decode().splitlines()]
    assert listed[:3] == made[::-1]
    nothing = runtail("runs", "--until", "2000-01-01")
    assert (nothing.wait(), nothing.out, nothing.err) == (0, b"", "No such run.\n")


def test_a_title_a_preset_and_a_result_are_shown(stack: Stack, runtail: Any) -> None:
    start = ["start", "demo.build_image", "--preset", "quick"]
    started = runtail(*start, "seconds=0.1", "name=cli", "--title", "By hand", "--label", "n=1")
    assert started.wait() == 0, started.err
    run_id = started.out.decode().strip()
    stack.wait_ended(run_id)
    listed = runtail("runs", "--label", "n=1")
    assert listed.wait() == 0, listed.err
    assert listed.out.decode().rstrip("\n").split("\t")[-1] == "By hand"
    shown = runtail("show", run_id)
    assert shown.wait() == 0, shown.err
    facts = dict(re.split(r": +", line, maxsplit=1) for line in shown.out.decode().splitlines())
    assert (facts["Run"], facts["Title"], facts["Task"], facts["Labels"]) == (
        run_id,
        "By hand",
        "demo.build_image",
        "n=1",
    )
    assert json.loads(facts["Parameters"]) == {"seconds": 0.1, "name": "cli"}
    result = json.loads(facts["Result"])
    assert result["region"] == "eu-central-1"
    as_json = runtail("show", run_id, "--json")
    assert as_json.wait() == 0, as_json.err
    assert json.loads(as_json.out)["result"] == {"value": result, "cut": False}
    declared = runtail(*start, "seconds=0.1", "--json")
    assert declared.wait() == 0, declared.err
    run = json.loads(declared.out)
    assert (run["title"], run["kwargs"]) == ("Image web in eu-central-1", {"seconds": 0.1})
    none = runtail("start", "demo.build_image", "--preset", "slow")
    assert none.wait() == 2
    assert "demo.build_image has no preset 'slow'; it has everything, quick." in none.err


def test_an_exclusive_task_names_its_holder(stack: Stack, runtail: Any) -> None:
    holder = flood(stack, 10_000, 0.5)
    refused, as_json = runtail("start", "demo.tail"), runtail("start", "demo.tail", "--json")
    assert (refused.wait(), as_json.wait()) == (exits.TROUBLE, exits.TROUBLE)
    assert refused.err.startswith("runtail: Task is already running: ")
    assert f"runtail follow {holder}" in refused.err
    assert json.loads(as_json.err)["problem"]["run"] == holder
    assert runtail("cancel", holder).wait() == 0
    stack.wait_ended(holder)


def test_the_same_key_starts_once(runtail: Any) -> None:
    calls = [runtail("start", "demo.flood", "lines=1", "--idempotency-key", "cli-key") for _ in range(2)]
    assert [call.wait() for call in calls] == [0, 0]
    assert calls[0].out == calls[1].out
    assert sum("was started before" in call.err for call in calls) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["start", "demo.flood", "lines=abc"], 2, "lines: 'abc' is not a whole number"),
        (["start", "demo.flood", 'lines:="abc"'], 123, "  lines: 'abc' is not a whole number"),
        (["start", "demo.flood", "lines=-1"], 123, "  lines: must be at least 0"),
        (["start", "demo.flood", "line=1"], 123, "  line: is not a parameter of this task, which has: lines"),
        (["start", "demo.flod"], 123, "Did you mean demo.flood"),
        (["start", "demo.flood", "--run-id", "no spaces"], 123, "  run_id: "),
        (["follow", "no-such-run"], 123, "There is no such run."),
        (["cancel", "no-such-run"], 123, "There is no such run."),
        (["delete", "../../tasks"], 123, "There is no such run"),
        (["follow", "x", "--from", "0"], 2, "--from takes a line"),
        (["runs", "--since", "yesterday"], 2, "is not a time"),
    ],
)
def test_what_is_refused_is_named(runtail: Any, arguments: list[str], status: int, words: str) -> None:
    command = runtail(*arguments)
    assert command.wait() == status
    assert words in command.err
    assert command.out == b""


def test_a_service_that_is_away_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    command = Command(tmp_path, url, "tasks")
    assert command.wait() == exits.TROUBLE
    assert command.err.startswith(f"runtail: nothing answers at {url} (Connection refused).")
    wrong = Command(tmp_path, "ftp://here", "tasks")
    assert wrong.wait() == exits.TROUBLE
    assert "RUNTAIL_URL='ftp://here' is not an address" in wrong.err


def test_a_store_that_is_away_is_said(tmp_path: Path) -> None:
    dead = f"redis://127.0.0.1:{free_port()}/0"
    with Service("web", tmp_path, {"broker_url": dead, "store_url": dead}) as web:
        command = Command(tmp_path, web.url, "runs")
        assert command.wait() == exits.TROUBLE
        assert "The store does not answer. Try again in" in command.err


def test_nobody_reads(stack: Stack) -> None:
    run_id = stack.start("demo.flood", {"lines": 50_000})
    environment = {**os.environ, "RUNTAIL_URL": stack.web.url}
    with subprocess.Popen(
        [PROGRAM, "follow", run_id], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as popen:
        assert popen.stdout is not None
        assert popen.stderr is not None
        assert popen.stdout.readline().startswith(b"0000000000 ")
        popen.stdout.close()
        assert popen.wait(DEADLINE_SECONDS) == exits.CLOSED
        assert b"Traceback" not in popen.stderr.read()


def shell(stack: Stack, line: str, **environment: str) -> tuple[int, str, str]:
    """Run a line of bash in which ``runtail`` is the program; its status, and both outputs."""
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    given = {**os.environ, "RUNTAIL_URL": stack.web.url, "PATH": path, **environment}
    found = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], env=given, capture_output=True, timeout=DEADLINE_SECONDS, check=False
    )
    return found.returncode, found.stdout.decode("utf-8", "replace"), found.stderr.decode("utf-8", "replace")


#: Every command that writes on stdout, and the two ways of asking for help.
WRITERS = [
    "follow {run}", "follow {run} --json", "follow {run} --from 20 --raw", "start demo.flood lines=2",
    "start demo.flood lines=2 --json", "start demo.flood lines=9 --follow", "runs", "runs --json", "tasks",
    "tasks --json", "retry {run}", "retry {run} --json", "--help", "--version", "follow --help",
]  # fmt: skip


@pytest.mark.parametrize("arguments", WRITERS)
@pytest.mark.parametrize(
    ("where", "status", "words"),
    [
        ("> /dev/full", 123, "runtail: the output could not be written: No space left on device\n"),
        (">&-", 123, "runtail: the output could not be written: Bad file descriptor\n"),
        ("| (exec <&-; sleep 3)", 141, ""),
    ],
)
def test_an_output_that_cannot_be_written_has_a_sentence_and_a_status(
    stack: Stack, arguments: str, where: str, status: int, words: str
) -> None:
    run_id = "cli-unwritable"
    if stack.get(f"/api/v1/runs/{run_id}").status_code == 404:
        stack.start("demo.flood", {"lines": 5_000}, run_id=run_id)
    stack.wait_ended(run_id)
    found, _, err = shell(stack, f"runtail {arguments.format(run=run_id)} {where}")
    assert (found, "Traceback" in err, "Exception ignored" in err) == (status, False, False), err
    # Rows of a followed run stand there, too.
    assert err.endswith(words)
    assert err.count("could not be written") == bool(words)


def test_what_writes_nothing_needs_no_output_and_a_full_stderr_is_no_traceback(stack: Stack) -> None:
    for line, status in (
        ("runtail cancel no-such-run >&-", 123),
        ("runtail runs --until 2000-01-01 > /dev/full", 0),
        ("runtail runs 2>&-", 0),
        ("runtail runs --until 2000-01-01 2> /dev/full", 123),
        ("runtail cancel no-such-run 2> /dev/full", 123),
        ("runtail cancel no-such-run 2>&- >&-", 123),
        ("runtail runs | head -c 1 > /dev/null; exit 0", 0),
    ):
        found, _, err = shell(stack, line)
        assert (found, err) in ((status, ""), (status, err)), line
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("environment", "own"), [({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False), ({"TERM": "xterm"}, True)]
)
def test_only_terminals_that_want_them_get_sequences(stack: Stack, environment: dict[str, str], own: bool) -> None:
    for command in ("start demo.flood lines=30 --follow", "runs", "tasks", "follow cli-looks", "follow no-such", "-h"):
        if "cli-looks" in command and stack.get("/api/v1/runs/cli-looks").status_code == 404:
            stack.start("demo.flood", {"lines": 3}, run_id="cli-looks")
        _, shown, _ = shell(stack, f"script -qec 'runtail {command}' /dev/null < /dev/null", **environment)
        assert shown
        if not own:
            assert "\x1b" not in shown, shown
    piped = shell(stack, "runtail follow cli-looks 2>&1 | cat", **environment)[1]
    assert "\x1b" not in piped


def test_a_terminal_does_not_obey_a_task(stack: Stack, hostile: str) -> None:
    for options, passes in (("", False), ("--raw", True)):
        _, shown, _ = shell(
            stack, f"script -qec 'runtail follow {hostile} {options}' /dev/null < /dev/null", TERM="xterm"
        )
        assert "\x1b[31mred" in shown
        assert "\x1b]8;;https://example.com/\x07link" in shown
        for sequence in ("\x1b]52;", "\x1b]0;", "\x1b[6n", "\x1b[2J", "\x1bP"):
            assert (sequence in shown) == passes
    for command in (f"follow {hostile}", f"follow {hostile} --raw"):
        assert shell(stack, f"runtail {command} 2>/dev/null | cat")[1].encode() == stack.output(hostile)


@pytest.fixture(scope="module")
def hostile(stack: Stack) -> str:
    """A run whose output wants a terminal to do things."""
    from tests.support.relay import Producer

    producer = Producer(stack.store, "cli-hostile")
    text = "\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07\x1b]0;title\x07\x1b[6n\x1b[2J\x1bP$qm\x1b\\"
    text += "\x1b]8;;https://example.com/\x07link\x1b]8;;\x07\n"
    producer.writer.add("o", text.encode(), 0)
    producer.writer.end(RunState.SUCCEEDED, "", t_ms=0)
    return producer.run_id


def test_the_shell_is_offered_tasks_parameters_and_runs(stack: Stack) -> None:
    run_id = stack.start("demo.flood", {"lines": 1}, run_id="cli-completed")

    def offered(words: str) -> list[str]:
        environment = {
            **os.environ,
            "RUNTAIL_URL": stack.web.url,
            "_RUNTAIL_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        found = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=True)
        return [line.partition(",")[2] for line in found.stdout.splitlines()]

    assert offered("runtail start demo.fl") == ["demo.flood"]
    assert offered("runtail start demo.flood li") == ["lines="]
    assert offered("runtail start demo.build_image --preset qu") == ["quick"]
    assert run_id in offered("runtail follow cli-c")
