"""The program ``runtail`` as its users call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import wait_for

PROGRAM = Path(sys.executable).parent / "runtail"
#: Of one command; following includes the run itself.
DEADLINE_SECONDS = 60.0


class Command:
    """One call of the program, with its two outputs in files.

    :param url: RUNTAIL_URL.
    """

    def __init__(self, directory: Path, url: str, *arguments: str) -> None:
        number = len(list(directory.glob("out-*")))
        self._out, self._err = directory / f"out-{number}", directory / f"err-{number}"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(
                [PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "RUNTAIL_URL": url},
            )

    @property
    def out(self) -> bytes:
        """What it wrote on stdout so far."""
        return self._out.read_bytes()

    @property
    def err(self) -> str:
        """What it wrote on stderr so far."""
        return self._err.read_text()

    def wait_for_lines(self, lines: int) -> None:
        """Return once it has written so many."""
        wait_for(lambda: self.out.count(b"\n") >= lines, DEADLINE_SECONDS, lambda: self.err)

    def wait_for_words(self, words: str) -> None:
        """Return once they stand on stderr."""
        wait_for(lambda: words in self.err, DEADLINE_SECONDS, lambda: self.err)

    def wait(self) -> int:
        """Return its exit status."""
        try:
            return self.popen.wait(DEADLINE_SECONDS)
        finally:
            self.popen.kill()
