"""An app that uses much of Celery, with Runtail (``TEST_INSTALL=1``) or without."""

import os
import time
from typing import Any

from celery import Celery, Task
from celery.exceptions import Reject, SoftTimeLimitExceeded

import runtail

app = Celery("sample_app", broker=os.environ["RUNTAIL_BROKER_URL"], backend=os.environ["RUNTAIL_BROKER_URL"])
app.conf.update(
    task_default_queue=os.environ["TEST_QUEUE"],
    result_extended=True,
    broker_connection_retry_on_startup=True,
)


class Recorder(Task):
    """A base that does something at every step, as many projects' do."""

    steps: list[str]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.steps = [*getattr(self, "steps", []), "called"]
        return self.run(*args, **kwargs)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        print("before start")
        self.steps = ["before"]

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        print("on success")


@app.task(name="s.add")
def add(x: int, y: int) -> int:
    print(f"{x} + {y}")
    return x + y


@app.task(name="s.total")
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task(name="s.flaky", bind=True, autoretry_for=(ValueError,), retry_backoff=False, default_retry_delay=0.05)
def flaky(self: Any, times: int) -> list[int]:
    if self.request.retries < times:
        raise ValueError("again")
    return [self.request.retries, times]


@app.task(name="s.never", autoretry_for=(ValueError,), max_retries=1, default_retry_delay=0.05)
def never() -> None:
    raise ValueError("always")


@app.task(name="s.late", acks_late=True, reject_on_worker_lost=True)
def late(x: int) -> int:
    return x * 2


@app.task(name="s.when")
def when() -> float:
    return time.time()


@app.task(name="s.based", base=Recorder, bind=True)
def based(self: Any) -> list[str]:
    steps: list[str] = self.steps
    return steps


@app.task(name="s.bound", bind=True)
def bound(self: Any, *args: int, **kwargs: int) -> list[Any]:
    return [self.name, self.request.retries, self.request.called_directly, list(args), kwargs]


@app.task(name="s.soft", soft_time_limit=1)
def soft() -> str:
    try:
        time.sleep(30)
    except SoftTimeLimitExceeded:
        return "stopped softly"
    return "not stopped"


@app.task(name="s.fails")
def fails() -> None:
    raise KeyError("missing")


@app.task(name="s.rejects")
def rejects() -> None:
    raise Reject("no", requeue=False)


@app.task(name="s.exits")
def exits() -> None:
    raise SystemExit(3)


@app.task(name="s.nested")
def nested() -> int:
    return int(add(1, 2)) + int(add.apply(args=(3, 4)).get(disable_sync_subtasks=False))


if os.environ.get("TEST_INSTALL") == "1":
    runtail.install(app)
