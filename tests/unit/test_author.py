"""What authors say travels in band, behind what was printed before; secrets travel beside it."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import runtail
from runtail import author
from runtail.worker import announcing, channel
from runtail.worker.task import current
from tests.support.waiting import wait_for

SEQUENCE = re.compile(rb"\x1b\]7777;([0-9a-f]+);([A-Za-z0-9_=-]+)\x07")

Said = Callable[[], list[object]]


@pytest.fixture
def announced() -> Iterator[socket.socket]:
    """The other end of the run's private socket."""
    ours, theirs = channel.pair()
    current.enter(current.Context("run", 1, "0123abcd", 1, ours))
    yield theirs
    current.leave()
    ours.close()
    theirs.close()


def secrets_in(private: socket.socket) -> list[bytes]:
    """The secrets of the next announcement."""
    return announcing.unpack(announcing.read(*channel.take(private)))


@pytest.fixture
def said() -> Iterator[Said]:
    """The messages written so far, in a run whose output is a pipe."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    ours, theirs = channel.pair()
    current.enter(current.Context("run", 1, "0123abcd", writing, ours))

    def read() -> list[object]:
        data = os.read(reading, 65536)
        assert SEQUENCE.sub(b"", data) == b""
        found = SEQUENCE.findall(data)
        assert {nonce for nonce, _ in found} == {b"0123abcd"}
        return [json.loads(base64.urlsafe_b64decode(payload)) for _, payload in found]

    yield read
    current.leave()
    ours.close()
    theirs.close()
    os.close(reading)
    os.close(writing)


def test_section_closes_whatever_happens(said: Said) -> None:
    with pytest.raises(ValueError, match="no"), runtail.section("Build"):
        raise ValueError("no")
    assert said() == [{"op": "group", "title": "Build"}, {"op": "endgroup"}]


def test_progress_stays_between_zero_and_one(said: Said) -> None:
    for value in (-1, 0.25, 7):
        runtail.progress(value, "t")
    assert [message["value"] for message in said() if isinstance(message, dict)] == [0, 0.25, 1]


@pytest.mark.parametrize(
    ("secret", "announced_as"),
    [
        ("first line\nab\n  third\n", b"first line\nab\n  third\n"),
        (b"any \xff byte", b"any \xff byte"),
        # As print() writes them: file names that are no UTF-8 as they were, other lone surrogates as escapes.
        ("name-\udce9", b"name-\xe9"),
        ("half \ud800 char", b"half \\ud800 char"),
        ("k" * (1 << 20), b"k" * (1 << 20)),
    ],
)
def test_secrets_go_beside_the_output(announced: socket.socket, secret: str | bytes, announced_as: bytes) -> None:
    runtail.mask(secret)
    assert secrets_in(announced) == [announced_as]
    # This process knows them itself, for Celery's log lines.
    assert current.current is not None
    assert current.current.masker.feed(b"x" + announced_as).startswith(b"x***")


def test_threads_and_forked_processes_announce_whole_secrets(announced: socket.socket) -> None:
    wanted = {b"%04d-" % number + b"s" * (number * 40) for number in range(24)}
    threads = [threading.Thread(target=runtail.mask, args=(secret,)) for secret in wanted]
    for thread in threads:
        thread.start()
    pid = os.fork()
    if pid == 0:
        try:
            runtail.mask("from a forked process")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    for thread in threads:
        thread.join()
    found = {secret for _ in range(25) for secret in secrets_in(announced)}
    assert found == wanted | {b"from a forked process"}


@pytest.mark.parametrize(
    ("secret", "words"), [("ab", "is not masked"), ("null", "is not masked"), ("abcd", "only as it is")]
)
def test_a_secret_that_is_not_masked_in_full_is_said_to_be(said: Said, secret: str, words: str) -> None:
    runtail.mask(secret)
    [warning] = said()
    assert isinstance(warning, dict)
    assert words in warning["text"]


def test_a_secret_that_nobody_takes_is_said_to_be(said: Said) -> None:
    assert current.current is not None
    current.current.private.shutdown(socket.SHUT_RDWR)
    runtail.mask("nobody listens")
    [warning] = said()
    assert isinstance(warning, dict)
    assert "nobody records this run" in warning["text"]


def test_marks_are_cut_and_written(said: Said) -> None:
    author.warning("careful \u20ac" + "x" * 9000)
    author.error("broken")
    assert said() == [
        {"op": "warning", "text": "careful \u20ac" + "x" * (author.MAX_TEXT_BYTES - 11), "cut": True},
        {"op": "error", "text": "broken"},
    ]


def test_titles_are_sent_as_texts_and_cut(said: Said) -> None:
    runtail.title("Build of main")
    runtail.title("t" * 9000)
    assert said() == [
        {"op": "title", "text": "Build of main"},
        {"op": "title", "text": "t" * author.MAX_TEXT_BYTES, "cut": True},
    ]


def test_labels_are_sent_as_texts_and_cut(said: Said) -> None:
    runtail.label("ticket", "T-1")
    runtail.label("k" * 300, 7)  # type: ignore[arg-type]
    runtail.label("long", "v" * 9000)
    assert said() == [
        {"op": "label", "key": "ticket", "value": "T-1"},
        {"op": "label", "key": "k" * 200, "value": "7"},
        {"op": "label", "key": "long", "value": "v" * author.MAX_TEXT_BYTES, "cut": True},
    ]


def test_outside_of_a_run_nothing_is_sent(capfd: pytest.CaptureFixture[str]) -> None:
    with runtail.section("Title"):
        runtail.progress(0.5)
        runtail.mask("secret")
    assert capfd.readouterr().out == "Title\n"


def test_sh_takes_a_line_of_shell_or_a_list(capfd: pytest.CaptureFixture[str]) -> None:
    assert runtail.sh("echo $WHAT; exit 3", check=False, env={"WHAT": "text"}) == 3
    assert runtail.sh(["printf", "%s\\n", "list; not a shell"]) == 0
    with pytest.raises(subprocess.CalledProcessError):
        runtail.sh("exit 4")
    assert capfd.readouterr().out == "text\nlist; not a shell\n"


def test_sh_on_a_terminal_changes_no_byte(capfd: pytest.CaptureFixture[str]) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && stty size && printf 'a\\nb\\r\\nc'"
    assert runtail.sh(script, tty=True) == 0
    assert capfd.readouterr().out == "40 120\na\nb\r\nc"
    assert runtail.sh("exit 5", tty=True, check=False) == 5


def test_sh_on_a_terminal_returns_when_the_command_does(capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert runtail.sh("(sleep 2; echo from the background) & seq 3000; exit 3", tty=True, check=False) == 3
    assert time.monotonic() - began < 1.5
    # All that the command wrote has come, although the terminal is still open...
    assert capfd.readouterr().out == "".join(f"{number}\n" for number in range(1, 3001))
    # ... and what else writes on it does not meet a closed one.
    written = ""

    def all_of_it() -> bool:
        nonlocal written
        written += capfd.readouterr().out
        return written == "from the background\n"

    wait_for(all_of_it, 20)


def test_sh_on_a_terminal_that_something_else_writes_on_all_the_time(capfd: pytest.CaptureFixture[str]) -> None:
    process = "while echo noise; do sleep 0.001; done & echo $! >&2; echo own output; echo end"
    assert runtail.sh(process, tty=True) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line for line in lines if line != "noise"][-2:] == ["own output", "end"]
    os.kill(int(lines[0] if lines[0] != "noise" else lines[1]), signal.SIGKILL)


def test_sh_on_a_terminal_whose_output_is_stopped(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing comes out of such a terminal any more, not even the mark that is waited for."""
    stop = "import sys, termios; termios.tcflow(1, termios.TCOOFF)"
    began = time.monotonic()
    assert runtail.sh(f"sleep 30 & echo $!; {sys.executable} -c '{stop}'", tty=True) == 0
    assert time.monotonic() - began < 15
    os.kill(int(capfd.readouterr().out.split()[0]), signal.SIGKILL)


@pytest.mark.parametrize(
    ("here", "ours", "on_a_pipe", "on_a_terminal"),
    [
        ({}, "", "0 1", "unset 1"),
        ({"NO_COLOR": "1"}, "", "0 unset", "unset unset"),
        ({"FORCE_COLOR": "3", "TTY_INTERACTIVE": "0"}, "TTY_INTERACTIVE", "0 3", "unset 3"),
        # Somebody's own setting is left alone.
        ({"FORCE_COLOR": "0", "TTY_INTERACTIVE": "1"}, "", "1 0", "1 0"),
    ],
)
def test_commands_write_in_colour_and_animate_on_a_terminal_only(
    here: dict[str, str],
    ours: str,
    on_a_pipe: str,
    on_a_terminal: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    show = "echo ${TTY_INTERACTIVE-unset} ${FORCE_COLOR-unset}"
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    private, theirs = channel.pair()
    current.enter(current.Context("run", 1, "0123abcd", 1, private, environment=frozenset(ours.split())))
    try:
        for tty in (False, True):
            runtail.sh(show, tty=tty)
            runtail.sh(show, tty=tty, env={"TTY_INTERACTIVE": "1", "FORCE_COLOR": "2"})
    finally:
        current.leave()
        private.close()
        theirs.close()
    runtail.sh(show)
    alone = f"{here.get('TTY_INTERACTIVE', 'unset')} {here.get('FORCE_COLOR', 'unset')}"
    assert capfd.readouterr().out.splitlines() == [on_a_pipe, "1 2", on_a_terminal, "1 2", alone]
