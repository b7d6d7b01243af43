"""A Celery app whose tasks use their ids again."""

import json
import os
import time
from pathlib import Path
from typing import Any

from celery import Celery, chain, chord, group
from celery.exceptions import Reject
from celery.signals import worker_ready

import runtail

app = Celery("same_id_app", broker=os.environ["TEST_BROKER"], backend=os.environ["RUNTAIL_BROKER_URL"])
app.conf.update(
    task_default_queue=os.environ["TEST_QUEUE"],
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        **({"visibility_timeout": int(os.environ["TEST_VISIBILITY"])} if "TEST_VISIBILITY" in os.environ else {}),
        **(dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), os.environ["TEST_FOLDER"])
           if "TEST_FOLDER" in os.environ else {}),
    },
)  # fmt: skip
if os.environ.get("TEST_INSTALL", "1") == "1":
    runtail.install(app)


@app.task(name="i.says")
def says(word: str) -> str:
    print(word)
    return word


@app.task(name="i.joins")
def joins(words: list[str]) -> str:
    print("joined", *words)
    return "+".join(words)


@app.task(name="i.extends")
def extends(word: str, more: str) -> str:
    print(f"{word} and {more}")
    return word + more


@app.task(name="i.replaces", bind=True)
def replaces(self: Any, word: str, times: int = 1, *, lingers: float = 0.0) -> Any:
    print(f"{times} to go")
    left = says.si(word) if times == 1 else replaces.si(word, times - 1)
    try:
        return self.replace(left)
    finally:
        # The replacement is on its way, and this one is not over.
        time.sleep(lingers)


@app.task(name="i.replaces_with", bind=True)
def replaces_with(self: Any, kind: str, word: str) -> Any:
    print("before")
    three = [says.si(f"{word}{number}") for number in range(3)]
    kinds = {
        "chain": chain(says.si(word), extends.s("chained")),
        "group": group(three),
        "chord": chord(three, joins.s()),
    }
    return self.replace(kinds[kind])


@app.task(name="i.fails_then_replaces", bind=True, default_retry_delay=0.1, max_retries=2)
def fails_then_replaces(self: Any) -> Any:
    print("try", self.request.retries)
    if self.request.retries < 1:
        raise self.retry()
    return self.replace(flaky.si())


@app.task(name="i.flaky", bind=True, default_retry_delay=0.1, max_retries=2)
def flaky(self: Any) -> int:
    print("flaky", self.request.retries)
    if self.request.retries < 2:
        raise self.retry()
    return int(self.request.retries)


@app.task(name="i.goes_on", bind=True)
def goes_on(self: Any) -> str:
    try:
        self.replace(says.si("replaced"))
    except Exception:  # noqa: BLE001 - a task that takes no notice
        print("took no notice")
    return "went on"


@app.task(name="i.waits")
def waits(path: str, word: str = "") -> str:
    print("began", word, flush=True)
    deadline = time.monotonic() + 60
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    print("ended", word)
    return word


@app.task(name="i.waits_late", acks_late=True, reject_on_worker_lost=True)
def waits_late(path: str, word: str = "") -> str:
    return str(waits(path, word))


@app.task(name="i.alone", runtail={"exclusive": True})
def alone(path: str) -> str:
    return str(waits(path, "alone"))


@app.task(name="i.starts_itself_again", bind=True)
def starts_itself_again(self: Any, times: int) -> int:
    print("time", times)
    if times:
        self.apply_async((times - 1,), task_id=self.request.id)
    return times


@app.task(name="i.hands_headers_on", bind=True)
def hands_headers_on(self: Any) -> Any:
    return says.apply_async(("handed on",), headers=dict(self.request.headers or {})).id


@app.task(name="i.requeues", bind=True, acks_late=True)
def requeues(self: Any, path: str) -> str:
    print("sent back" if not Path(path).exists() else "done")
    if not Path(path).exists():
        Path(path).touch()
        raise Reject("not now", requeue=True)
    return "done"


@app.task(name="i.dies_once", acks_late=True, reject_on_worker_lost=True)
def dies_once(path: str) -> str:
    print("dying" if not Path(path).exists() else "living")
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), 9)
    return "lived"


@app.task(name="i.applies_a_chord")
def applies_a_chord(name: str, words: str, path: str = "") -> None:
    """Apply a chord whose tasks have ids of our choice, one of them an exclusive one if there is a path."""
    header = [says.s(word).set(task_id=f"{name}-{word}") for word in words]
    header += [alone.s(path).set(task_id=f"{name}-alone")] if path else []
    chord(header, joins.s().set(task_id=f"{name}-body")).apply_async()


@worker_ready.connect
def publish_here(**_: Any) -> None:
    """Publish what ``TEST_HERE`` names, ``[task, id, arguments, times]``, from the worker's own process.

    To a broker that lives in that process nobody else can publish. One message comes so many times.
    """
    wanted = json.loads(os.environ.get("TEST_HERE", "[]"))
    for name, task_id, arguments, _times in wanted:
        app.send_task(name, arguments, task_id=task_id)
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        messages = [channel._get(app.conf.task_default_queue) for _ in wanted]  # noqa: SLF001 (kombu's)
        for message, (*_task, times) in zip(messages, wanted, strict=True):
            for _time in range(times):
                channel._put(app.conf.task_default_queue, message)  # noqa: SLF001 (kombu's)
