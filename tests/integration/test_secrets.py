"""Secrets of a run that its task gives away: nothing of them is kept anywhere."""

from __future__ import annotations

import contextlib
import json
import random
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.support.masked_output import AWKWARD, FORMS, masked_by_hand, shown
from tests.support.relay import Follower
from tests.support.services import Service
from tests.support.waiting import wait_for
from tests.support.worker import Worker

APP = "tests.support.secret_app"
SEED = "Xq7-Lm2"


def worker_of(directory: Path, redis_url: str, **environment: str) -> Worker:
    return Worker(directory, redis_url, app=APP, environment={**environment})


def announced(output: bytes, seed: str, secrets: int) -> None:
    """Every line came, and of no secret anything but its number."""
    assert seed.encode() not in output
    assert sorted(output.splitlines()) == sorted(b"%d ***" % number for number in range(secrets))


@pytest.mark.parametrize("split", ["off", "on"])
def test_a_secret_is_known_before_it_is_printed_through_whichever_pipe(
    tmp_path: Path, redis_url: str, split: str
) -> None:
    with worker_of(tmp_path, redis_url, RUNTAIL_SPLIT=split) as worker:
        worker.wait_ready()
        for turn in range(3):
            run, output = worker.do("s.announces", 400, f"{SEED}{turn}")
            announced(output, SEED, 400)
            assert run.number("masked") == 400
        assert SEED not in worker.process.output()


def test_threads_and_forked_processes_announce_as_well(tmp_path: Path, redis_url: str) -> None:
    with worker_of(tmp_path, redis_url, RUNTAIL_SPLIT="on") as worker:
        worker.wait_ready()
        run, output = worker.do("s.in_threads_and_forks", SEED)
        assert run.state == "succeeded", worker.process.evidence()
        assert SEED.encode() not in output
        assert output.count(b"***\n") == output.count(b"\n") == 350


def test_programs_in_other_languages_announce_as_well(tmp_path: Path, redis_url: str) -> None:
    with worker_of(tmp_path, redis_url) as worker:
        worker.wait_ready()
        run, output = worker.do("s.runs_a_program", SEED, 8)
        lines = output.decode().splitlines()
        assert lines[:8] == [f"{number} ***" for number in range(8)]
        # What the last one printed went into an exception, which Celery logs.
        assert lines[-2:] == ["ValueError: 0 ***", ""] or lines[-1] == "ValueError: 0 ***"
        assert run.text("why").startswith("ValueError: 0 ***")
        assert SEED not in worker.process.output()
        assert "raised unexpected: ValueError('0 ***" in worker.process.output()


def all_forms(seed: int) -> tuple[list[str], list[str]]:
    """Secrets, and lines that have each of them in each form."""
    pick = random.Random(seed)
    alphabet = AWKWARD.replace("\u2028", "")
    secrets = ["".join(pick.choices(alphabet, k=pick.randrange(8, 24))).strip() + "-end" for _ in range(12)]
    secrets += ["".join(pick.choices("abcdefXYZ0189_-", k=pick.randrange(8, 40))) for _ in range(12)]
    lines = [f"{form}: {shown(secret, form).decode()} ." for secret in secrets for form in FORMS]
    pick.shuffle(lines)
    return secrets, lines


@pytest.mark.parametrize("split", ["off", "on"])
def test_every_form_is_masked_in_store_frames_echo_and_log(tmp_path: Path, redis_url: str, split: str) -> None:
    secrets, lines = all_forms(7)
    encoded = [secret.encode() for secret in secrets]
    expected = [masked_by_hand(line.encode(), encoded) for line in lines]
    with (
        worker_of(tmp_path, redis_url, RUNTAIL_SPLIT=split) as worker,
        Service("socket", tmp_path, worker.settings) as relay,
    ):
        worker.wait_ready()
        run_id = worker.send("s.prints", secrets, lines)
        worker.wait_ended(run_id)
        follower = Follower(run_id)
        follower.connect(relay.url)
        follower.until_end(60)
        stored = worker.output(run_id).splitlines()
        follower.close()
        echoed = set(worker.process.log_path.read_bytes().splitlines())
    if split == "off":
        assert stored == expected
    else:
        assert sorted(stored) == sorted(expected)
    assert follower.lines == stored
    # Among what Celery says itself.
    assert not [line for line in expected if line not in echoed]
    assert not [secret for secret in encoded if any(secret in line for line in echoed)]


@pytest.mark.parametrize("size", [10_000, 100_000, 1 << 20])
def test_a_secret_of_any_size_is_masked(tmp_path: Path, redis_url: str, size: int) -> None:
    with worker_of(tmp_path, redis_url) as worker:
        worker.wait_ready()
        _, output = worker.do("s.large", size, "0123456789abcdef-Zz")
        assert output == b"before\n***\nafter\n"


@pytest.mark.parametrize("victim", ["shipper", "keeper", "both"])
def test_no_death_of_shipper_or_keeper_forgets_a_secret(tmp_path: Path, redis_url: str, victim: str) -> None:
    with worker_of(tmp_path, redis_url, RUNTAIL_SPLIT="on") as worker:
        worker.wait_ready()
        run_id = worker.send("s.announces", 12_000, SEED)
        worker.wait_output(run_id, b"100 ***\n")
        for _ in range(8):
            for process in {"shipper": [worker.shipper()], "keeper": [worker.keeper()]}.get(
                victim, [worker.shipper(), worker.keeper()]
            ):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
            time.sleep(0.15)
        worker.wait_ended(run_id)
        announced(worker.output(run_id), SEED, 12_000)
        assert SEED not in worker.process.output()


def test_while_the_shipper_stands_still_nothing_waits_and_nothing_leaks(tmp_path: Path, redis_url: str) -> None:
    with worker_of(tmp_path, redis_url) as worker:
        worker.wait_ready()
        shipper = worker.shipper()
        run_id = worker.send("s.announces", 2_000, SEED)
        worker.wait_output(run_id, b"0 ***\n")
        shipper.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        shipper.send_signal(signal.SIGKILL)
        worker.wait_ended(run_id)
        announced(worker.output(run_id), SEED, 2_000)


def test_passwords_of_the_environment_are_masked(tmp_path: Path, redis_url: str) -> None:
    environment = {
        "DB_PASSWORD": "Pw-of-the-db-1",
        "deploy_token": "small-letters-T0k",
        "CACHE_URL": "redis://:p%40ss-in-url@cache.example:6379/0",
        "REPO": "https://ghp_token123@git.example/x.git, https://ann:other-pw-9@git.example/y.git",
        "SHORT_KEY": "k7q",
        "TINY_SECRET": "ab",
        "USE_TOKEN": "true",
        "HARMLESS": "stays-as-it-is",
    }
    secrets = ("Pw-of-the-db-1", "small-letters-T0k", "p%40ss-in-url", "ghp_token123", "other-pw-9", "k7q")
    with worker_of(tmp_path, redis_url, **environment) as worker:
        worker.wait_ready()
        for _ in range(2):
            run, output = worker.do("s.environment", list(environment))
            text = output.decode()
            assert not [secret for secret in secrets if secret in text], text
            assert "CACHE_URL=redis://:***@cache.example:6379/0\n" in text
            assert "REPO=https://***@git.example/x.git, https://ann:***@git.example/y.git\n" in text
            assert "HARMLESS=stays-as-it-is\nTINY" not in text
            assert "HARMLESS=stays-as-it-is\n" in text
            assert "TINY_SECRET=ab\n" in text
            assert "USE_TOKEN=true\n" in text
        log = worker.process.output()
        assert not [secret for secret in secrets if secret in log]
        # Said once, by name.
        for name in ("SHORT_KEY", "TINY_SECRET", "USE_TOKEN"):
            assert 1 <= log.count(f"the variable {name}: ") <= 2, "once for each process of the pool"
        run, _ = worker.do("s.gives_away", token="x" * 8, note="the db has Pw-of-the-db-1", end="return")
        assert run.json("kwargs") == {"token": "***", "note": "the db has ***", "end": "return"}


def test_patterns_can_be_changed_and_turned_off(tmp_path: Path, redis_url: str) -> None:
    environment = {"MY_PHRASE": "a-phrase-of-mine", "DB_PASSWORD": "Pw-of-the-db-1", "URL": "http://:url-password@x"}
    for patterns, hidden in (("*_PHRASE", "a-phrase-of-mine"), ("", "")):
        with worker_of(tmp_path, redis_url, RUNTAIL_MASK_ENV=patterns, **environment) as worker:
            worker.wait_ready()
            _, output = worker.do("s.environment", ["DB_PASSWORD", "MY_PHRASE"])
            assert b"DB_PASSWORD=Pw-of-the-db-1\n" in output
            assert (b"MY_PHRASE=***\n" in output) == bool(hidden)
            assert (b"url-password" in output) == (not hidden)


def test_what_celery_says_of_a_task_is_masked(tmp_path: Path, redis_url: str) -> None:
    logfile = tmp_path / "celery.log"
    arguments = ("--concurrency=1", "--loglevel=DEBUG")
    values = ("Tok-en-4711x", "271828")
    for more in ((), (f"--logfile={logfile}",)):
        with Worker(tmp_path, redis_url, app=APP, arguments=(*arguments, *more)) as worker:
            if more:
                wait_for(lambda: logfile.exists() and " ready." in logfile.read_text(), 60, worker.process.evidence)
            else:
                worker.wait_ready()
            ends = [
                worker.wait_ended(worker.send("s.gives_away", token=values[0], pin=271828, end=end))
                for end in ("", "retry", "return", "exit")
            ]
            log = worker.process.output() + (logfile.read_text() if more else "")
            assert "raised unexpected: ValueError('*** ***" in log
            assert "retry: Retry in 0s: ValueError('again *** ***" in log
            assert "succeeded in" in log
            # What a task logs into a file of its own it has written elsewhere.
            leaks = [line for line in log.splitlines() if any(value in line for value in values)]
            assert [line for line in leaks if not more or (": logged " not in line and "] logged " not in line)] == []
            for run in ends:
                assert not re.search("|".join(values), json.dumps(run.fields)), run.fields


def test_celerys_main_process_names_no_arguments_of_a_task_with_secrets(tmp_path: Path, redis_url: str) -> None:
    environment: dict[str, str | None] = {"TEST_NAMES_ARGUMENTS": "1"}
    arguments = ("--concurrency=1", "--loglevel=DEBUG")
    with Worker(tmp_path, redis_url, app=APP, arguments=arguments, environment=environment) as worker:
        worker.wait_ready()
        worker.do("s.gives_away", "Tok-en-4711x", end="return")
        worker.do("s.announces", 1, "seed-of-no-secret")
        log = worker.process.output()
    assert re.search(r"Task s\.gives_away\[\S+\] received with \*\*\* \*\*\*", log)
    assert re.search(r"Task s\.announces\[\S+\] received with .1, 'seed-of-no-secret'. \{\}", log)
    assert "TaskPool: Apply" in log
    assert "Tok-en-4711x" not in log


def test_reasons_are_masked_before_they_are_cut(tmp_path: Path, redis_url: str) -> None:
    with worker_of(tmp_path, redis_url) as worker:
        worker.wait_ready()
        token = "R7-" + "abcdefghij" * 5
        for before in (430, 470, 480, 1_960):
            run, _ = worker.do("s.gives_away", token=token, note="n" * before + token, end="exit")
            assert not re.search("R7-|abcde", run.text("why"))
            run, _ = worker.do("s.gives_away", token=token, words=["w" * before + token])
            assert not re.search("R7-|abcde", run.text("why"))
            assert run.text("why").startswith("ValueError: ")


def test_the_apps_own_passwords_are_masked(tmp_path: Path, redis_url: str) -> None:
    conf = {"mongodb_backend_settings": {"password": "m0ng0-pass"}, "redbeat_redis_url": "redis://guest:guest@h/0"}
    with Worker(
        tmp_path, redis_url, app="tests.support.script_app", environment={"TEST_CONF": json.dumps(conf)}
    ) as worker:
        worker.wait_ready()
        _, output = worker.do("script", "print('m0ng0' + '-pass', 'guest')")
        assert output == b"*** guest\n"
        assert "m0ng0-pass" not in worker.process.output()
