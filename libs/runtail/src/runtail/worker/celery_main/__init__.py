"""In Celery's main process: ``supervisor`` starts the keeper, watches it and ends cancelled runs.

``fd_backup`` has duplicates of the descriptors that the keeper holds, ``kill_tree`` ends all processes of a run,
``celery_state`` asks Celery about a task whose process is gone, and ``solo`` handles SIGQUIT where this process
executes the tasks itself.
"""
