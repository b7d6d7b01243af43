"""Messages that a worker must not execute, with signatures and without: none is executed, each is counted, and the next
good one begins at once."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from celery import Celery

from runtail import header, sign
from runtail.metric_table import REJECTIONS
from runtail.runs.start import start
from runtail.settings import load_settings
from runtail.signature import signed
from tests.support.http_get import http_get
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.support.worker import Worker

KEY, OLD_KEY, FOREIGN_KEY = "k" * 32, "o" * 32, "f" * 32
TASK = "i.says"
LIMIT_BYTES = 50_000


class Guarded(Worker):
    """A worker that executes only signed messages."""

    def __init__(self, *args: Any, port: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self.port = port

    def rejected(self, reason: str = "") -> float:
        """How many messages it refused, for a reason or in all; -1 while it does not answer."""
        lines = http_get(f"http://127.0.0.1:{self.port}/metrics")[1].splitlines()
        found = [line for line in lines if line.startswith("runtail_worker_rejected_total{")]
        return sum(float(line.split()[-1]) for line in found if f'"{reason or ""}' in line) if found else -1.0

    def push(self, line: str | bytes) -> None:
        """Put a line on its queue, as anybody can who may write there."""
        self.broker.lpush(self.queue, line)

    @property
    def broker(self) -> redis.Redis:
        """Somebody who may do anything."""
        return redis.Redis.from_url(self.settings["broker_url"])

    def letters(self) -> list[dict[str, Any]]:
        """What is kept of refused messages, the newest first."""
        found: Any = self.store.client.lrange(self.store.keys.dead(), 0, -1)
        return [json.loads(one) for one in found]


def make(tmp: Any, redis_url: str, pool: str, **environment: str) -> Guarded:
    port = free_port()
    return Guarded(
        tmp,
        redis_url,
        port=port,
        app="tests.support.same_id_app",
        arguments=[f"--pool={pool}", "--concurrency=1"],
        environment={"TEST_BROKER": redis_url, "RUNTAIL_WORKER_ADMIN_PORT": str(port), **environment},
    )


@pytest.fixture(scope="module", params=["prefork", "solo"])
def worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Guarded]:
    environment = {
        "RUNTAIL_MESSAGE_KEYS": f"{KEY},{OLD_KEY}",
        "RUNTAIL_MESSAGES": "signed",
        "RUNTAIL_MAX_MESSAGE_BYTES": str(LIMIT_BYTES),
    }
    with make(tmp_path_factory.mktemp("refused"), redis_url, request.param, **environment) as made:
        yield made.wait_ready()


def message(worker: Worker, *, body: Any = None, **changes: Any) -> dict[str, Any]:
    """A message as kombu writes it to a list; it is not signed. ``changes`` are headers."""
    run_id = uuid.uuid4().hex
    written = body if isinstance(body, bytes) else json.dumps(body or [["forged"], {}, {}]).encode()
    return {
        "body": base64.b64encode(written).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": TASK, "id": run_id, "ignore_result": True, **changes},
        "properties": {
            "correlation_id": run_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": worker.queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def with_signature(
    worker: Worker, made: dict[str, Any], *, key: str = KEY, queue: str = "", **header_: Any
) -> dict[str, Any]:
    """The message, signed."""
    headers = made["headers"]
    headers["runtail"] = signed(
        key,
        {"v": 1, "run": "", **header_},
        task=headers["task"],
        task_id=headers["id"],
        queue=queue or worker.queue,
        sent_ms=int(time.time() * 1000),
        content_type=made["content-type"],
        body=base64.b64decode(made["body"]),
    )
    return made


def of_type(made: dict[str, Any], content_type: str, encoding: str = "binary") -> dict[str, Any]:
    made["content-type"], made["content-encoding"] = content_type, encoding
    return made


PICKLE = b"cos\nsystem\n(S'touch /tmp/executed'\ntR."
#: How it is made, and the reason that is counted.
HOSTILE: dict[str, tuple[Callable[[Worker], Any], str]] = {
    "pickle": (
        lambda w: with_signature(w, of_type(message(w, body=PICKLE), "application/x-python-serialize")),
        "content",
    ),
    "yaml": (
        lambda w: with_signature(w, of_type(message(w, body=b"- [x]\n- {}\n- {}\n"), "application/x-yaml")),
        "content",
    ),
    "msgpack": (
        lambda w: with_signature(w, of_type(message(w, body=b"\x93\x91\xa1x\x80\x80"), "application/x-msgpack")),
        "content",
    ),
    "pickle, not signed": (lambda w: of_type(message(w, body=PICKLE), "application/x-python-serialize"), "unsigned"),
    "unknown task": (lambda w: with_signature(w, message(w, task="os.system")), "task"),
    "unknown task, not signed": (lambda w: message(w, task="os.system"), "unsigned"),
    "huge": (lambda w: with_signature(w, message(w, body=[["x" * LIMIT_BYTES], {}, {}])), "size"),
    "not signed": (message, "unsigned"),
    "signed with another key": (lambda w: with_signature(w, message(w), key=FOREIGN_KEY), "signature"),
    "forged signature": (
        lambda w: message(w, runtail={"v": 1, "run": "", "queue": w.queue, "sig": "0" * 64}),
        "signature",
    ),
    "a signature that is not text": (lambda w: message(w, runtail={"v": 1, "run": "", "sig": {"a": [1]}}), "signature"),
    "other arguments": (
        lambda w: with_signature(w, message(w)) | {"body": base64.b64encode(b'[["other"], {}, {}]').decode()},
        "signature",
    ),
    "another task": (lambda w: changed(with_signature(w, message(w)), task="i.joins"), "signature"),
    "another id": (lambda w: changed(with_signature(w, message(w)), id="another"), "signature"),
    "another who": (lambda w: who_is(with_signature(w, message(w), who="ann"), "bob"), "signature"),
    "another queue": (lambda w: with_signature(w, message(w), queue="elsewhere"), "queue"),
    "not JSON": (lambda _: "this is not a message", "format"),
    "not UTF-8": (lambda _: b"\xff\xfe\x00{", "format"),
    "JSON, but no message": (lambda _: "[1, 2]", "format"),
    "no properties": (lambda _: {"body": "", "headers": {}}, "format"),
    "nested deeply": (lambda _: "[" * 100_000, "format"),
    "a task's name of another type": (lambda w: message(w, task=["i.says"]), "format"),
    "an id of another type, signed": (lambda w: with_signature(w, message(w, id=None)), "format"),
    "a broken body": (lambda w: with_signature(w, message(w, body=b"[[")), "content"),
}


def changed(made: dict[str, Any], **headers: Any) -> dict[str, Any]:
    made["headers"] |= headers
    return made


def who_is(made: dict[str, Any], who: str) -> dict[str, Any]:
    made["headers"]["runtail"]["who"] = who
    return made


def good(worker: Worker, **environment: str) -> tuple[str, float]:
    """Send a good message as a program with the key does; return its id and how long it took to begin."""
    app = Celery("producer", broker=worker.settings["broker_url"], set_as_current=False)
    sign(app, load_settings({"RUNTAIL_MESSAGE_KEYS": KEY, **environment}))
    began = time.monotonic()
    sent = app.send_task(TASK, args=("good",), queue=worker.queue, ignore_result=True)
    app.close()
    worker.wait_ended(sent.id)
    return str(sent.id), time.monotonic() - began


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_refused_and_counted_and_the_next_one_begins(worker: Guarded, name: str) -> None:
    how, reason = HOSTILE[name]
    made = how(worker)
    wait_for(lambda: worker.rejected() >= 0, 30)
    before, before_total = worker.rejected(reason), worker.rejected()
    worker.push(made if isinstance(made, str | bytes) else json.dumps(made))
    run_id, seconds = good(worker)
    assert worker.output(run_id) == b"good\n"
    # The figure is 5 s on a machine that does nothing else.
    assert seconds < 30, seconds
    wait_for(lambda: worker.rejected(reason) == before + 1, 20, lambda: worker.rejected(reason))
    assert worker.rejected() == before_total + 1
    refused = made["headers"]["id"] if isinstance(made, dict) and made["headers"].get("id") else None
    if refused:
        assert worker.find(refused) is None
    assert worker.process.is_running()
    # It went on with the connection that it had.
    assert "Connection to broker lost" not in worker.process.log_path.read_text()


def test_every_reason_is_tried() -> None:
    assert {reason for _, reason in HOSTILE.values()} == set(REJECTIONS)


def test_a_refused_message_is_kept_as_it_was(worker: Guarded) -> None:
    made = message(worker, body=[[{"runtail.sealed": "gAAAA"}], {}, {}])
    worker.push(json.dumps(made))

    def letters() -> list[dict[str, Any]]:
        return [one for one in worker.letters() if one.get("headers", {}).get("id") == made["headers"]["id"]]

    (letter,) = wait_for(letters, 20)
    assert json.loads(letter["body"]) == [[{"runtail.sealed": "gAAAA"}], {}, {}]
    assert (letter["worker"], letter["headers"]["task"]) == (worker.hostname, TASK)
    assert "RUNTAIL_MESSAGES=signed" in letter["why"]


def test_only_the_last_hundred_are_kept(worker: Guarded) -> None:
    before = worker.rejected()
    for _ in range(110):
        worker.push(json.dumps(message(worker)))
    wait_for(lambda: worker.rejected() == before + 110, 30, worker.rejected)
    wait_for(lambda: len(worker.letters()) == 100, 20, lambda: len(worker.letters()))


def test_a_run_whose_message_was_changed_ends_with_a_sentence(worker: Guarded) -> None:
    def publish(run_id: str, task: str, kwargs: Any, queue: str, headers: Any) -> None:
        made = message(worker, body=[[], {**kwargs}, {}], id=run_id, task=task)
        with_signature(worker, made, **headers["runtail"])
        made["body"] = base64.b64encode(json.dumps([[], {"word": "forged"}, {}]).encode()).decode()
        worker.push(json.dumps(made))

    task = {"name": TASK, "queue": worker.queue}
    run, _ = start(worker.store, publish, task=task, kwargs={"word": "said"}, who="ann")
    ended = worker.wait_ended(run.id)
    assert (ended.state, ended.text("why")) == (
        "failed",
        "not executed: the signature of its message is wrong: see RUNTAIL_MESSAGE_KEYS",
    )
    assert worker.output(run.id) == b""


def test_a_run_does_not_end_because_of_a_message_for_another_attempt(worker: Guarded) -> None:
    task = {"name": TASK, "queue": f"{worker.queue}-where-nobody-listens"}
    run, _ = start(worker.store, lambda *_: None, task=task, kwargs={"word": "said"})
    ours = header.make(worker.store.uuid(), run.id, 2, 1)["runtail"]
    before = worker.rejected("signature")
    worker.push(json.dumps(message(worker, id=run.id, runtail={**ours, "sig": "0" * 64})))
    wait_for(lambda: worker.rejected("signature") == before + 1, 20)
    good(worker)
    assert worker.run(run.id).state == "queued"


def test_an_older_key_is_accepted_and_who_is_believed(worker: Guarded) -> None:
    made = message(worker, body=[["old"], {}, {}])
    run_id = made["headers"]["id"]
    ours = header.make(worker.store.uuid(), run_id, 1, 1)["runtail"]
    worker.push(json.dumps(with_signature(worker, made, key=OLD_KEY, **ours, who="ann")))
    assert worker.wait_ended(run_id).text("who") == "ann"


def test_who_waits_for_an_unsigned_task_learns_why_it_was_refused(worker: Guarded) -> None:
    with pytest.raises(Exception, match="RUNTAIL_MESSAGES=signed"):
        worker.client.send_task(TASK, args=("plain",), queue=worker.queue).get(timeout=30)


def test_what_tasks_send_is_signed_and_so_are_retries(worker: Guarded) -> None:
    app = Celery("producer", broker=worker.settings["broker_url"], set_as_current=False)
    app.conf.update(result_backend=worker.settings["broker_url"])
    sign(app, load_settings({"RUNTAIL_MESSAGE_KEYS": KEY}))
    first = app.signature(TASK, args=("one",), queue=worker.queue)
    both = (first | app.signature("i.says", queue=worker.queue)).apply_async()
    assert both.get(timeout=60) == "one"
    app.close()


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Guarded]:
    """A worker that has keys and executes any message."""
    with make(tmp_path_factory.mktemp("any"), redis_url, "prefork", RUNTAIL_MESSAGE_KEYS=KEY) as made:
        yield made.wait_ready()


def test_by_default_unsigned_messages_are_executed_and_who_they_name_is_not_believed(trusting: Guarded) -> None:
    made = message(trusting, body=[["plain"], {}, {}])
    run_id = made["headers"]["id"]
    made["headers"]["runtail"] = {**header.make(trusting.store.uuid(), run_id, 1, 1)["runtail"], "who": "ann"}
    trusting.push(json.dumps(made))
    run = trusting.wait_ended(run_id)
    assert (run.state, run.text("who"), trusting.output(run_id)) == ("succeeded", "", b"plain\n")


def test_by_default_a_wrong_signature_is_refused(trusting: Guarded) -> None:
    before = wait_for(lambda: (seen := trusting.rejected("signature")) >= 0 and seen + 1, 20)
    made = with_signature(trusting, message(trusting), key=FOREIGN_KEY)
    trusting.push(json.dumps(made))
    wait_for(lambda: trusting.rejected("signature") == before, 20)
    assert trusting.find(made["headers"]["id"]) is None


def test_a_worker_without_keys_ignores_signatures(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> None:
    with make(tmp_path_factory.mktemp("none"), redis_url, "prefork") as worker:
        worker.wait_ready()
        made = with_signature(worker, message(worker, body=[["said"], {}, {}]), key=FOREIGN_KEY)
        worker.push(json.dumps(made))
        assert worker.wait_ended(made["headers"]["id"]).state == "succeeded"
        # A line that is no message does not end it either.
        worker.push("not JSON")
        run_id, _ = good(worker)
        assert worker.output(run_id) == b"good\n"


def test_a_worker_that_wants_signatures_without_a_key_does_not_start(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> None:
    with make(tmp_path_factory.mktemp("keyless"), redis_url, "prefork", RUNTAIL_MESSAGES="signed") as worker:
        wait_for(lambda: not worker.process.is_running(), 60, worker.evidence)
        assert "RUNTAIL_MESSAGES=signed needs RUNTAIL_MESSAGE_KEYS" in worker.evidence()
