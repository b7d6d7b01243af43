"""Capturing what a task writes, outside of its process.

supervisor   Celery's main process: starts the keeper, ends cancelled trees
deposits     duplicates in Celery's main process of what the keeper holds
keeper       a process of its own: holds every run's descriptors, starts the shipper;
             its loop is in keeping, one run's descriptors in kept, the shipper's
             life in shipperprocess, messages that wait in outbox
trace        the hook around a task: claim, redirect, run, restore, report
child        what a pool child does for one run, step by step
descriptors  pipes and saved file descriptors
streams      Python's and C's streams on top of them
threads      which run a thread prints for
terminal     what a command writes on a terminal
contained    our own failures, logged and survived
celery_versions  what differs between Celery 5.4 and 5.7, and what is too old
celerylog    keeps Celery's own log lines out of a run
arguments    a call's arguments as JSON
environment  secrets among the worker's variables
announcing   telling the shipper what to mask
outcome      what Celery's result means for the run
cancel       finding and ending all processes of a run
orphans      processes a run left behind
door         messages and descriptors over a socket
solo         SIGQUIT under the solo pool
context      which run this process is in
"""
