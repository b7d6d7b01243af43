"""``runtail dev``, which ``make run`` calls: the whole product on one machine.

plan        what is started, with which settings, on which ports
store       which server keeps runs and logs, and how it is started
processes   a child process, its output, its end
session     from the first start to the last end
watchdog    ends and removes what is left, also when ``runtail dev`` itself is killed
"""
