"""Runtail: the output of Celery tasks, live and whole, in the browser."""

__version__ = "0.1.0"
