"""A Celery app whose task sleeps and may be run again."""

import os
import time

from celery import Celery

import runtail

app = Celery("secret_naps", broker=os.environ["RUNTAIL_BROKER_URL"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
runtail.install(app)


@app.task(name="n.naps", runtail={"secrets": ["token"], "restart": True})
def naps(seconds: float, token: str = "") -> None:
    """Sleep."""
    print("good night")
    time.sleep(seconds)
