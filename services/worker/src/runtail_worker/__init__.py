"""Runtail's reference worker: a Celery app with the demo tasks."""

__version__ = "0.1.0"
