"""What `pip install runtail` puts into a worker's environment, and what it costs to import."""

import email
import re
import zipfile
from pathlib import Path

import pytest

from tests.support.environments import Environment, environments

ENVIRONMENT = list(environments("matrix/celery-5.7"))[:1]
#: What a worker may get besides Celery and what Celery needs.
MOST_PACKAGES = 4
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
    assert "runtail" in ours
    assert len(ours) - 1 <= MOST_PACKAGES, ours


def test_importing_is_quick_and_imports_nothing_large(environment: Environment) -> None:
    said = [environment.run("-c", IMPORT).stdout.splitlines() for _ in range(5)]
    seconds = min(float(lines[0]) for lines in said)
    print(f"import runtail: {seconds * 1000:.1f} ms of CPU time")
    assert seconds < MOST_SECONDS
    assert said[0][1] == ""


def test_a_missing_extra_is_named(environment: Environment) -> None:
    for arguments in (["runs"], ["--help"], ["dev"]):
        done = environment.run("-m", "runtail", *arguments)
        assert done.returncode == 1
        assert done.stderr == "runtail: no rich or websocket here. Install runtail[cli]: pip install 'runtail[cli]'\n"


def test_the_wheel_has_licence_and_readme_and_names_no_address(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        (metadata,) = (name for name in names if name.endswith("dist-info/METADATA"))
        described = email.message_from_bytes(files.read(metadata))
        (licence,) = (name for name in names if name.endswith("dist-info/licenses/LICENSE"))
        assert files.read(licence).startswith(b"MIT License")
    assert described["License-Expression"] == "MIT"
    assert "runtail.install(app)" in str(described.get_payload())
    # There is no home page yet, and none is made up.
    assert described.get_all("Project-URL") is None
    assert "runtail/scripts/append.lua" in names
    assert not [name for name in names if re.search(r"(^|/)tests?/", name)]
