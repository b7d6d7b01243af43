"""The reference worker without Celery's own check of its connections, so that its connection can stall."""

from runtail import health
from runtail_worker.app import app

app.conf.broker_transport_options = {**app.conf.broker_transport_options, "health_check_interval": 0}
health.BROKER_SILENCE_SECONDS = 3.0

__all__ = ["app"]
