"""The parts of a log and their wire forms. Pure: no I/O, no Redis, no web framework.

=============  ==========================================================
``position``   entry ids ``<attempt>-<seq>`` and positions (epoch, line, chain)
``chain``      the SHA-256 chain over all entries
``entry``      one entry: stored fields and wire form
``event``      event entries: what happened to the run, at the place in the log
``state``      the states of a run
``cursor``     reading in order; cuts; refusing entries that do not continue
``clip``       a range of lines, cut out to the byte
``view``       one subscriber's proof that its view is complete
=============  ==========================================================

``docs/protocol.md`` is the specification; ``vectors.json`` holds the test vectors
for implementations in any language.
"""

from runtail.protocol.chain import GENESIS, link
from runtail.protocol.clip import Clip
from runtail.protocol.cursor import Cursor, Cut, Discontinuity
from runtail.protocol.entry import EVENT, OUTPUT, Entry, EntryType, count_lines
from runtail.protocol.position import BEGINNING, VERSION, EntryId, Position
from runtail.protocol.state import Awaits, RunState
from runtail.protocol.view import Verdict, View

__all__ = [
    "BEGINNING",
    "EVENT",
    "GENESIS",
    "OUTPUT",
    "VERSION",
    "Awaits",
    "Clip",
    "Cursor",
    "Cut",
    "Discontinuity",
    "Entry",
    "EntryId",
    "EntryType",
    "Position",
    "RunState",
    "Verdict",
    "View",
    "count_lines",
    "link",
]
