"""The claim that a writer holds: the right to write one attempt of one run, and where it begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtail.protocol import BEGINNING, GENESIS, Entry, EntryId
from runtail.protocol import event as events

#: Fields that say where the log ends; a rebuilt record gets new ones.
LOG_FIELDS = frozenset(
    {
        "epoch",
        "master",
        "last",
        "line",
        "chain",
        "bytes",
        "entries",
        "stored_bytes",
        "head_last",
        "live",
        "beat",
        "beat_ms",
        "cut_from",
        "cut_to",
        "cut_bytes",
        "cut_entries",
        "cut_last",
        "cut_chain",
    }
)
#: Fields that a claim sets; they are set again if a failover rolled the claim back.
CLAIM_FIELDS = (
    "state",
    "why",
    "since_ms",
    "started_ms",
    "first_started_ms",
    "attempt",
    "owner",
    "token",
    "claims",
    "worker",
    "nesting",
    "retries",
    "messages",
    "header_attempt",
    "awaits",
    "published",
    "redelivers",
    "labels",
    "title",
)


@dataclass(frozen=True, slots=True)
class LogEnd:
    """Where a stored log ends: last entry, next line, digest, output bytes."""

    last: EntryId = BEGINNING
    line: int = 1
    chain: bytes = GENESIS
    total_bytes: int = 0

    def after(self, entry: Entry) -> LogEnd:
        """Return the end of the log after *entry*."""
        return LogEnd(entry.id, entry.next_line, entry.chain, self.total_bytes + events.output_bytes(entry))


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a successful claim, and the starting point of a :class:`~runtail.log.writer.LogWriter`."""

    run_id: str
    attempt: int
    #: Names the delivered execution; the same token claims the same attempt again.
    token: str
    epoch: int
    #: Where the log ended at the claim.
    start: LogEnd
    #: The store's uuid when the claim was made.
    store_uuid: str
    #: The stored fields of the record, to rebuild it in an emptied store.
    record: dict[str, str] = field(default_factory=dict)
    #: True if this execution had claimed the attempt before (a new shipper).
    resumed: bool = False
    #: The request to cancel the run, if there is one.
    cancel: dict[str, Any] | None = None
    #: How long the run was queued and due; None if unknown.
    waited_ms: int | None = None

    def number(self, name: str) -> int:
        """Return a number from the record as it was at the claim, 0 if the field is not set."""
        return int(self.record.get(name) or 0)

    @property
    def execution(self) -> int:
        """Which execution of the id this is, from 1."""
        return self.number("execution") or 1

    @property
    def cut(self) -> dict[str, int] | None:
        """The part that the quota had cut before the claim: ``{"from", "to", "bytes", "entries"}``."""
        if "cut_from" not in self.record:
            return None
        return {name: self.number(f"cut_{name}") for name in ("from", "to", "bytes", "entries")}

    def create_fields(self) -> dict[str, str]:
        """Return the record without the fields that say where the log ends."""
        return {
            name: value for name, value in self.record.items() if name not in LOG_FIELDS and not name.startswith("a:")
        }

    def reclaim_fields(self) -> dict[str, str]:
        """Return the fields that the claim set."""
        return {name: self.record[name] for name in CLAIM_FIELDS if name in self.record}
