"""The names of all keys and channels that Runtail uses in Redis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Key and channel names under one prefix.

    :param prefix: put before every name so that several installations (or
        tests) can share a server.
    """

    prefix: str = "runtail:"

    def store(self) -> str:
        """Return the key of a string: a uuid made once per data set. A different value means an emptied store."""
        return f"{self.prefix}store"

    def run(self, run_id: str) -> str:
        """Hash: the run's record. A reused id names its newest execution, and ``<id>~<n>`` the n-th execution."""
        return f"{self.prefix}run:{run_id}"

    def log(self, run_id: str) -> str:
        """Stream: the run's log, ids ``<attempt>-<seq>``."""
        return f"{self.prefix}log:{run_id}"

    def deleted(self, run_id: str) -> str:
        """Return the key of a string with a TTL: the number of the id's deleted execution.

        A record that is missing without this key was rolled back.
        """
        return f"{self.prefix}deleted:{run_id}"

    def runs(self) -> str:
        """Sorted set of all run ids by creation time (ms)."""
        return f"{self.prefix}runs"

    def running(self) -> str:
        """Set of run ids in state ``running``."""
        return f"{self.prefix}running"

    def queued(self) -> str:
        """Sorted set of run ids in state ``queued`` by the time they entered it (ms)."""
        return f"{self.prefix}queued"

    def finished(self) -> str:
        """Sorted set of the ids of ended runs by the time they ended (ms)."""
        return f"{self.prefix}finished"

    def finished_sizes(self) -> str:
        """Hash of an ended run's id to the memory that the run takes, indexes included."""
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
        """Channel: a notification whenever the run's record or log has changed."""
        return f"{self.prefix}bell:{run_id}"

    def list_notifications(self) -> str:
        """Channel: the id of each run whose state has changed."""
        return f"{self.prefix}bells"

    def tasks(self) -> str:
        """Hash of task name to its catalogue entry (JSON)."""
        return f"{self.prefix}tasks"

    def unrecorded(self) -> str:
        """Hash of task name to the reason why workers do not record the task."""
        return f"{self.prefix}tasks:unrecorded"

    def worker(self, name: str) -> str:
        """Return the key of a string with a TTL: a live worker's description of itself (JSON)."""
        return f"{self.prefix}worker:{name}"

    def workers(self) -> str:
        """Sorted set of worker names by the time they last reported (ms)."""
        return f"{self.prefix}workers"

    def lock(self, name: str) -> str:
        """Return the key of a string with a TTL: the lock of the one process that does a job."""
        return f"{self.prefix}lock:{name}"
