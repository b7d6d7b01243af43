"""Which line of a log says why its run failed. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from runtail.protocol import OUTPUT, Entry
from runtail.secret import SHORTENED

#: A traceback is at the end. Further back, the same words may mean something else.
_LOOK_BACK_BYTES: Final = 256 * 1024
#: A traceback names an exception with its module, and a reason without.
_MODULE: Final = rb"^(?:[\w.]+\.)?"


def why_line(entries: Iterable[Entry], why: str) -> int | None:
    """Return the number of the last line that begins with a reason; None if there is none.

    :param entries: those of the log, the newest first.
    :param why: the reason as it is stored: masked, and perhaps shortened.
    """
    said = why.partition("\n")[0].removesuffix(SHORTENED).strip()
    if not said:
        return None
    wanted = re.compile(_MODULE + re.escape(said.encode("utf-8", "backslashreplace")), re.MULTILINE)
    looked_at = 0
    for entry in entries:
        if entry.type != OUTPUT:
            continue
        begins = [found.start() for found in wanted.finditer(entry.payload)]
        if begins:
            return entry.from_line + entry.payload.count(b"\n", 0, begins[-1])
        looked_at += len(entry.payload)
        if looked_at >= _LOOK_BACK_BYTES:
            return None
    return None
