"""An app whose task does what a script says, so that a test shows what it does to its process."""

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
runtail.install(app)
#: What scripts leave behind for later ones.
kept: dict[str, Any] = {}


def _run(script: str) -> Any:
    names: dict[str, Any] = {"kept": kept, "runtail": runtail, "__name__": "script"}
    exec(compile(textwrap.dedent(script), "<script>", "exec"), names)
    return names.get("result")


@app.task(name="script")
def script(source: str) -> Any:
    return _run(source)


@app.task(name="script.options_that_are_none", runtail="record it, please")
def options_that_are_none(source: str) -> Any:
    return _run(source)


@app.task(name="script.attempts_that_are_no_number", runtail={"max_attempts": "many"})
def attempts_that_are_no_number(source: str) -> Any:
    return _run(source)


@app.task(name="script.secrets_that_are_no_list", runtail={"secrets": 5})
def secrets_that_are_no_list(source: str) -> Any:
    return _run(source)
