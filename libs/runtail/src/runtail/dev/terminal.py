"""The output of ``runtail dev``: lines of several processes, told apart by prefix and colour."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from runtail.auth.audit_entry import MARK

#: ANSI colours; each line also begins with the name.
COLOURS: Final = {"web": "36", "relay": "35", "worker": "32", "store": "33"}
WIDTH: Final = max(map(len, COLOURS))


class Terminal:
    """Writes to stdout and stderr.

    :param environ: NO_COLOR in it turns colours off, as usual.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._colours = sys.stdout.isatty() and not environ.get("NO_COLOR")
        self._bar = "│" if (sys.stdout.encoding or "").lower().startswith("utf") else "|"
        #: True once nobody reads the output any more.
        self.gone = False

    def lines(self, name: str, lines: Sequence[bytes]) -> None:
        """Show lines of one part, without those of the audit log, which are for collectors."""
        prefix = f"{name:<{WIDTH}} {self._bar} "
        if self._colours:
            prefix = f"\x1b[{COLOURS[name]}m{prefix}\x1b[0m"
        self._write(b"".join(prefix.encode() + line + b"\n" for line in lines if not line.startswith(MARK)))

    def block(self, *lines: str) -> None:
        """Show something that must not be overlooked."""
        text = "\n".join(f"  {line}".rstrip() for line in lines)
        if self._colours:
            text = f"\x1b[1m{text}\x1b[0m"
        self._write(f"\n{text}\n\n".encode())

    def error(self, text: str) -> None:
        """Say why ``runtail dev`` ends."""
        try:
            sys.stderr.write(f"runtail dev: {text}\n")
            sys.stderr.flush()
        except OSError:
            self.gone = True

    def _write(self, data: bytes) -> None:
        if self.gone or not data:
            return
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError:
            # A closed pipe or terminal: everything ends, quietly.
            self.gone = True
