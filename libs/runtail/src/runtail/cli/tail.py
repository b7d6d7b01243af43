"""Following one run: over the relay, or over HTTP while there is no relay, without a gap between the two.

The protocol's own view checks all items. After any outage the reader continues
at the position reached, over whichever connection it uses then.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from runtail.cli.failure import Failure, Refused, Unreachable
from runtail.cli.outage import Outage
from runtail.cli.relay import LoginRefused, Relay, RelayLost
from runtail.cli.sink import Outcome, Sink
from runtail.cli.web import Web, without_login
from runtail.cli.windows import read_window
from runtail.errors import ProtocolError
from runtail.protocol.entry import Entry
from runtail.protocol.position import VERSION
from runtail.protocol.state import RunState
from runtail.protocol.view import View

POLL_SECONDS = 1.0
#: The relay gets an acknowledgement after at most this many payload bytes or this much time.
ACK_BYTES, ACK_SECONDS = 65_536, 1.0


class _Reset(Exception):
    """The log no longer contains the history that was read."""


class _Gone(Exception):
    """There is no such run: never, no longer, or not yet again after its store was emptied."""


class Tail:
    """One run being followed.

    :param relay_url: the relay's address, with the base path.
    :param held: entered again and again, while an item is shown and counted: Ctrl-C must not come between the two.
    :param from_line: the first line wanted; negative: the last n lines.
    """

    def __init__(
        self,
        web: Web,
        relay_url: str,
        run_id: str,
        sink: Sink,
        held: AbstractContextManager[object],
        *,
        from_line: int = 1,
    ) -> None:
        self._web, self._relay_url, self._run_id = web, relay_url, run_id
        self._sink, self._held = sink, held
        self._from_line = from_line
        #: Lines before this one are not shown; exact once the log's length is known.
        self._first = max(1, from_line)
        #: The line at which to continue: everything before it was shown.
        self.next_line = self._first
        self._view = View()
        self._live_line: Mapping[str, Any] | None = None
        self._outcome: Outcome | None = None
        self._reset_epoch = 0
        #: True if the stored log contradicts itself: read over HTTP, up to the entry that does not fit.
        self._as_stored = False
        #: What the relay said when it refused our login; empty if it did not.
        self._refusal = ""
        self._outage = Outage(sink, without_login(relay_url))

    def follow(self) -> Outcome:
        """Show the log until the run is over, however long that takes and whatever fails meanwhile.

        :raises Failure: if the run does not exist (any more), or cannot be followed.
        :raises KeyboardInterrupt: at Ctrl-C; :attr:`next_line` says where to continue.
        """
        outage = self._outage
        while self._outcome is None:
            wait = POLL_SECONDS if self._as_stored else outage.wait_seconds
            try:
                if not self._as_stored and wait == 0:
                    self._over_relay()
                    continue
                if self._as_stored or outage.reads_over_http:
                    self._over_http()
            except _Reset as reset:
                self._sink.note(f"The log was replaced: {reset}. It goes on from line {self.next_line:,}.")
                continue
            except _Gone:
                outage.run_gone()
                wait = POLL_SECONDS
            except RelayLost as lost:
                self._live_line = None
                self._sink.live(None)
                self._refusal = str(lost) if isinstance(lost, LoginRefused) else ""
                outage.relay_lost(str(lost))
                continue
            if self._outcome is None:
                time.sleep(min(POLL_SECONDS, wait))
        self._sink.flush()
        return self._outcome

    # The relay

    def _over_relay(self) -> None:
        with Relay(self._relay_url, self._web.login_for(self._relay_url)) as relay:
            self._refusal = ""
            self._subscribe(relay)
            self._outage.over(self.next_line)
            received = acked = 0
            acked_at = time.monotonic()
            while self._outcome is None:
                found = relay.next_event(ACK_SECONDS)
                if found is not None and found[0] == "renew":
                    return  # and again at once: a proxy is to judge who we are
                if found is not None:
                    received += self._event(*found)
                now = time.monotonic()
                if received - acked >= ACK_BYTES or (received > acked and now - acked_at >= ACK_SECONDS):
                    relay.tell("ack", {"run": self._run_id, "bytes": received})
                    acked, acked_at = received, now

    def _subscribe(self, relay: Relay) -> None:
        request: dict[str, Any] = {"v": VERSION, "run": self._run_id, "from": self._from_line}
        cursor = self._view.cursor
        if cursor is not None:
            request |= {"epoch": cursor.epoch, "from": cursor.line, "chain": cursor.chain.hex()}
        answer = relay.ask("subscribe", request)
        if not answer.get("ok"):
            message = str(answer.get("message") or "refused")
            if answer.get("code") in ("unavailable", "too-many"):
                raise RelayLost(message)
            if answer.get("code") == "unknown-run":
                raise _Gone
            raise Failure(message)
        if answer.get("reset"):
            # The event with the reason comes before or after the answer.
            while (found := relay.next_event(ACK_SECONDS)) is not None:
                self._event(*found)
            self._reset(int(answer["epoch"]), "the store may have lost a part of it")
        # Who may read the log and not the run gets no record.
        if not self._begin(answer, answer.get("record") or answer):
            self._subscribe(relay)

    def _event(self, name: str, data: Any) -> int:
        """Take one event and return the payload bytes that came with it.

        :raises Failure: if the login has ended, or the right to read this run.
        """
        if name == "denied" and isinstance(data, dict) and data.get("run") in (None, self._run_id):
            # Nothing more comes, and asking again would be refused.
            raise Failure(str(data.get("why") or "You may no longer read this run."))
        if not isinstance(data, dict) or data.get("run", self._run_id) != self._run_id:
            return 0
        if name == "tail-message":
            return self._take(data["entries"], data["epoch"])
        if name == "tail-live":
            self._live(data)
        elif name == "tail-reset":
            self._reset(int(data["epoch"]), str(data.get("why") or data.get("reason") or "the log changed"))
        return 0

    # HTTP

    def _over_http(self) -> None:
        """Read everything that is stored now."""
        while self._outcome is None:
            cursor = self._view.cursor
            try:
                window = read_window(self._web, self._run_id, cursor, self._from_line)
            except Refused as refused:
                if refused.code == "position":
                    self._reset(int(refused.problem.get("epoch") or 0), "the stored log is a different one")
                if refused.status == 404:
                    raise _Gone from None
                if refused.status < 500:
                    raise
                return
            except Unreachable:
                if self._refusal:
                    # The web service might know better, but the relay asks the same store.
                    raise Failure(f"{without_login(self._relay_url)} does not let us in: {self._refusal}") from None
                self._outage.web_lost(self._web.url)
                return
            epoch, line = int(window["epoch"]), int(window["from"])
            if cursor is not None and epoch != cursor.epoch:
                self._reset(epoch, "the stored log is a different one")
            if cursor is not None and line < cursor.line:
                # The store rolled back to before our position; the writer restores the lines or begins a new epoch.
                return
            if not self._begin(window, window):
                continue
            self._take(window["entries"], epoch)
            self._sink.flush()
            if not window["entries"]:
                return

    # Both

    def _begin(self, answer: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
        """Begin or continue at the answer's position; return False if another position must be requested."""
        self._outage.run_there()
        lines = int(record["lines"])
        if self._view.cursor is None:
            if self._from_line < 0:
                self._first = max(1, lines + 1 + self._from_line)
            if self._from_line > lines + 1 and RunState(record["state"]).terminal:
                # No line will come there; only the run's end is left to show.
                self._from_line = lines + 1
                return False
        try:
            self._view.begin(int(answer["epoch"]), int(answer["from"]), bytes.fromhex(answer["chain"]))
        except ProtocolError as error:
            raise RelayLost(str(error)) from None
        return True

    def _take(self, items: Iterable[Mapping[str, Any]], epoch: int) -> int:
        """Check and show items one by one; return their payload bytes."""
        size = 0
        for wire in items:
            with self._held:
                try:
                    entries = self._view.feed([wire], epoch=epoch)
                except ProtocolError as error:
                    verdict = self._view.verdict
                    text = verdict.text if verdict else f"does not match the protocol: {error}"
                    self._finish(verified=False, text=text)
                    return size
                item = entries[0] if entries else self._view.cuts[-1]
                self._sink.live(None)
                self._sink.take(item, wire, self._first)
                assert self._view.cursor is not None
                self.next_line = max(self._first, self._view.cursor.line)
            size += len(item.payload) if isinstance(item, Entry) else 0
            verdict = self._view.verdict
            if verdict is not None:
                self._finish(verified=verdict.verified, text=verdict.text)
                return size
        if self._live_line is not None:
            self._live(self._live_line)
        self._sink.flush()
        return size

    def _live(self, live: Mapping[str, Any]) -> None:
        """Show the unfinished line; once it is stored, show only the progress, which is valid until the next one."""
        cursor, self._live_line = self._view.cursor, live
        stored = cursor is not None and int(live.get("line") or 0) < cursor.line
        self._sink.live({**live, "text": ""} if stored else live)
        self._sink.flush()

    def _finish(self, *, verified: bool, text: str) -> None:
        self._sink.live(None)
        lines = int(self._view.end["lines"]) if self._view.end else self.next_line - 1
        self._outcome = Outcome(verified, text, self._view.end, self._view.began_at, lines)

    def _reset(self, epoch: int, why: str) -> None:
        """Begin a new view at the next line.

        :raises _Reset: always, unless there is no log at all any more.
        :raises _Gone: if there is no log at all any more.
        """
        # A second reset in the same epoch means that the stored log contradicts itself.
        self._as_stored = self._as_stored or epoch == self._reset_epoch != 0
        self._reset_epoch = epoch
        if self._view.cursor is not None:
            self._from_line = self._first = self.next_line
        self._view = View()
        self._sink.live(None)
        if epoch == 0:
            raise _Gone
        raise _Reset(why.rstrip("."))
