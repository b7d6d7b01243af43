"""What ``runtail dev`` starts: its worker has the examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from runtail.errors import RunEnded
from runtail.runs.cancel import cancel
from runtail.runs.listing import list_page
from runtail.runs.record import Run
from tests.support.stack import Stack


class Examples(Stack):
    """The whole product with the examples' tasks. Runs that go on are cancelled at the end of the ``with``."""

    def __init__(self, directory: Path, redis_url: str, **settings: Any) -> None:
        super().__init__(
            directory, redis_url, app="runtail_worker.app", concurrency=4, cancel_grace_seconds=1, acl=False,
            worker_options={"arguments": ["--include", "runtail_worker.examples"], "cwd": directory}, **settings,
        )  # fmt: skip
        if "socket" in self._services:
            self.web.configure(socket_url=self.relay.url)
            self.relay.configure(allowed_origins=self.web.url)

    def __exit__(self, *error: object) -> None:
        for run in self.listed():
            try:
                cancel(self.store, run.id)
            except RunEnded:
                continue
        super().__exit__(*error)

    def listed(self) -> list[Run]:
        """All runs, the newest first."""
        return list_page(self.store, limit=200).runs

    def fill(self) -> Self:
        """Make the examples."""
        filled = self.wait_ended(self.start("examples.fill"))
        assert filled.state == "succeeded", self.output(filled.id).decode()
        return self
