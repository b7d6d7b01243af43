"""``runtail dev``, which ``make run`` calls: the whole product on one machine.

plan        which processes to start, with which settings, on which ports
store       which server keeps runs and logs, and how to start it
processes   a child process, its output, its end
session     from the first start to the last end
watchdog    ends and removes everything left, even if ``runtail dev`` itself is killed
"""
