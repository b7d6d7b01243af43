"""The shipper's process: brings a task's output from its pipe into the run's log.

The keeper starts it, and restarts it. It has two threads: one never waits for the store, the other talks to it.

===================  ==================================================================
``pipe_reader``      the thread that reads; ``source``: one run as this thread sees it
``output``           from bytes to whole lines and events, with secrets masked
``sender``           the thread that talks to the store
``run_shipper``      one run as that thread sees it: claim (``claim_loop``), ``batches``
``cancel``           requests to end a run
``finish``           how a run ended (``run_outcome``; how its process ended: ``death``)
``after``            after the end, until nothing of the run can be lost
``late``             output of processes that outlive the run; ``holders``: all such
                     runs together; ``served``: the secrets that they know
``run``              what the two threads share about a run
``link``             the socket to the keeper
``context``          what all parts know of the worker and the store
``health``           the admin port
===================  ==================================================================
"""
