"""The names of everything Runtail keeps in Redis, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Key and channel names under one prefix.

    :param prefix: put before every name, so that several installations (or
        tests) can share a server.
    """

    prefix: str = "runtail:"

    def store(self) -> str:
        """Return the key of a string: a uuid made once per data set. Another value means an emptied store."""
        return f"{self.prefix}store"

    def run(self, run_id: str) -> str:
        """Hash: the run's record. An id that is used again names the newest execution, ``<id>~<n>`` the n-th."""
        return f"{self.prefix}run:{run_id}"

    def log(self, run_id: str) -> str:
        """Stream: the run's log, ids ``<attempt>-<seq>``."""
        return f"{self.prefix}log:{run_id}"

    def deleted(self, run_id: str) -> str:
        """Return the key of a string with a TTL: the number of the id's execution that was deleted.

        A record that is missing without it was rolled back.
        """
        return f"{self.prefix}deleted:{run_id}"

    def runs(self) -> str:
        """Sorted set of all run ids by creation time (ms)."""
        return f"{self.prefix}runs"

    def running(self) -> str:
        """Set of run ids in state ``running``."""
        return f"{self.prefix}running"

    def queued(self) -> str:
        """Sorted set of run ids in state ``queued`` by the time since when (ms)."""
        return f"{self.prefix}queued"

    def finished(self) -> str:
        """Sorted set of ended run ids by the time they ended (ms)."""
        return f"{self.prefix}finished"

    def finished_sizes(self) -> str:
        """Hash of ended run id to the memory that the run takes, indexes included."""
        return f"{self.prefix}finished:sizes"

    def finished_bytes(self) -> str:
        """Integer: the sum of :meth:`finished_sizes`."""
        return f"{self.prefix}finished:bytes"

    def idempotency(self, key: str) -> str:
        """Return the key of a string: the run that a start request with this idempotency key created."""
        return f"{self.prefix}idem:{key}"

    def exclusive(self, task: str) -> str:
        """Return the key of a string: the id of the run that holds an exclusive task."""
        return f"{self.prefix}exclusive:{task}"

    def notifications(self, run_id: str) -> str:
        """Channel: a notification whenever the record or the log of the run has changed."""
        return f"{self.prefix}bell:{run_id}"

    def list_notifications(self) -> str:
        """Channel: the id of each run whose state has changed."""
        return f"{self.prefix}bells"

    def tasks(self) -> str:
        """Hash of task name to its catalogue entry (JSON)."""
        return f"{self.prefix}tasks"

    def unrecorded(self) -> str:
        """Hash of task name to why workers do not record it."""
        return f"{self.prefix}tasks:unrecorded"

    def worker(self, name: str) -> str:
        """Return the key of a string with a TTL: a live worker's description of itself (JSON)."""
        return f"{self.prefix}worker:{name}"

    def workers(self) -> str:
        """Sorted set of worker names by the time they last spoke (ms)."""
        return f"{self.prefix}workers"

    def lock(self, name: str) -> str:
        """Return the key of a string with a TTL: held by the one process that does a job."""
        return f"{self.prefix}lock:{name}"
