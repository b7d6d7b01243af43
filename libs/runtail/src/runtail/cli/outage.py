"""Failing connections: when to try again, and what to report, each message once."""

from __future__ import annotations

import random
import time

from runtail.cli.failure import Failure
from runtail.cli.sink import Sink

#: Wait this long before trying an unreachable relay again, doubling up to the longest wait.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.25, 10.0
#: A writer restores its run in an emptied store within this time; after it, the run counts as deleted.
GONE_SECONDS = 5.0


class Outage:
    """Keeps track of whether the relay, the web service and the run are available.

    :param relay_url: the relay's origin.
    """

    def __init__(self, sink: Sink, relay_url: str) -> None:
        self._sink, self._relay_url = sink, relay_url
        self._said: set[str] = set()
        self._ever_live = False
        self._failures = 0
        self._try_at = 0.0
        self._gone_at: float | None = None

    @property
    def wait_seconds(self) -> float:
        """How long to wait before trying the relay again; 0 means now."""
        return max(0.0, self._try_at - time.monotonic())

    @property
    def reads_over_http(self) -> bool:
        """Whether to read over HTTP: at once if the relay has never answered, else from the second failure on."""
        return self._failures > 1 or not self._ever_live

    def relay_lost(self, why: str) -> None:
        """Note that the relay could not be reached, or that the connection ended."""
        self._failures += 1
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(self._failures - 1, 10))
        # Viewers of a relay that was killed should not all reconnect at the same moment.
        # nosemgrep: guessable
        self._try_at = time.monotonic() + wait * random.uniform(0.75, 1.25)
        if self._failures == 1 and self._ever_live:
            self._say("lost", f"connection lost ({why}); trying again")
        else:
            self._say("http", f"no relay at {self._relay_url} ({why}); reading over HTTP meanwhile")

    def web_lost(self, url: str) -> None:
        """Note that the web service does not answer."""
        self._say("away", f"{url} does not answer either; trying again until Ctrl-C")

    def run_gone(self) -> None:
        """Note that there is no such run (any more).

        :raises Failure: if the run has been missing for too long.
        """
        now = time.monotonic()
        self._gone_at = self._gone_at or now
        if now - self._gone_at >= GONE_SECONDS:
            raise Failure("there is no such run any more: it was deleted, has expired, or is no longer shown to you")

    def run_there(self) -> None:
        """Note that the run was found."""
        self._gone_at = None

    def over(self, next_line: int) -> None:
        """Note that the relay answers."""
        if self._said:
            self._sink.note(f"connected, from line {next_line:,}")
        self._said.clear()
        self._ever_live, self._failures = True, 0

    def _say(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._sink.note(text)
