"""The code in and beside a Celery worker: one folder for each kind of process.

::

    celery main ─┬─ pool process × N     descriptors 1 and 2 are the pipe of the run in hand
                 └─ keeper ── shipper ──► Redis

===================  ========================================================================
``celery_main``      Celery's main process: starts the keeper, ends cancelled runs
``task``             a pool process, while it executes a task: claim, redirect, run, report
``keeper``           holds every run's descriptors, so that runs survive the shipper's death
``shipper``          reads the pipes, and writes the logs into the store
===================  ========================================================================

The modules that they share are beside them:

===================  ========================================================================
``messages``         every message between them: its fields, its sender and its receiver
``channel``          sends messages, with descriptors, over a socket
``outbox``           messages that wait until the other end has read the earlier ones
``announcing``       a run's secrets, on their way from the task to the shipper
``procfs``           the process table
``subreaper``        processes that a task left behind
``celery_versions``  the differences between Celery 5.4 and 5.7, and the oldest version that works
===================  ========================================================================

The keeper runs without site-packages and has no store: everything that it imports, here and in ``runtail.logline``,
must need the standard library only.
"""
