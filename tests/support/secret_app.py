"""A Celery app whose tasks give their secrets away in every way there is."""

import base64
import hashlib
import json
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from typing import Any

from celery import Celery
from celery.app import trace
from celery.utils.log import get_task_logger

import runtail
from runtail.author import warning
from tests.support.secrets_known import BY_DEFAULT, SCHEDULED

app = Celery("secret_app", broker=os.environ["RUNTAIL_BROKER_URL"])
app.conf.update(
    task_default_queue=os.environ.get("TEST_QUEUE", "celery"),
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    beat_schedule_filename=os.environ.get("TEST_BEAT_FILE", "celerybeat-schedule"),
    beat_schedule={"give away": {"task": "s.gives_away", "schedule": 1.0, "kwargs": SCHEDULED}},
)
runtail.install(app)
if os.environ.get("TEST_NAMES_ARGUMENTS"):
    # As somebody does who wants to see what a worker receives.
    trace.LOG_RECEIVED = "Task %(name)s[%(id)s] received with %(args)s %(kwargs)s"
log = get_task_logger(__name__)


def _say_all(*values: Any) -> None:
    for value in values:
        print("plain", value, repr(value), json.dumps(value))
        print(base64.b64encode(f"user:{value}".encode()).decode(), str(value).encode().hex(), file=sys.stderr)
        log.warning("logged %s", value)
        logging.getLogger("other").error("logged %r", value)
        with runtail.section(f"Section {value}"):
            runtail.progress(0.5, f"at {value}")
        warning(f"careful {value}")
        print(f"::group::{value}\n::endgroup::")
        subprocess.run(["/bin/sh", "-c", 'echo "$WHAT"'], env={**os.environ, "WHAT": str(value)}, check=True)
        sys.stdout.write(f"unfinished {value}")
        sys.stdout.flush()
        print()


@app.task(
    name="s.gives_away",
    bind=True,
    max_retries=1,
    default_retry_delay=0,
    runtail={"secrets": ["token", "pin", "options", "words"], "restart": True},
)
def gives_away(
    self: Any, token: str, pin: int = 0, options: Any = None, words: Any = (BY_DEFAULT,), note: str = "", end: str = ""
) -> str:
    """Give away all that it knows, and end in one of several ways."""
    everything = [token, pin, *(options or {"": [""]}).get("deep", []), *words]
    _say_all(*everything)
    text = " ".join(map(str, everything))
    if end == "again" and self.request.retries == 0:
        raise self.retry()
    if end == "retry" and self.request.retries == 0:
        raise self.retry(exc=ValueError(f"again {text}"))
    if end in ("exit", "again"):
        sys.exit(f"bye {text}")
    if end in ("", "retry"):
        raise ValueError(f"{text} {note}")
    return text


@app.task(name="s.takes", bind=True, runtail={"record": False})
def takes(self: Any, token: str) -> str:
    """Say what it was given, unrecorded: a digest of it, and what the request has of it."""
    shown = json.dumps([self.request.args, self.request.kwargs])
    print(f"took {hashlib.sha256(token.encode()).hexdigest()} {shown}", flush=True)
    return ""


@app.task(name="s.announces")
def announces(secrets: int, seed: str) -> None:
    """Announce one secret after the other and print it, to both outputs, through every kind of writer."""
    for number in range(secrets):
        secret = f"{seed}-{number:04d}-{number * 7919:x}"
        runtail.mask(secret)
        os.write(1 + number % 2, f"{number} {secret}\n".encode())


@app.task(name="s.in_threads_and_forks")
def in_threads_and_forks(seed: str) -> None:
    """The same in several threads, and in processes that were forked from this one."""

    def announce(name: str) -> None:
        for number in range(50):
            secret = f"{seed}-{name}-{number * 104729:x}"
            runtail.mask(secret)
            os.write(1, f"{name} {number} {secret}\n".encode())

    workers: list[Any] = [threading.Thread(target=announce, args=(f"thread-{n}",)) for n in range(4)]
    # Celery's pool processes are daemons, which multiprocessing lets have no children.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]  # noqa: SLF001 (billiard's)
    context = multiprocessing.get_context("fork")
    workers += [context.Process(target=announce, args=(f"fork-{n}",)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


@app.task(name="s.large")
def large(size: int, seed: str) -> None:
    """Announce a secret of one long line and print it."""
    secret = (seed * (size // len(seed) + 1))[:size]
    runtail.mask(secret)
    print("before")
    os.write(1, secret.encode() + b"\n")
    print("after")


@app.task(name="s.prints")
def prints(secrets: list[str], lines: list[str], turns: int = 1) -> None:
    """Announce secrets, and print lines by turns to both outputs."""
    for secret in secrets:
        runtail.mask(secret)
    for _ in range(turns):
        for number, line in enumerate(lines):
            os.write(1 + number % 2, line.encode() + b"\n")


@app.task(name="s.runs_a_program")
def runs_a_program(seed: str, turns: int) -> None:
    """Start programs that announce what they print; the last one fails, and its output is in the exception's text."""
    script = """
        set -eu
        i=0
        while [ $i -lt $2 ]; do
            secret=$1-$i-$((i * 7919))
            printf %s "$secret" | "$PYTHON" -m runtail mask
            echo "$i $secret"
            i=$((i + 1))
        done
    """
    argv = ["/bin/sh", "-c", script, "sh"]
    environment = {**os.environ, "PYTHON": sys.executable}
    runtail.sh([*argv, f"{seed}a", str(turns)], env=environment)
    found = subprocess.run([*argv, f"{seed}b", "1"], env=environment, check=True, capture_output=True, text=True)
    raise ValueError(found.stdout)


@app.task(name="s.environment")
def environment(names: list[str]) -> None:
    """What ``env`` prints."""
    for name in names:
        print(f"{name}={os.environ[name]}")
    subprocess.run(["/usr/bin/env"], check=True)
