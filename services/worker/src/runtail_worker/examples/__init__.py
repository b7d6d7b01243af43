"""Examples for a first look: runs in every state, and the tasks that they are of.

Only ``runtail dev`` gives this package to its worker (``--include``); no other worker has these tasks.

stage      where a task performs: live, or in a recording that has its own clock
scripts    what the tasks print and how they fail
tasks      the tasks, with their parameters
past       which runs there were, and how long ago
recorded   brings a run of the past into the store, as a shipper would have done
filling    the tasks ``examples.fill`` and ``examples.remove``
"""

from runtail_worker.examples import filling, tasks

__all__ = ["filling", "tasks"]
