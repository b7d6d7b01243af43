"""One entry of a log: a chunk of lines or an event."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runtail.errors import ProtocolError
from runtail.protocol.chain import link
from runtail.protocol.position import VERSION, EntryId

EntryType = Literal["o", "e"]

#: Output of the task.
OUTPUT: EntryType = "o"
#: Something that happened to the run, as a JSON object.
EVENT: EntryType = "e"


def count_lines(payload: bytes) -> int:
    r"""Return how many line numbers a chunk of output takes.

    A last line without ``\n`` (a piece of a long line, or the unfinished last
    line of an attempt) counts as one line.
    """
    return payload.count(b"\n") + (1 if payload and not payload.endswith(b"\n") else 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as stored in the log. It is never merged, split or changed."""

    id: EntryId
    #: ``o`` or ``e``.
    type: EntryType
    #: Number of its first line; for an event, of the next line.
    from_line: int
    #: How many lines it holds; 0 for events.
    n: int
    #: When it was written, in milliseconds since 1970 by the store's clock.
    t_ms: int
    #: The bytes as stored.
    payload: bytes
    #: Digest of the log up to and including this entry; empty for a part that was cut out of one.
    chain: bytes
    #: True if the last line continues in the next output entry (a piece of a long line).
    continues: bool = False

    @classmethod
    def make(
        cls,
        id_: EntryId,
        type_: EntryType,
        from_line: int,
        t_ms: int,
        payload: bytes,
        previous_chain: bytes,
        *,
        continues: bool = False,
    ) -> Entry:
        """Build the entry that follows *previous_chain*."""
        n = count_lines(payload) if type_ == OUTPUT else 0
        return cls(id_, type_, from_line, n, t_ms, payload, link(previous_chain, type_, payload), continues)

    @property
    def next_line(self) -> int:
        """The number of the line after this entry."""
        return self.from_line + self.n

    def header(self) -> bytes:
        """Return the stored header: version, type, first line, lines, time, flags."""
        flags = "c" if self.continues else "-"
        return f"{VERSION} {self.type} {self.from_line} {self.n} {self.t_ms} {flags}".encode("ascii")

    @classmethod
    def from_fields(cls, id_: EntryId, fields: Mapping[bytes, bytes]) -> Entry:
        """Read the fields of a stream entry (``h``, ``d``, ``c``).

        :raises ProtocolError: code ``version`` for a newer format, ``entry`` for a broken one.
        """
        try:
            version, type_, from_line, n, t_ms, flags = fields[b"h"].decode("ascii").split(" ")
            if int(version) != VERSION:
                raise ProtocolError("version", f"entry {id_} has format {version}; this program reads {VERSION}")
            if type_ not in (OUTPUT, EVENT):
                raise ValueError(type_)
            return cls(
                id_,
                "o" if type_ == "o" else "e",
                int(from_line),
                int(n),
                int(t_ms),
                fields[b"d"],
                fields[b"c"],
                "c" in flags,
            )
        except (KeyError, ValueError, UnicodeDecodeError) as error:
            raise ProtocolError("entry", f"entry {id_} cannot be read: {error!r}") from error

    def wire(self) -> dict[str, Any]:
        """Return the JSON form for readers: with ``text`` if the bytes are UTF-8, else with ``b64``."""
        message: dict[str, Any] = {
            "id": str(self.id),
            "type": self.type,
            "from": self.from_line,
            "n": self.n,
            "t": self.t_ms,
        }
        try:
            message["text"] = self.payload.decode("utf-8")
        except UnicodeDecodeError:
            message["b64"] = base64.b64encode(self.payload).decode("ascii")
        if self.continues:
            message["continues"] = True
        if self.chain:
            message["chain"] = self.chain.hex()
        return message

    @classmethod
    def from_wire(cls, message: Mapping[str, Any]) -> Entry:
        """Read :meth:`wire`.

        :raises ProtocolError: code ``entry`` if a part is missing or of the wrong type.
        """
        try:
            if "text" in message:
                payload = message["text"].encode("utf-8")
            else:
                payload = base64.b64decode(message["b64"], validate=True)
            if message["type"] not in (OUTPUT, EVENT):
                raise ValueError(message["type"])
            return cls(
                EntryId.parse(message["id"]),
                message["type"],
                int(message["from"]),
                int(message["n"]),
                int(message["t"]),
                payload,
                bytes.fromhex(message["chain"]),
                bool(message.get("continues", False)),
            )
        except (KeyError, ValueError, TypeError, AttributeError, binascii.Error, UnicodeEncodeError) as error:
            raise ProtocolError("entry", f"not an entry: {error!r}") from error
