"""The shipper: what a task writes, from its pipe into the run's log.

It is a process of its own beside the worker, started and restarted by the
keeper. The walk of one byte:

===============  ==============================================================
``reader.py``    the thread that reads; ``intake.py``: one run as it sees it
``spool.py``     the memfd of a run, and the one budget for all of them
``processor.py`` spool bytes in, entries out: the three below, and their state
``markers.py``   in-band sequences and ``::group::`` lines become events
``mask.py``      secrets become ``***``; ``encodings.py``: their forms;
                 ``needles.py``: looking for all of them at once
``lines.py``     whole lines, pieces of long ones, and the live line
``sender.py``    the thread that talks to the store
``shipping.py``  one run as it sees it: claim, batches;
                 ``cancelling.py``: wishes to end it; ``ending.py``: its end;
                 ``after.py``: until nothing of it can be lost
``late.py``      what processes write that outlive the run; ``holders.py``: all
                 of these together; ``served.py``: the secrets that they know
===============  ==============================================================

``run.py`` is what both threads share of a run. ``journal.py`` keeps, inside the
spool, what a successor needs to go on exactly where a killed shipper stopped.
``link.py`` is the socket to the keeper.
"""
