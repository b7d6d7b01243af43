"""``runtail`` in an interpreter that has imported it: what is called often in a test starts in moments.

As a program it takes calls on stdin, one JSON object a line, and forks for each: the child goes on as the program does,
with its own arguments, environment and outputs. What an interpreter reads at its own start (``LC_ALL``, ``PYTHON*``, a
closed stdin) has no effect here; such calls need :data:`tests.support.command.PROGRAM`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.command import DEADLINE_SECONDS

ROOT = Path(__file__).resolve().parents[2]


class ForkedProgram:
    """Calls the program.

    :param directory: for the outputs.
    """

    def __init__(self, directory: Path) -> None:
        self._out, self._err = directory / "out", directory / "err"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )

    def call(
        self, arguments: Sequence[str | bytes], environment: Mapping[str, str | bytes]
    ) -> subprocess.CompletedProcess[bytes]:
        """Call the program, with nothing on stdin, and return what came of it."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        call = {
            "arguments": [os.fsencode(one).hex() for one in arguments],
            "environment": {name: os.fsencode(value).hex() for name, value in environment.items()},
            "outputs": [str(self._out), str(self._err)],
        }
        self._server.stdin.write(json.dumps(call).encode() + b"\n")
        self._server.stdin.flush()
        assert select.select([self._server.stdout], [], [], DEADLINE_SECONDS)[0], f"{arguments} did not end"
        status = int(self._server.stdout.readline())
        return subprocess.CompletedProcess(list(arguments), status, self._out.read_bytes(), self._err.read_bytes())

    def close(self) -> None:
        """End it, and with it the child of a call that did not end."""
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.communicate()


def _serve() -> bool:
    """Answer each call with its exit status; True in a child, which is to go on as the program."""
    for line in sys.stdin.buffer:
        call = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(call)
            return True
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()
    return False


def _become(call: Mapping[str, list[str] | dict[str, str]]) -> None:
    """Make this process what a shell would have started."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    opened = [os.open(os.devnull, os.O_RDONLY), *(os.open(path, flags, 0o600) for path in call["outputs"])]
    for number, descriptor in enumerate(opened):
        os.dup2(descriptor, number)
        os.close(descriptor)
    environment = call["environment"]
    assert isinstance(environment, dict)
    os.environb.clear()
    for name, value in environment.items():
        os.environb[name.encode()] = bytes.fromhex(value)
    sys.argv = ["runtail", *(os.fsdecode(bytes.fromhex(one)) for one in call["arguments"])]


if __name__ == "__main__":
    import http.client  # noqa: F401 - so that no child has to

    import runtail.cli.follow
    import runtail.cli.runs
    import runtail.cli.start
    import runtail.cli.tail
    import runtail.cli.tasks  # noqa: F401
    from runtail.__main__ import main

    if _serve():
        main()
