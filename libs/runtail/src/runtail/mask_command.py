"""``runtail mask``: a program that a task started announces a secret, which it writes to the standard input.

Workers need no extra for it, so it uses the standard library only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from runtail.masking.encodings import weakness
from runtail.worker import board
from runtail.worker.announcing import MAX_BYTES

USAGE = """\
Usage: runtail mask < FILE

Never store the text on standard input: from here on *** replaces it in the output of the run that started this program.
A text of several lines is also masked line by line. Arguments are refused: everybody on a machine can see them.
"""

_USAGE, _NOT_DONE = 2, 123


def main(arguments: Sequence[str]) -> int:
    """Announce the secret; return the exit status. Outside of a run nothing is done.

    :param arguments: the arguments after ``runtail mask``.
    """
    if list(arguments) in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return 0
    if arguments:
        sys.stderr.write(USAGE)
        return _USAGE
    secret = sys.stdin.buffer.read(MAX_BYTES)
    path = os.environ.get(board.VARIABLE)
    if not path or not secret.strip():
        return 0
    try:
        board.post(path, secret)
    except OSError as error:
        sys.stderr.write(f"runtail: the secret is not masked: {error.strerror or error}\n")
        return _NOT_DONE
    if flaw := weakness(secret):
        sys.stderr.write(f"runtail: {flaw}\n")
    return 0
