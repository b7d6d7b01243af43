"""Runs: their record, and the few things that may happen to one.

===========  ==================================================================
``record``   the record as a typed object, and the summary that readers get
``start``    make a run, publish its message, undo both if that fails
``claim``    a worker asks to run it
``cancel``   somebody wants it to end
``listing``  lists of runs, tasks and workers
``ending``   end a run on behalf of a writer that cannot
``retention``  delete runs: one, the expired, the oldest over the budget
===========  ==================================================================
"""
