"""Forged logins: how they are shown, and what a refusal costs."""

from __future__ import annotations

import base64
import statistics
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from redis.connection import AbstractConnection

from runtail.auth.authenticator import Authenticator
from runtail.auth.token_text import PREFIX
from runtail.errors import NotLoggedIn

#: How often each refusal is timed, and how far the medians may be apart.
TIMES, APART_SECONDS = 200, 0.001


def summed(token_id: str, secret: str, prefix: str = PREFIX) -> str:
    """Return a token, or the token of a share link, that was not mistyped."""
    body = f"{prefix}{token_id}_{secret}"
    return f"{body}_{base64.urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, 'big')).decode().rstrip('=')}"


def environ(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return headers as an authenticator gets them."""
    return {f"HTTP_{name.upper()}": value for name, value in headers.items()}


def refuse(authenticator: Authenticator, shown: Mapping[str, Any]) -> None:
    """Check that nobody is let in."""
    with pytest.raises(NotLoggedIn):
        authenticator.identify(shown)


def assert_equal_times(refusals: Mapping[str, Callable[[], None]]) -> None:
    """Check that no refusal takes longer than another, in processor time: the machine may be busy with other things."""
    taken: dict[str, list[float]] = {name: [] for name in refusals}
    for _ in range(TIMES):
        # By turns, so that all have the same weather.
        for name, refusal in refusals.items():
            began = time.thread_time()
            refusal()
            taken[name].append(time.thread_time() - began)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    assert max(medians.values()) - min(medians.values()) < APART_SECONDS, medians


@contextmanager
def questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Yield a list that grows by each question that this thread asks a store, with the names of its commands.

    Each is a round trip, which somebody could time from afar.
    """
    asked: list[bytes] = []
    thread = threading.get_ident()
    send: Any = AbstractConnection.send_packed_command

    def counted(connection: Any, command: Any, *more: Any, **named: Any) -> Any:
        if threading.get_ident() == thread:
            packed = b"".join(command) if isinstance(command, (list, tuple)) else bytes(command)
            # The words of the protocol have their lengths in rows of their own.
            asked.append(b" ".join(part.split(b"\r\n")[2] for part in packed.split(b"\r\n*") if part))
        return send(connection, command, *more, **named)

    with monkeypatch.context() as patched:
        patched.setattr(AbstractConnection, "send_packed_command", counted)
        yield asked
