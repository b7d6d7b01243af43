"""An app whose task does what a script says, so that a test shows what it does to its process."""

import json
import os
import textwrap
from typing import Any

from celery import Celery

import runtail

app = Celery("script_app", broker=os.environ["TEST_BROKER_URL"], backend=os.environ["TEST_BROKER_URL"])
app.conf.update(
    task_default_queue=os.environ["TEST_QUEUE"],
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    worker_redirect_stdouts=os.environ.get("TEST_REDIRECT_STDOUTS", "1") == "1",
)
app.conf.update(json.loads(os.environ.get("TEST_CONF", "{}")))
runtail.install(app)
#: What scripts leave behind for later ones.
kept: dict[str, Any] = {}


def run(script: str) -> Any:
    """Do what a script says; its ``result`` is the task's."""
    names: dict[str, Any] = {"kept": kept, "runtail": runtail, "__name__": "script"}
    exec(compile(textwrap.dedent(script), "<script>", "exec"), names)
    return names.get("result")


@app.task(name="script")
def script(source: str) -> Any:
    return run(source)
