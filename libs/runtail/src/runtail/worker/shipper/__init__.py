"""The shipper's process: what a task writes, from its pipe into the run's log.

It is started, and started again, by the keeper. Two threads: one never waits for the store, the other talks to it.

===================  ==================================================================
``pipe_reader``      the thread that reads; ``source``: one run as it sees it
``output``           from bytes to whole lines, events and what is masked
``sender``           the thread that talks to the store
``run_shipper``      one run as it sees it: claim (``claim_loop``), ``batches``
``cancel``           requests to end a run
``finish``           how a run ended (``run_outcome``; its process: ``death``)
``after``            until nothing of it can be lost
``late``             what processes write that outlive the run; ``holders``: all of
                     these together; ``served``: the secrets that they know
``run``              what both threads share of a run
``link``             the socket to the keeper
``context``          what all of them know of the worker and the store
``health``           the admin port
===================  ==================================================================
"""
