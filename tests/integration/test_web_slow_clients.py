"""Clients that send half a request, or take nothing of their answer, hold no threads of the web service."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from runtail.store import Store
from tests.support.beating import beating
from tests.support.runs import make_store, open_run
from tests.support.services import Service
from tests.support.waiting import stays, wait_for

ATTACKERS = 200

HALF_HEADER = b"GET /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
HALF_BODY = (
    b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 1000\r\n\r\n{"task": '
)
HALF_CHUNK = (
    b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Transfer-Encoding: chunked\r\n\r\n400\r\n{"task": '
)
SLOW = b"GET /api/v1/runs/RUN/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(scope="module")
def prefix() -> str:
    """Keys of this module."""
    return "t-slow:"


@pytest.fixture(scope="module")
def store(redis_url: str, prefix: str) -> Store:
    """A store."""
    return make_store(redis_url, prefix)


@pytest.fixture(scope="module")
def large(store: Store) -> str:
    """A run whose log is larger than what kernels keep for a connection."""
    writer = open_run(store)
    for _ in range(200):
        writer.add("o", (b"x" * 99 + b"\n") * 600, 1)
        writer.flush()
    return writer.claim.run_id


@pytest.fixture
def web(redis_url: str, prefix: str, store: Store, tmp_path: Path) -> Iterator[Service]:
    """A running web service with the usual settings, but for the limit on requests of one address."""
    # Attackers and all others have one address here.
    settings = {"broker_url": redis_url, "key_prefix": prefix, "limit_requests": 0}
    with beating(store), Service("web", tmp_path, settings) as service:
        yield service
        assert "Traceback" not in service.process.output()


class Attack:
    """Connections on which something was sent, and which then do nothing. Closed with ``with``."""

    def __init__(self, web: Service, sent: bytes, *, count: int = ATTACKERS) -> None:
        self._stack = ExitStack()
        self.connections = []
        self.began = time.monotonic()
        for _ in range(count):
            connection = self._stack.enter_context(socket.socket())
            # Small, so that a client that reads nothing is soon one that takes nothing.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", web.port))
            connection.sendall(sent)
            self.connections.append(connection)

    def __enter__(self) -> Attack:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()


def answer_seconds(web: Service, seconds: float) -> list[float]:
    """Ask for something small as others do, on a connection each, and return how long each answer took."""
    times = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        assert httpx.get(f"{web.url}/api/v1/config", timeout=60).status_code == 200
        times.append(time.monotonic() - began)
        time.sleep(0.02)
    return times


def p99(times: list[float]) -> float:
    """The value that 99 % do not exceed."""
    return sorted(times)[int(len(times) * 0.99)]


def ready(web: Service) -> httpx.Response:
    """What the readiness probe gets."""
    return httpx.get(f"http://127.0.0.1:{web.admin_port}/readyz", timeout=10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [b"", HALF_HEADER, HALF_BODY, HALF_CHUNK, SLOW % b"log.txt", SLOW % b"log?limit=5000"],
    ids=["nothing", "half a header", "half a body", "half a chunk", "slow download", "slow window"],
)
def test_two_hundred_half_requests_hold_up_nobody(web: Service, large: str, sent: bytes) -> None:
    with Attack(web, sent.replace(b"RUN", large.encode())) as attack:
        first = answer_seconds(web, 3)
        wait_for(lambda: time.monotonic() - attack.began > 12, 20)
        later = answer_seconds(web, 3)
        print(f"p99 at once {p99(first):.3f} s, after 12 s {p99(later):.3f} s of {len(first)} and {len(later)}")
        # Half requests hold up nobody from the beginning. Whole ones have to be answered first.
        assert p99(first) <= (3 if b"RUN" in sent else 1)
        assert p99(later) <= 1
        assert ready(web).status_code == 200


def test_half_a_request_is_closed_after_its_time(redis_url: str, prefix: str, store: Store, tmp_path: Path) -> None:
    settings = {"broker_url": redis_url, "key_prefix": prefix, "request_seconds": 2}
    with beating(store), Service("web", tmp_path, settings) as web, Attack(web, HALF_BODY, count=5) as attack:

        def closed() -> bool:
            # A byte now and then is no request.
            for connection in attack.connections:
                with contextlib.suppress(OSError):
                    connection.send(b" ")
            return all(is_closed(connection) for connection in attack.connections)

        wait_for(closed, 15, interval_seconds=0.3)
        assert time.monotonic() - attack.began > 1.5


def is_closed(connection: socket.socket) -> bool:
    """Tell whether the other side has closed it."""
    try:
        return connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_who_takes_nothing_is_sent_away_and_who_reads_slowly_is_not(
    redis_url: str, prefix: str, store: Store, large: str, tmp_path: Path
) -> None:
    settings = {"broker_url": redis_url, "key_prefix": prefix, "stalled_seconds": 2}
    ask = f"GET /api/v1/runs/{large}/log.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with (
        beating(store),
        Service("web", tmp_path, settings) as web,
        Attack(web, ask, count=1) as stalled,
        Attack(web, ask, count=1) as slow,
    ):
        (reader,) = slow.connections
        reader.settimeout(10)
        got = 0
        # Slower than it could, and longer than a client that takes nothing may be there.
        while time.monotonic() - slow.began < 6:
            got += len(reader.recv(65536))
            time.sleep(0.02)
        while piece := reader.recv(1 << 20):
            got += len(piece)
            if got > 200 * 60_000:
                break
        assert got > 200 * 60_000, "the whole log"
        (other,) = stalled.connections
        other.settimeout(10)
        received = 0
        with contextlib.suppress(OSError):
            while piece := other.recv(1 << 20):
                received += len(piece)
        assert received < 200 * 60_000
        assert "Traceback" not in web.process.output()


def test_slow_readers_get_all_of_their_answer(web: Service, large: str) -> None:
    ask = f"GET /api/v1/runs/{large}/log?limit=5000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    whole = httpx.get(f"{web.url}/api/v1/runs/{large}/log?limit=5000", timeout=60).content
    with Attack(web, ask, count=20) as readers:
        # Longer than a connection is kept open for another request.
        stays(lambda: web.process.is_running(), 3)
        for connection in readers.connections:
            connection.settimeout(60)
            answer = b""
            while len(answer) < len(whole) or not answer.endswith(whole[-100:]):
                data = connection.recv(1 << 20)
                assert data, f"{len(answer)} of {len(whole)} bytes"
                answer += data
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["entries"] == json.loads(whole)["entries"]


def test_readiness_tells_when_no_thread_is_free(redis_url: str, prefix: str, store: Store, tmp_path: Path) -> None:
    settings = {"broker_url": redis_url, "key_prefix": prefix, "web_threads": 1, "stalled_seconds": 60}
    run_id = open_run(store).claim.run_id
    ask = f"GET /api/v1/runs/{run_id}/log.txt?follow=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with beating(store), Service("web", tmp_path, settings) as web:
        assert ready(web).status_code == 200
        with Attack(web, ask, count=1) as attack:
            (follower,) = attack.connections
            reading = threading.Thread(target=read_on, args=[follower], daemon=True)
            reading.start()
            wait_for(lambda: ready(web).status_code == 503, 40, web.process.evidence)
            assert time.monotonic() - attack.began > 9
            assert "no thread was free for 1" in ready(web).text
            assert "RUNTAIL_WEB_THREADS" in ready(web).text
            follower.shutdown(socket.SHUT_RDWR)
            reading.join(10)
        wait_for(lambda: ready(web).status_code == 200, 10)


def read_on(connection: socket.socket) -> None:
    """Read until the end."""
    with contextlib.suppress(OSError):
        while connection.recv(1 << 20):
            pass


def exchange(web: Service, *pieces: bytes) -> bytes:
    """Send a request piece by piece and return all that comes until the other side closes."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.02)
        answer = b""
        while data := connection.recv(65536):
            answer += data
        return answer


def post(body: bytes, *headers: bytes, close: bool = True) -> bytes:
    """A POST as bytes."""
    lines = [b"POST /api/v1/runs HTTP/1.1", b"Host: 127.0.0.1", b"Content-Type: application/json", *headers]
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", b""]) + body


def test_requests_may_come_in_any_pieces(web: Service) -> None:
    body = json.dumps({"task": "no.such", "kwargs": {"text": "x" * 5000}}).encode()
    whole = post(body, b"Content-Length: %d" % len(body))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[n : n + 999]), body[n : n + 999]) for n in range(0, len(body), 999))
    chunked = post(chunks + b"0\r\n\r\n", b"Transfer-Encoding: chunked")
    for sent in (whole, chunked):
        for size in (len(sent), 1000, 97):
            answer = exchange(web, *(sent[n : n + size] for n in range(0, len(sent), size)))
            assert answer.startswith(b"HTTP/1.1 404 "), answer
            assert b"unknown-task" in answer
    byte_by_byte = b"GET /api/v1/config HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert exchange(web, *(bytes([byte]) for byte in byte_by_byte)).startswith(b"HTTP/1.1 200 ")


def test_requests_that_come_together_are_answered_in_order(web: Service) -> None:
    body = b'{"task": "no.such"}'
    first = post(body, b"Content-Length: %d" % len(body), close=False)
    second = b"GET /api/v1/config HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    for pieces in ((first + second + last,), (first + second[:20], second[20:] + last)):
        answer = exchange(web, *pieces)
        assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == [b"404", b"200", b"404"]


def test_requests_that_are_none_or_too_large_are_answered(web: Service) -> None:
    limit = 65536
    for sent, status in (
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 70_000, b"431"),
        (post(b"x" * (limit + 1), b"Content-Length: %d" % (limit + 1)), b"413"),
        (post(b"x" * (limit + 10_000), b"Content-Length: 999999999"), b"413"),
        (post(b"20000\r\n" + b"x" * 0x20000, b"Transfer-Encoding: chunked"), b"413"),
        (post(b"zz\r\n\r\n", b"Transfer-Encoding: chunked"), b"400"),
        (b"NONSENSE\r\n\r\n", b"400"),
        (post(b"{}", b"Content-Length: 2", b"Content-Length: 3"), b"400"),
        (post(b"{}", b"Content-Length: 2", b"Transfer-Encoding: chunked"), b"400"),
        (post(b"{}", b"Content-Length: two"), b"400"),
    ):
        began = time.monotonic()
        answer = exchange(web, sent)
        assert answer.startswith(b"HTTP/1.1 " + status), (sent[:200], answer[:200])
        # Nobody waits for the rest of it.
        assert time.monotonic() - began < 5
    assert "Traceback" not in web.process.output()


def test_ending_waits_for_no_connection_on_which_nothing_came(web: Service) -> None:
    with Attack(web, b"", count=20):
        stays(lambda: web.process.is_running(), 0.2)
        began = time.monotonic()
        assert web.process.terminate(15) == 0
        assert time.monotonic() - began < 5
