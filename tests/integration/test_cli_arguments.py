"""Command lines and environments that nobody means: each ends with a sentence and a status, none with a traceback."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest

from runtail.cli import exits
from tests.support.command import DEADLINE_SECONDS, PROGRAM
from tests.support.forked_program import ForkedProgram
from tests.support.redis_server import RedisServer
from tests.support.runs import finish, make_store, open_run, write_lines
from tests.support.services import Service

TASK: dict[str, Any] = {
    "name": "tests.take",
    "doc": "Takes parameters.",
    "schema": {
        "type": "object",
        "properties": {
            "times": {"type": "integer"},
            "share": {"type": "number"},
            "both": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "words": {"type": "array", "items": {"type": "string"}},
            "token": {"type": "string", "writeOnly": True, "format": "password"},
        },
        "additionalProperties": True,
    },
    "secrets": ["token"],
    "queue": "arguments",
}
Call = Callable[..., subprocess.CompletedProcess[bytes]]

#: No UTF-8: what a shell hands over when a file name of another time stands on the command line.
LATIN = b"caf\xe9"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The web service, with a task that takes anything, a run that has ended, and no worker."""
    directory = tmp_path_factory.mktemp("arguments")
    with RedisServer(directory / "redis") as server:
        store = make_store(server.url, "runtail:")
        store.client.hset(store.keys.tasks(), str(TASK["name"]), orjson.dumps(TASK))
        secret = {"token": {**TASK["schema"]["properties"]["token"], "minLength": 1}}
        schema = {"type": "object", "properties": secret, "required": ["token"]}
        store.client.hset(
            store.keys.tasks(), "tests.secret", orjson.dumps({**TASK, "name": "tests.secret", "schema": schema})
        )
        writer = open_run(store, "ended")
        write_lines(writer, 1, 3)
        finish(writer)
        with Service("web", directory, {"broker_url": server.url}) as service:
            yield service


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedProgram]:
    """The program, which begins at once."""
    with closing(ForkedProgram(tmp_path_factory.mktemp("program"))) as made:
        yield made


@pytest.fixture
def call(web: Service, program: ForkedProgram) -> Call:
    """Calls the program as a shell does: ``call("runs", RUNTAIL_URL=...)``."""

    def made(*arguments: str | bytes, **environment: str | bytes) -> subprocess.CompletedProcess[bytes]:
        return program.call(arguments, {**os.environ, "RUNTAIL_URL": web.url, **environment})

    return made


def said(done: subprocess.CompletedProcess[bytes], status: int) -> str:
    """Return what it said on stderr, in the end.

    :param status: that it must have ended with.
    """
    words = done.stderr.decode()
    assert "Traceback" not in words, words
    assert done.returncode == status, (done.returncode, words)
    assert done.stdout == b""
    return words.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["start", "tests.take", LATIN + b"=1"], "'caf\\udce9' is not UTF-8"),
        (["start", "tests.take", b"name=" + LATIN], "name: its value is not UTF-8"),
        (["start", "tests.take", b"token=" + LATIN], "token: its value is not UTF-8"),
        (["start", "tests.take", "--run-id", LATIN], "cannot be sent as JSON: str is not valid UTF-8"),
        (["start", "tests.take", "--idempotency-key", LATIN], "Idempotency-Key can only have"),
        (["start", "tests.take", "--idempotency-key", "Grüße"], "Idempotency-Key can only have"),
        (["start", "tests.take", "--idempotency-key", "a\r\nHost: b"], "Idempotency-Key can only have"),
        (["runs", "--task", LATIN], "'caf\\udce9' is not UTF-8"),
        (["runs", "--who", LATIN], "'caf\\udce9' is not UTF-8"),
        (["runs", "--cursor", LATIN], "'caf\\udce9' is not UTF-8"),
        (["cancel", "ended", "--why", LATIN], "cannot be sent as JSON: str is not valid UTF-8"),
        (["start", "tests.take", f"times={2**64}"], f"times: '{2**64}' has more than 64 bits"),
        (["start", "tests.take", f"times=-{2**63 + 1}"], "has more than 64 bits"),
        (["start", "tests.take", f"times:={10**30}"], "has more than 64 bits"),
        (["start", "tests.take", f'deep:=[{{"a": {10**30}}}]'], "has more than 64 bits"),
        (["start", "tests.take", "times:=" + "9" * 5000], "is not JSON"),
        (["start", "tests.take", "share:=NaN"], "NaN is not a number in JSON"),
        (["start", "tests.take", "share:=-Infinity"], "-Infinity is not a number in JSON"),
        (["start", "tests.take", "other:=[1e400]"], "1e400 is not a number in JSON"),
        (["start", "tests.take", "words=[NaN]"], "'[NaN]' is not a list"),
        (["start", "tests.take", r'other:="\ud83d"'], "it is not UTF-8"),
        (["start", "tests.take", "other:=" + "[" * 60_000], "it is nested too deeply"),
        (["start", "tests.take", "other:=" + "[" * 300 + "]" * 300], "cannot be sent as JSON: Recursion limit reached"),
        (["runs", "--since", "9" * 400 + "d"], "is not a time"),
        (["runs", "--until", "9" * 400 + "s"], "is not a time"),
        (["follow", "ended", "--from", f"{2**63}"], "is not in the range"),
        (["follow", "ended", "--from", f"-{10**30}"], "is not in the range"),
    ],
)
def test_a_wrong_argument_is_named(call: Call, arguments: list[str | bytes], words: str) -> None:
    assert words in said(call(*arguments), exits.USAGE)


def test_what_is_not_utf8_of_a_secret_is_not_repeated(call: Call) -> None:
    assert "caf" not in said(call("start", "tests.take", b"token=" + LATIN), exits.USAGE)


def test_a_closed_stdin_has_nothing_in_it(web: Service) -> None:
    for arguments in ("start tests.secret", "start tests.secret token=@-", "runs"):
        command = ["sh", "-c", f"exec {PROGRAM} {arguments} <&-"]
        done = subprocess.run(
            command,
            env={**os.environ, "RUNTAIL_URL": web.url},
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.returncode == (0 if arguments == "runs" else exits.TROUBLE)
        assert arguments == "runs" or b"token: is required" in done.stderr


def test_errors_are_json_where_json_was_asked_for(call: Call) -> None:
    done = call("cancel", "ended", "--why", LATIN, "--json")
    assert done.returncode == exits.USAGE
    assert "cannot be sent as JSON" in json.loads(done.stderr)["problem"]["title"]


@pytest.mark.parametrize(
    "argument", [f"times={2**64 - 1}", f"times=-{2**63}", "both=null", "share=1e308", "a:=[[0.1]]"]
)
def test_what_arrives_as_it_is_goes(call: Call, argument: str) -> None:
    done = call("start", "tests.take", argument, "--json")
    assert done.returncode == 0, done.stderr
    key, _, text = argument.partition("=")
    assert json.loads(done.stdout)["kwargs"] == {key.rstrip(":"): json.loads(text)}


def test_a_time_before_all_others_is_one(call: Call) -> None:
    done = call("runs", "--since", "999999d")
    assert done.returncode == 0, done.stderr
    assert b"ended\tsucceeded\t" in done.stdout


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1", "http://a b/", b"http://" + LATIN + b"/", "http://" + "a" * 70 + ".example/", "http://.:80/",
        "http://..x/", "http://℀.example/", "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://", "ftp://a", LATIN,
        b"http://127.0.0.1/" + LATIN,
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_named(call: Call, url: str | bytes) -> None:
    assert "is not an address; it looks like http" in said(call("runs", RUNTAIL_URL=url), exits.TROUBLE)


def test_a_path_that_has_to_be_escaped_is(web: Service, call: Call) -> None:
    for path in ("/büro", "/a b", "/%C3%A9"):
        words = said(call("runs", RUNTAIL_URL=web.url + path), exits.TROUBLE)
        assert "Not Found" in words, words


def test_the_login_of_an_address_is_not_shown(call: Call) -> None:
    for url in (
        "http://who:let-me-in@127.0.0.1:1", "http://who:let-me-in@127.0.0.1:x", "http://who:let-me-in@[::1",
        "http://who:let-me-in/at@127.0.0.1", "http://who:let-me-in#@127.0.0.1", "who:let-me-in@127.0.0.1",
    ):  # fmt: skip
        assert "let-me-in" not in said(call("runs", RUNTAIL_URL=url), exits.TROUBLE)


NOT_OURS, NOBODY_READY = "is not Runtail's web service", "has no web service behind it that is ready"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        *((200, body, NOT_OURS) for body in (b"{}", b'{"status": "ok"}', b"[]", b'"x"', b"5", b"[1, 2]", b"<html>")),
        (502, b"<html>502 Bad Gateway</html>", NOBODY_READY),
        (503, b"", NOBODY_READY),
        (500, b"<html>", NOT_OURS),
    ],
)
def test_another_service_that_answers_everything_is_not_taken_for_runtail(
    call: Call, status: int, body: bytes, words: str
) -> None:
    class Everything(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_GET  # noqa: N815 - as the standard library names them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Everything) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            for arguments in (["runs"], ["tasks"], ["follow", "ended"], ["start", "tests.take"], ["retry", "ended"]):
                done = call(*arguments, RUNTAIL_URL=f"http://127.0.0.1:{server.server_port}")
                assert words in said(done, exits.TROUBLE)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": None}, {"HOME": "/nowhere"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "xx_YY.UTF-99"}, {"PYTHONIOENCODING": "ascii:strict"}, {"TERM": None, "COLUMNS": "0"},
        {"COLUMNS": "many"}, {"TZ": ":/etc/passwd"},
    ],
)  # fmt: skip
def test_whatever_the_environment_is_no_command_line_ends_in_a_traceback(
    web: Service, environment: dict[str, str | None]
) -> None:
    values: dict[str, str | None] = {**os.environ, "RUNTAIL_URL": web.url, **environment}
    started = [
        subprocess.Popen(
            [PROGRAM, *arguments],
            env={name: value for name, value in values.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for arguments in ([], ["tasks", "--"], ["follow", ""])
    ]
    for one in started:
        _, words = one.communicate(timeout=DEADLINE_SECONDS)
        assert b"Traceback" not in words, words
        assert one.returncode in (0, exits.USAGE, exits.TROUBLE)


@pytest.mark.parametrize(
    "arguments", [["--"], [""], ["--", "--"], ["runs", "--", ""], ["follow", "--"], ["follow", "-"]]
)
def test_a_command_line_of_next_to_nothing_is_answered(call: Call, arguments: list[str]) -> None:
    assert said(call(*arguments), exits.TROUBLE if arguments == ["follow", "-"] else exits.USAGE)
