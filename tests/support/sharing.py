"""Runs with lines that guests may see and lines that they may not, and share links to them."""

from __future__ import annotations

from typing import Any

import httpx
import orjson

from runtail.log.writer import LogWriter
from tests.support.installation import Installation
from tests.support.runs import finish, open_run

#: Stands in everything about a run that a guest must not learn.
CANARY = "canary-outside"


def hidden_run(installation: Installation, run_id: str, *, over: bool = True) -> LogWriter:
    """Make a run of 20 lines in two entries, of which 8 to 13 may be shown; all else has the canary."""
    writer = open_run(installation.store, run_id, task="build.web")
    installation.store.client.hset(
        installation.store.keys.run(run_id),
        mapping={
            "kwargs": orjson.dumps({"of": CANARY}),
            "who": CANARY,
            "who_id": "user:ann",
            "worker": f"{CANARY}@worker",
            "queue": CANARY,
            "why": CANARY,
            "retry_of": CANARY,
        },
    )
    for first in (1, 11):
        texts = [f"line {n}" if 8 <= n <= 13 else f"\x1b[31m{CANARY} {n}" for n in range(first, first + 10)]
        writer.add("o", "".join(f"{text}\n" for text in texts).encode(), 1_764_000_000_000)
        writer.flush()
    if over:
        finish(writer, why=CANARY)
    return writer


#: What a guest of these lines sees.
SHOWN = "".join(f"line {n}\n" for n in range(8, 14))


def make(client: httpx.Client, run_id: str, **body: Any) -> dict[str, Any]:
    """Make a share link; return the answer."""
    answer = client.post(f"/api/v1/runs/{run_id}/shares", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def open_link(client: httpx.Client, made: dict[str, Any], secret: str = "") -> httpx.Response:
    """Open a link as its page does, with its own secret or another one."""
    path, _, found = made["address"].partition("#")
    return client.post(f"/api/v1/shares/{path.removeprefix('/s/')}/open", json={"secret": secret or found})


def bearer(made: dict[str, Any]) -> dict[str, str]:
    """Return the header with which a program shows a link."""
    return {"Authorization": f"Bearer {made['token']}"}
