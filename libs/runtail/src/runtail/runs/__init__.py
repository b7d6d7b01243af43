"""Runs: their record, and the few things that can happen to a run.

===========  ==================================================================
``record``   the record as a typed object, and the summary for readers
``start``    make a run, publish its message, undo both if that fails
``claim``    claim a run for a worker
``cancel``   ask for a run's end
``listing``  lists of runs, tasks and workers
``ending``   end a run on behalf of a writer that cannot
``retention``  delete runs: one, the expired, the oldest over the budget
===========  ==================================================================
"""
