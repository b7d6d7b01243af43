"""Where a request ends: what a visitor sends as its body is never taken for a request, however its length is said.

A proxy that shares a connection among visitors would give the answer to another one of them.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services import Service


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("ends")
    with Service("web", folder, {"broker_url": redis_url, "key_prefix": "t-ends:"}) as service:
        yield service


def answers(web: Service, *parts: bytes) -> list[int]:
    """Send parts, each after an answer or a moment without one; return the statuses of all answers."""
    told = b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as connection:
        for part in parts:
            connection.settimeout(0.3)
            try:
                connection.sendall(part)
                told += connection.recv(65536)
            except TimeoutError:
                # The service waits for more of the request.
                continue
            except OSError:
                break
        connection.settimeout(30)
        try:
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                told += data
        except OSError:
            # The service reset the connection, because of what it did not want to read.
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d\d\d) ", told)]


def request(web: Service, head: str, method: str = "GET", path: str = "/api/v1/config") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n{head}\r\n".encode()


@pytest.mark.parametrize("length", ["padded", f"1{0:030}", "200000"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_rest_of_a_body_is_no_request(web: Service, method: str, length: str) -> None:
    another = request(web, "")
    said = f"{len(another):030}" if length == "padded" else length
    # The one that reads its body, and two that do not.
    path = "/api/v1/runs" if method == "POST" else "/api/v1/config"
    first = request(web, f"Content-Length: {said}\r\nContent-Type: application/json\r\n", method, path)
    body = b"x" * 66_000 if length == "200000" else b""
    # (None, if the connection was reset before the answer was read.)
    assert len(answers(web, first + body, another)) <= 1


def test_the_rest_of_a_chunk_is_no_request(web: Service) -> None:
    another = request(web, "")
    chunk = b"%020x\r\n" % len(another)
    assert len(answers(web, request(web, "Transfer-Encoding: chunked\r\n") + chunk, another + b"\r\n0\r\n\r\n")) == 1


@pytest.mark.parametrize(
    "head", ["Content-Length: 2\r\n", f"Content-Length: {2:030}\r\n", "Transfer-Encoding: chunked\r\n"]
)
def test_after_a_whole_body_another_request_may_come(web: Service, head: str) -> None:
    body = b"2\r\n{}\r\n0\r\n\r\n" if "chunked" in head else b"{}"
    for method in ("GET", "POST"):
        first = request(web, f"{head}Content-Type: application/json\r\n", method, "/api/v1/runs")
        assert len(answers(web, first + body, request(web, ""))) == 2
