"""Following several runs at once, each in a thread of its own."""

from __future__ import annotations

import queue
import shlex
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import click

from runtail.cli import exits
from runtail.cli.failure import Failure
from runtail.cli.interrupts import Interrupts
from runtail.cli.sink import Output, told
from runtail.cli.tail import Tail
from runtail.cli.web import Web
from runtail.words import clean

#: Each has a connection of its own.
MAX_RUNS = 20
#: Colours of prefixes, as parameters of SGR; red is for errors.
STYLES = ("36", "32", "35", "34", "33", "96", "92", "95", "94", "93")
MAX_TASK_CHARS = 24
#: At Ctrl-C, a thread may be writing to something that nobody reads.
_LAST_WRITE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Named:
    """A run that is followed.

    :param task: empty if we may not know it.
    :param note: what to say about it first; may be empty.
    """

    run_id: str
    task: str = ""
    note: str = ""


def prefixes(runs: Sequence[Named]) -> list[str]:
    """Return what stands before the lines of each run: its task and the beginning of its id, all equally wide."""
    from rich.cells import cell_len, set_cell_size

    chars = 8
    while chars < 600 and len({run.run_id[:chars] for run in runs}) < len(runs):
        chars += 1
    names = []
    for run in runs:
        task = clean(run.task)
        if cell_len(task) > MAX_TASK_CHARS:
            task = f"{set_cell_size(task, MAX_TASK_CHARS - 1)}…"
        names.append(f"{task} {run.run_id[:chars]}".strip())
    widest = max(map(cell_len, names))
    return [f"{set_cell_size(name, widest)} │ " for name in names]


class Followed(threading.Thread):
    """One of several runs, until it is over.

    :param done: called at the end.
    """

    def __init__(self, tail: Tail, output: Output, run_id: str, done: Callable[[Followed], None]) -> None:
        super().__init__(name=f"follow {run_id}", daemon=True)
        self.tail, self.run_id = tail, run_id
        self._output, self._done = output, done
        self.status = exits.TROUBLE
        #: What ends all of them: the output cannot be written, for example.
        self.error: BaseException | None = None

    def run(self) -> None:
        """Follow it; called by the thread."""
        try:
            self.status = told(self._output, self.tail.follow())
        except Failure as failure:
            # The others go on.
            self._output.note(f"runtail: {failure.message}")
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self.error = error
        self._done(self)


def follow_all(
    web: Web,
    runs: Sequence[Named],
    from_line: int,
    output_of: Callable[[int, AbstractContextManager[object]], Output],
    *,
    again: str = "",
) -> int:
    """Follow runs to their ends, and return the highest of their exit statuses.

    :param output_of: makes the receiver of the run with this number; it enters the second argument to write.
    :param again: options to continue with after Ctrl-C.
    :raises Unwritable: if an output cannot be written any more.
    """
    relay = web.relay_url()
    # Shared by all, so that no line of one stands within a line of another.
    held = threading.RLock()
    ended: queue.SimpleQueue[Followed] = queue.SimpleQueue()
    threads = []
    for number, run in enumerate(runs):
        output = output_of(number, held)
        if run.note:
            output.note(run.note)
        tail = Tail(web, relay, run.run_id, output, held, from_line=from_line)
        threads.append(Followed(tail, output, run.run_id, ended.put))
    for thread in threads:
        thread.start()
    left = set(threads)
    # As for one run, also where the program was started with Ctrl-C ignored.
    with Interrupts() as interrupts:
        try:
            while left:
                thread = ended.get()
                left.discard(thread)
                if thread.error is not None:
                    raise thread.error
        except KeyboardInterrupt:
            interrupts.ignore()
            # Nothing is written any more, so each continues exactly at its next line.
            held.acquire(timeout=_LAST_WRITE_SECONDS)
            sys.stdout.flush()
            click.echo("\nWhat is not over goes on. To follow it further:", err=True)
            for thread in threads:
                if thread in left:
                    where = f"{shlex.quote(thread.run_id)} --from {thread.tail.next_line}"
                    click.echo(f"  runtail follow {where}{again}", err=True)
            return exits.INTERRUPTED
    return max(thread.status for thread in threads)
