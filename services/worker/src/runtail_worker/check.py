"""A task for those who check an installation: short, harmless, and any number may run at once."""

from __future__ import annotations

import time

from runtail_worker.app import app


@app.task(name="runtail.check")
def check(lines: int = 10, seconds: float = 1.0) -> None:
    """Print some lines, to see that this installation records and shows them.

    :param lines: How many.
    :param seconds: How long it takes.
    """
    for number in range(1, lines + 1):
        print(f"Check line {number} of {lines}", flush=True)
        time.sleep(seconds / lines)
