"""Writes what a test tells it to, when it is told: as a task, and as a process that a task left behind."""

import os
import sys
import time
from pathlib import Path

from tests.support.waiting import wait_for


class Puppet:
    """The strings: one file for each thing to write, answered by another.

    :param folder: is made; nobody else uses it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def wait_ready(self) -> None:
        """Wait until it obeys."""
        wait_for((self.folder / "ready").exists, 60)

    def say(self, data: bytes) -> str:
        """Have it write; return ``ok`` when it has, or the error that it got."""
        self._count += 1
        path = self.folder / f"{self._count}.say"
        path.with_suffix(".part").write_bytes(data)
        path.with_suffix(".part").rename(path)
        answer = path.with_suffix(".answer")
        wait_for(answer.exists, 30, lambda: f"{path} was not answered")
        return answer.read_text()

    def stop(self) -> None:
        """Let it return."""
        (self.folder / "stop").touch()


def perform(folder: Path) -> None:
    """Obey until told to stop."""
    number = 1
    (folder / "ready").touch()
    while not (folder / "stop").exists():
        path = folder / f"{number}.say"
        if not path.exists():
            time.sleep(0.005)
            continue
        data = memoryview(path.read_bytes())
        answer = "ok"
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError as error:
            answer = type(error).__name__
        path.with_suffix(".new").write_text(answer)
        path.with_suffix(".new").rename(path.with_suffix(".answer"))
        number += 1


if __name__ == "__main__":
    perform(Path(sys.argv[1]))
