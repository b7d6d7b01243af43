"""What `pip install runtail` puts into a worker's environment, and what it costs to import."""

import email
import re
import zipfile
from pathlib import Path

import pytest

from tests.support.environments import Environment, environments

ENVIRONMENT = list(environments("matrix/celery-5.7"))[:1]
#: What a worker gets besides Celery and what Celery needs, and which versions of all of it do.
OURS = {"orjson", "prometheus-client"}
VERSIONS = {"billiard>=4.2", "celery[redis]<6,>=5.4", "orjson>=3.10", "prometheus-client>=0.21", "redis>=5"}
PYTHONS = "<3.14,>=3.11"
#: CPU time of `import runtail`, which a web application does as well.
MOST_SECONDS = 0.1
#: Prints the packages, and marks those that ``celery[redis]`` does not need.
LIST = """
import re
from importlib.metadata import distributions, requires
def split(text):
    name, extra = re.match(r"([A-Za-z0-9._-]+)(?:\\[(.*?)\\])?", text).groups()
    return name.lower().replace("_", "-"), extra or ""
def need(name, extra):
    seen.add((name, extra))
    for text in requires(name) or ():
        wanted = re.search("extra == .(.*?)['\\"]", text)
        found = split(text)
        if (not wanted or wanted[1] == extra) and found[0] in there and found not in seen:
            need(*found)
there = {split(found.name)[0]: found.version for found in distributions()}
seen = set()
need("celery", "redis")
for name, version in sorted(there.items()):
    print(name, version, "celery" if name in {name for name, _extra in seen} else "ours")
"""
#: Imports all that a worker's main process and its pool processes may need.
IMPORT_WORKER = """
import importlib, pkgutil
import celery.bin.worker, celery.worker.worker, celery.concurrency.prefork, kombu.transport.redis
import runtail.worker.celery_main, runtail.worker.task
for package in (runtail.worker.celery_main, runtail.worker.task):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
"""
#: A line of ``-X importtime``: microseconds of a module itself, with what it imports first, and its name.
TIMED = re.compile(r"import time: +(\d+) \| +\d+ \| *([\w.]+)")
IMPORT = """
import sys, time
before = time.process_time()
import runtail
print(time.process_time() - before)
print(*sorted({"celery", "click", "kombu", "orjson", "prometheus_client", "redis"} & set(sys.modules)))
"""


@pytest.fixture(scope="module", params=ENVIRONMENT, ids=str)
def environment(request: pytest.FixtureRequest, wheel: Path) -> Environment:
    made: Environment = request.param
    made.make(wheel)
    return made


def test_few_packages_are_installed(environment: Environment) -> None:
    rows = [line.split() for line in environment.run("-c", LIST).stdout.splitlines()]
    for name, version, whose in rows:
        print(f"{name:20} {version:12} {'for Celery' if whose == 'celery' else 'for Runtail'}")
    ours = [name for name, _version, whose in rows if whose == "ours"]
    assert {"celery", "kombu", "redis"} <= {name for name, _version, whose in rows if whose == "celery"}
    assert set(ours) == {"runtail", *OURS}


def test_importing_is_quick_and_imports_nothing_large(environment: Environment) -> None:
    said = [environment.run("-c", IMPORT).stdout.splitlines() for _ in range(5)]
    seconds = min(float(lines[0]) for lines in said)
    print(f"import runtail: {seconds * 1000:.1f} ms of CPU time")
    assert seconds < MOST_SECONDS
    assert said[0][1] == ""


def test_a_worker_imports_less_of_runtail_than_of_celery(environment: Environment) -> None:
    """Both are timed in the same process: a busy machine makes both slower."""
    shares: list[tuple[float, float]] = []
    for _ in range(5):
        spent = {"runtail": 0.0, "celery": 0.0}
        for itself_us, name in TIMED.findall(environment.run("-X", "importtime", "-c", IMPORT_WORKER).stderr):
            whose = "runtail" if name.split(".")[0] in ("runtail", "orjson", "prometheus_client") else "celery"
            spent[whose] += int(itself_us) / 1000
        shares.append((spent["runtail"], spent["celery"]))
    ours_ms, celerys_ms = sorted(shares)[len(shares) // 2]
    print(f"a worker's imports: {ours_ms:.0f} ms of Runtail, {celerys_ms:.0f} ms of Celery and Python")
    assert 0 < ours_ms < celerys_ms


def test_a_missing_extra_is_named(environment: Environment) -> None:
    for arguments in (["runs"], ["--help"], ["dev"]):
        done = environment.run("-m", "runtail", *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("runtail: no argon2 or rich or websocket here. ")
        assert done.stderr.endswith("Install runtail[cli]: pip install 'runtail[cli]'\n")


def test_the_wheel_says_what_it_needs_and_has_licence_and_readme_and_no_address(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        (metadata,) = (name for name in names if name.endswith("dist-info/METADATA"))
        described = email.message_from_bytes(files.read(metadata))
        (licence,) = (name for name in names if name.endswith("dist-info/licenses/LICENSE"))
        assert files.read(licence).startswith(b"MIT License")
    assert described["License-Expression"] == "MIT"
    needed = {text for text in described.get_all("Requires-Dist", ()) if "extra ==" not in text}
    print(f"Python {described['Requires-Python']}; {', '.join(sorted(needed))}")
    assert needed == VERSIONS
    assert described["Requires-Python"] == PYTHONS
    assert "runtail.install(app)" in str(described.get_payload())
    # There is no home page yet, and none is made up.
    assert described.get_all("Project-URL") is None
    assert "runtail/scripts/append.lua" in names
    assert not [name for name in names if re.search(r"(^|/)tests?/", name)]
