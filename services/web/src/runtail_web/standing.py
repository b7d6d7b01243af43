"""Whether the reader of a long answer may still have it: asked again and again while the answer is sent.

A request is checked when it comes, and an answer may go on for hours after that.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Generator, Sequence

import orjson

from runtail.access.decision import reads_on
from runtail.access.principal import Principal
from runtail.auth.authenticator import LOGIN_GONE, RIGHT_GONE
from runtail.runs.access import thing_of
from runtail.runs.record import Run
from runtail_web.authorization import principal

log = logging.getLogger(__name__)

#: What a client is told whose proxy has to say anew who it is.
PROXY_AGAIN = "The proxy has to judge again who you are. Ask again."

#: Returns the principals with the rights they have now. See :meth:`Authenticator.recheck`.
Recheck = Callable[[Sequence[Principal]], list[Principal | None]]


class BrokenOff(BrokenPipeError):
    """The answer breaks off on purpose: the client sees that it is not complete.

    (The server closes a connection without a word in its log for this kind of error.)
    """

    def __init__(self, why: str) -> None:
        super().__init__(errno.EPIPE, why)


class Standing:
    """The right of one client to read one run's log, for as long as an answer takes.

    :param recheck: says what rights the client has now.
    :param run: the run, as it was when the answer began.
    :param seconds: the longest time between two checks.
    :param most_seconds: how long what the client showed counts; None: until a check says otherwise.
    """

    def __init__(
        self, recheck: Recheck, who: Principal, run: Run, seconds: float, most_seconds: float | None = None
    ) -> None:
        self._recheck, self._who, self._run_id, self._seconds = recheck, who, run.id, seconds
        self._thing = thing_of(run)
        self._looked_at = time.monotonic()
        self._ends_at = None if most_seconds is None else self._looked_at + most_seconds

    def look_soon(self) -> None:
        """Check before the next piece: some login has changed."""
        self._looked_at = float("-inf")

    def lost(self) -> str | None:
        """Return why the client may not read on, as a sentence; None if it may, or if it is not time to check.

        :raises StoreUnavailable: if the store did not answer; then the next call checks again.
        """
        now = time.monotonic()
        if self._ends_at is not None and now >= self._ends_at:
            return PROXY_AGAIN
        if not self._who.credential or now - self._looked_at < self._seconds:
            return None
        (who,) = self._recheck([self._who])
        self._looked_at = now
        if who is None:
            return LOGIN_GONE
        return None if reads_on(self._who, who, self._run_id, self._thing) else RIGHT_GONE

    def guard(self, body: Generator[bytes], last_words: Callable[[str, bytes], bytes]) -> Generator[bytes]:
        """Yield an answer piece by piece for as long as the client may read it.

        :param body: yields empty pieces while it has nothing to say.
        :param last_words: makes of the reason, and of what was sent last, what is sent before the answer breaks off.
        :raises BrokenOff: if the client may not read on.
        """
        sent = b""
        try:
            for piece in body:
                why = self.lost()
                if why is not None:
                    log.info("an answer to %s breaks off: %s", self._who.name or self._who.id, why)
                    yield last_words(why, sent)
                    raise BrokenOff(why)
                sent = piece or sent
                yield piece
        finally:
            body.close()


class Standings:
    """Makes the standing of the sender of the current request.

    :param seconds: the longest time between two checks.
    :param proxy_seconds: how long somebody may follow a log by one judgement of a proxy.
    """

    def __init__(self, recheck: Recheck, seconds: float, proxy_seconds: float) -> None:
        self._recheck, self._seconds, self._proxy_seconds = recheck, seconds, proxy_seconds

    def of_sender(self, run: Run, *, follows: bool = False) -> Standing:
        """Return the standing of the sender of the current request towards a run's log.

        :param follows: the answer goes on with what comes; then a proxy must judge again after some time.
        """
        who = principal()
        most_seconds = self._proxy_seconds if follows and who.by_proxy else None
        return Standing(self._recheck, who, run, self._seconds, most_seconds)


def text_words(why: str, sent: bytes) -> bytes:
    """Return the last line of a text that breaks off."""
    begin = "" if not sent or sent.endswith(b"\n") else "\n"
    return f"{begin}runtail: {why}\n".encode()


def json_words(why: str, _sent: bytes) -> bytes:
    """Return the last of an answer's JSON lines when it breaks off."""
    return orjson.dumps({"broken_off": why}) + b"\n"
