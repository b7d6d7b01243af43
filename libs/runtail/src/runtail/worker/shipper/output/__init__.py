"""A task's output on its way from the pipe to whole lines. Most of this is pure: no I/O.

===============  =====================================================================
``spool``        the memfd of a run, and the one budget for all spools
``journal``      the state that a successor needs, kept inside the spool
``processor``    spool bytes in, entries out; uses the parts below
``markers``      sequences and ``::group::`` lines become events
``lines``        whole lines, pieces of long ones (``pieces``), and the live line
``region``       rows that may still change: ``terminal`` moves through a ``screen``
                 of ``cells`` in a ``style``; ``history``: rows given out before
``live_line``    what a viewer sees of an unfinished line
``echo``         repeats output on the worker's own output; ``look_ahead_echo``:
                 while the store is away
===============  =====================================================================
"""
