"""In a pool process, around one execution of a task.

``trace`` is the hook that Celery calls. ``execution`` does everything for one run, step by step: ``redirect`` points
descriptors 1 and 2 at the run's pipe, ``streams`` prepares Python's and C's streams for it, ``threads`` knows
which run a thread prints for, and ``celery_log`` keeps Celery's own log lines out. ``current`` says which run this
process is in.

``arguments``, ``environment``, ``delivery`` and ``outcome`` find out what to record: the call's arguments, the
environment's secrets, which publication the message is, and how the task ended. ``terminal`` copies the output of
a command that has a terminal of its own.
"""
