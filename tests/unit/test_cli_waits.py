"""The command line waits for a service that was asked too often, as long as the service says."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from runtail.cli.failure import Refused
from runtail.cli.web import LONGEST_WAIT_SECONDS, Web

#: What a service answers: status, ``Retry-After``.
Answers = list[tuple[int, str | None]]
PROBLEM = {"title": "Too many requests", "code": "too-many", "detail": "You may start 60 runs a minute."}


class Busy:
    """A web service with answers that are known before; the last one again and again."""

    def __init__(self, answers: Answers) -> None:
        busy = self
        self.answers, self.bodies = answers, list[bytes]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                busy.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                status, retry_after = busy.answers.pop(0) if len(busy.answers) > 1 else busy.answers[0]
                self.send_response(status)
                if retry_after is not None:
                    self.send_header("Retry-After", retry_after)
                self.end_headers()
                self.wfile.write(orjson.dumps(PROBLEM if status >= 400 else {"id": "a-run"}))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> Busy:
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def web(self) -> Web:
        """A client of it."""
        return Web(f"http://127.0.0.1:{self.server.server_port}")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it has waited each time, instead of waiting."""
    waits: list[float] = []
    monkeypatch.setattr("runtail.cli.web.time.sleep", waits.append)
    return waits


def test_it_waits_as_long_as_it_is_told_and_sends_the_same_again(
    slept: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Busy([(429, "7"), (429, "1"), (202, None)]) as busy:
        answer = busy.web().send("POST", "/runs", {"task": "a"})
    assert answer.value == {"id": "a-run"}
    assert slept == [7, 1]
    assert busy.bodies == [b'{"task":"a"}'] * 3
    assert capsys.readouterr() == ("", "runtail: Too many requests. You may start 60 runs a minute.\n" * 2)


@pytest.mark.parametrize(
    ("status", "retry_after"),
    [(429, None), (429, "soon"), (429, "0"), (429, str(LONGEST_WAIT_SECONDS + 1)), (503, "2")],
)
def test_it_does_not_wait_for_anything_else(slept: list[float], status: int, retry_after: str | None) -> None:
    with Busy([(status, retry_after)]) as busy, pytest.raises(Refused) as refused:
        busy.web().send("POST", "/runs", {"task": "a"})
    assert refused.value.status == status
    assert len(busy.bodies) == 1
    assert slept == []
