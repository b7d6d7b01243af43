"""Celery's own integration suite, run against a worker with Runtail and one without (``make test-celery``)."""
