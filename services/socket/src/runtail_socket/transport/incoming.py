"""A peer's frames on its WebSocket, held to our limits. Pure: bytes in, messages out.

wsproto parses the frames. We limit the size of a message (however fragmented),
its number of fragments and the frames of any kind per second, and accept text only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, TextMessage
from wsproto.frame_protocol import CloseReason

#: Clients send subscriptions and acknowledgements: hundreds of bytes.
MAX_MESSAGE_BYTES = 16384
MAX_FRAGMENTS = 64

#: Frames that a client may send per second in the long run, and at once. Every frame counts: a ping, a pong and an
#: empty fragment cost as much as a message.
FRAMES_PER_SECOND = 50.0
FRAMES_BURST = 200.0

#: How the messages begin that are taken: Engine.IO's end and answer to a ping, and Socket.IO's messages without
#: attachments. Only these letters: the libraries read digits of other scripts (``４``), Base64 after ``b`` and messages
#: inside of a JSON text as well. Each of these could announce attachments, or raise an error where nobody cleans up.
SOCKET_IO = re.compile(r"1|3|4[0-3]")


class Incoming:
    """One peer's frames.

    :param protocol: the connection that parses them.
    :param taken: how messages begin that are taken; any other one ends the connection.
    """

    def __init__(self, protocol: Connection, taken: re.Pattern[str] = SOCKET_IO) -> None:
        self._protocol, self._taken = protocol, taken
        self._parts: list[str] = []
        self._size = 0
        self._fragments = 0
        self._allowance = FRAMES_BURST
        self._allowance_at = time.monotonic()

    def receive(self, data: bytes) -> Iterator[str | Ping | CloseConnection]:
        """Yield messages, pings to answer and, if the connection ends here, the goodbye to send."""
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            found = self._read(event)
            if found is not None:
                yield found
            if isinstance(found, CloseConnection):
                return

    def _read(self, event: Event) -> str | Ping | CloseConnection | None:
        if isinstance(event, CloseConnection):
            # The peer's close, which is answered with its own code; or wsproto's, after bytes that are not a frame.
            return event.response()
        # A large frame comes in pieces; count it once.
        ends_frame = not isinstance(event, Message) or event.frame_finished
        if ends_frame and not self._allowed():
            return CloseConnection(
                CloseReason.POLICY_VIOLATION,
                f"More than {FRAMES_PER_SECOND:.0f} frames a second, or {FRAMES_BURST:.0f} at once.",
            )
        if isinstance(event, TextMessage):
            return self._text(event)
        if isinstance(event, BytesMessage):
            # Nothing in our protocol is binary, and Socket.IO would keep it
            # until its announced attachments are complete.
            return CloseConnection(CloseReason.UNSUPPORTED_DATA, "Only text messages are accepted here.")
        return event if isinstance(event, Ping) else None

    def _text(self, event: TextMessage) -> str | CloseConnection | None:
        self._parts.append(event.data)
        self._size += len(event.data.encode())
        self._fragments += event.frame_finished
        if self._size > MAX_MESSAGE_BYTES:
            return CloseConnection(CloseReason.MESSAGE_TOO_BIG, f"A message has at most {MAX_MESSAGE_BYTES} bytes.")
        if self._fragments > MAX_FRAGMENTS:
            return CloseConnection(CloseReason.POLICY_VIOLATION, f"A message has at most {MAX_FRAGMENTS} fragments.")
        if not event.message_finished:
            return None
        message = "".join(self._parts)
        self._parts, self._size, self._fragments = [], 0, 0
        if not self._taken.match(message):
            # After an announcement Socket.IO would keep all that follows, texts too, as attachments.
            return CloseConnection(
                CloseReason.UNSUPPORTED_DATA, "Only messages of Socket.IO without attachments are accepted here."
            )
        return message

    def _allowed(self) -> bool:
        now = time.monotonic()
        earned = (now - self._allowance_at) * FRAMES_PER_SECOND
        self._allowance = min(FRAMES_BURST, self._allowance + earned) - 1
        self._allowance_at = now
        return self._allowance >= 0
