"""What a task has written, on its way from the pipe to whole lines. Most of it is pure: no I/O.

===============  =====================================================================
``spool``        the memfd of a run, and the one budget for all of them
``journal``      what a successor needs, kept inside the spool
``processor``    spool bytes in, entries out, by the parts that follow
``markers``      sequences and ``::group::`` lines become events
``lines``        whole lines, pieces of long ones (``pieces``), and the live line
``region``       rows that may still change: ``terminal`` moves through a ``screen``
                 of ``cells`` in a ``style``; ``history`` is what was given out before
``live_line``    what a viewer sees of a line that is not finished
``echo``         output once more on the worker's own output; ``ahead``: while the
                 store is away
===============  =====================================================================
"""
